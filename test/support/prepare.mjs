// Runs before the tests: sees to the programs that they drive. As root on Debian it installs what is missing; anyone else is
// given the line to run.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const INSTALL_MINUTES = 10;
const POLICY = '/usr/sbin/policy-rc.d';
const POLICY_BEFORE = '/usr/sbin/policy-rc.d.before-daypass-tests';
/** Debian's packages start and enable these; the tests want the programs only. */
const SERVICES = ['ssh.service', 'ssh.socket', 'postgresql.service', 'rsync.service'];

const PACKAGES = [
  { name: 'openssh-client', programs: ['ssh', 'scp', 'sftp', 'ssh-keygen', 'ssh-keyscan', 'ssh-agent', 'ssh-add'] },
  { name: 'openssh-server', programs: ['sshd'] },
  { name: 'rsync', programs: ['rsync'] },
  { name: 'git', programs: ['git'] },
  { name: 'sshfs', programs: ['sshfs', 'fusermount3'] },
  { name: 'ansible-core', programs: ['ansible'] },
  { name: 'putty-tools', programs: ['plink', 'psftp', 'puttygen'] },
  { name: 'python3-paramiko', present: () => hasModule('paramiko') },
  { name: 'python3-asyncssh', present: () => hasModule('asyncssh') },
  { name: 'ruby-net-ssh', present: hasNetSsh },
  { name: 'dropbear-bin', programs: ['dbclient', 'dropbearconvert'] },
  { name: 'ssh-audit', programs: ['ssh-audit'] },
  { name: 'curl', programs: ['curl'] },
  { name: 'chromium', programs: ['chromium'] },
  { name: 'asciinema', programs: ['asciinema'] },
  { name: 'vim-tiny', programs: ['vi'] },
  { name: 'less', programs: ['less'] },
  { name: 'tmux', programs: ['tmux'] },
  { name: 'zsh', programs: ['zsh'] },
  { name: 'fish', programs: ['fish'] },
  { name: 'tcsh', programs: ['tcsh'] },
  { name: 'procps', programs: ['ps'] },
  { name: 'sudo', programs: ['sudo'] },
  { name: 'strace', programs: ['strace'] },
  { name: 'systemd', programs: ['systemd-notify'] },
  { name: 'bsdutils', programs: ['script'] },
  { name: 'util-linux', programs: ['setpriv'] },
  { name: 'postgresql', present: hasPostgres },
];

const missing = PACKAGES.filter(({ programs, present }) => !(present ? present() : programs.every(isInstalled)));
if (missing.length > 0) provide(missing.map(({ name }) => name));

function provide(packages) {
  const install = ['install', '--yes', '--no-install-recommends', ...packages];
  if (process.getuid() !== 0) {
    process.stderr.write(`sudo apt-get ${install.join(' ')}\n`);
    process.exit(1);
  }
  if (!isInstalled('apt-get')) {
    process.stderr.write(
      `The tests need what Debian's packages ${packages.join(', ')} hold; install them and run again.\n`,
    );
    process.exit(1);
  }
  process.stdout.write(`Installing for the tests, without starting services: ${packages.join(' ')}\n`);
  const installed = withoutServices(() => apt(install) || (apt(['update']) && apt(install)));
  const still = PACKAGES.filter(({ programs, present }) => !(present ? present() : programs.every(isInstalled)));
  if (installed && still.length === 0) return;
  const names = still.map(({ name }) => name).join(', ') || 'some packages';
  process.stderr.write(`apt-get could not install ${names}: see its messages above; then run again.\n`);
  process.exit(1);
}

function apt(args) {
  const quiet = args[0] === 'update' ? ['-q', ...args] : ['-q', '-o', 'Dpkg::Use-Pty=0', ...args];
  const { status } = spawnSync('apt-get', quiet, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: INSTALL_MINUTES * 60_000,
  });
  return status === 0;
}

/** Debian's openssh-server would open port 22: policy-rc.d denies every start, and is put back whatever happens. */
function withoutServices(work) {
  // With a listener a Ctrl-C ends apt-get and is heard of after the clean-up.
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      interrupted = true;
    });
  }
  if (existsSync(POLICY) && !existsSync(POLICY_BEFORE)) renameSync(POLICY, POLICY_BEFORE);
  try {
    writeFileSync(POLICY, '#!/bin/sh\n# Written by the tests of Daypass while packages are installed.\nexit 101\n', {
      mode: 0o755,
    });
    const before = new Set(SERVICES.filter(isKnownService));
    const done = work();
    for (const service of SERVICES) if (!before.has(service) && isKnownService(service)) disable(service);
    return done && !interrupted;
  } finally {
    rmSync(POLICY, { force: true });
    if (existsSync(POLICY_BEFORE)) renameSync(POLICY_BEFORE, POLICY);
  }
}

function isKnownService(service) {
  return ['/lib/systemd/system', '/usr/lib/systemd/system'].some((folder) => existsSync(join(folder, service)));
}

/** Keeps it from starting at the next boot. */
function disable(service) {
  if (isInstalled('systemctl')) spawnSync('systemctl', ['--quiet', 'disable', service], { stdio: 'ignore' });
  else spawnSync('update-rc.d', [service.replace(/\..*/, ''), 'disable'], { stdio: 'ignore' });
}

function isInstalled(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  return folders.some((folder) => folder !== '' && isExecutable(join(folder, program)));
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function hasPostgres() {
  const versions = '/usr/lib/postgresql';
  if (!existsSync(versions)) return false;
  return readdirSync(versions).some((version) => isExecutable(join(versions, version, 'bin', 'initdb')));
}

/** Debian's modules are seen by Debian's Python only, whichever comes first in PATH. */
function hasModule(name) {
  return spawnSync('/usr/bin/python3', ['-W', 'ignore', '-c', `import ${name}`], { stdio: 'ignore' }).status === 0;
}

function hasNetSsh() {
  return spawnSync('/usr/bin/ruby', ['-e', 'require "net/ssh"'], { stdio: 'ignore' }).status === 0;
}
