import type { Scope } from '../../access/scopes/scope.ts';

/**
 * Programs out of which one gets a shell, or that run or write what their words or files name: a person who may run them with words of
 * their own choosing, or at a terminal, may do more than the list shows.
 */
const ESCAPES: readonly (readonly [string, readonly string[]])[] = [
  ['is a shell, or runs other commands', words('sh bash dash zsh ksh mksh fish csh tcsh ash busybox env nice nohup')],
  [
    'runs other commands',
    words('timeout time watch xargs parallel setsid script strace gdb ltrace chroot unshare nsenter'),
  ],
  ['runs other commands', words('sudo doas su runuser ssh at batch crontab systemd-run flock stdbuf ionice taskset')],
  [
    'runs programs that it is given',
    words('perl python python2 python3 ruby node lua php awk gawk mawk nawk sed ed jq tclsh expect'),
  ],
  ['can start a shell, or a pager that can', words('less more man vi vim view nvim nano emacs pico joe mc ftp telnet')],
  ['starts a pager at a terminal, and the pager can start a shell', words('systemctl journalctl loginctl git hg svn')],
  [
    'runs commands that an option or a file names',
    words('find tar zip unzip rsync scp sftp make cmake dpkg rpm apt apt-get yum dnf'),
  ],
  [
    'runs commands that an option or a file names',
    words('pip pip3 npm gem cargo mount tcpdump logrotate openssl wget curl nmap'),
  ],
  ['can start a shell', words('mysql mariadb psql sqlite3 mongo mongosh redis-cli screen tmux byobu')],
  ['gives the same power as root', words('docker podman nerdctl kubectl ctr lxc virsh')],
  ['writes files', words('tee dd cp mv ln install truncate patch')],
];

function words(text: string): string[] {
  return text.split(' ');
}

/** Managers of services are named by what is restarted: with an exact verb and without a terminal they start nothing else. */
const TAME_WITHOUT_TERMINAL: ReadonlySet<string> = new Set(['systemctl', 'journalctl', 'loginctl']);

/** What a scope lets through beyond what its lists say. */
export function scopeWarnings(scope: Scope): string[] {
  const listed = scope.exec === 'any' || scope.exec === 'none' ? [] : scope.exec;
  const warnings = listed.flatMap((pattern) => patternWarnings(pattern, scope));
  const writes =
    scope.files?.rights === 'read-write' && scope.files.paths.length === 0 && !scope.shell && scope.exec !== 'any';
  if (writes) {
    warnings.push(
      `${scope.name} writes wherever the login can, including what the login's shell reads when it starts (~/.bashrc). That is as good as running commands. Set paths.`,
    );
  }
  return warnings;
}

function patternWarnings(pattern: readonly string[], scope: Scope): string[] {
  const [program = ''] = pattern;
  const shown = pattern.join(' ');
  const name = program.slice(program.lastIndexOf('/') + 1);
  const warnings: string[] = [];
  const isOpen = pattern.some((word) => word === '*' || word === '**');
  for (const [what, names] of ESCAPES) {
    if (!names.includes(name)) continue;
    if (TAME_WITHOUT_TERMINAL.has(name) && !scope.pty && !isOpen) continue;
    warnings.push(`"${shown}": ${name} ${what}${isOpen ? ', and * lets the person choose the words' : ''}.`);
  }
  if (!program.startsWith('/'))
    warnings.push(`"${shown}": ${program} is looked up in the login's PATH. Write the full path.`);
  return warnings;
}
