import { parse } from 'yaml';
import { Policy, scopesOf } from '../../../src/access/policy.ts';
import { forcedCommand } from '../../../src/access/scopes/forced-command.ts';
import { type ChannelAsk, permits, permitsVariable } from '../../../src/access/scopes/permits.ts';
import { findScope, type Scope } from '../../../src/access/scopes/scope.ts';
import type { TunnelFacts } from '../../../src/access/scopes/tunnels.ts';
import {
  INNOCENT_GLOBAL_REQUESTS,
  REFUSED_CHANNEL_REQUESTS,
  REFUSED_CHANNELS,
  REFUSED_GLOBAL_REQUESTS,
  type Refusal,
  refusedSentence,
} from '../../../src/gateway/words/refused-features.ts';

/** docs/scopes.md: its tables are what the code answers, so that the page cannot say what the code does not do. */

const EXAMPLE = `scopes:
  - name: exec:restart
    words: Restart the web service
    exec: [[/usr/bin/systemctl, restart, nginx]]
  - name: tunnel:pg
    words: The order database
    tunnels: [{ host: db.internal, ports: [5432] }]
  - name: files:www
    words: Publish the web site
    files: { rights: read-write, paths: [/srv/www/**] }
  - name: shell:watched
    words: Shell with typed input recorded, and nothing left out of its commands
    shell: true
    pty: true
    exec: any
    files: { rights: read-write }
    record_input: true
    opaque: refused
`;

const policy = Policy.parse({ rules: [{ name: 'one', max_duration: 'PT8H' }], ...parse(EXAMPLE) });
const scopes = scopesOf(policy);

const facts: TunnelFacts = {
  target: { id: 'web-01', name: 'Web server', address: '192.0.2.11', port: 22 },
  gateway: { hosts: ['ssh.example.com'], ports: [2222] },
};

type Row = { readonly what: string; readonly where: string; readonly ask: ChannelAsk };
const exec = (command: string): ChannelAsk => ({ kind: 'exec', command });
const tunnel = (host: string, port: number): ChannelAsk => ({ kind: 'tunnel', host, port });

const ROWS: readonly Row[] = [
  { what: 'a shell', where: 'RFC 4254 §6.5', ask: { kind: 'shell' } },
  { what: 'a terminal', where: 'RFC 4254 §6.2', ask: { kind: 'pty' } },
  { what: '`uptime`', where: 'RFC 4254 §6.5', ask: exec('uptime') },
  {
    what: '`/usr/bin/systemctl restart nginx`',
    where: 'RFC 4254 §6.5',
    ask: exec('/usr/bin/systemctl restart nginx'),
  },
  {
    what: '`/usr/bin/systemctl restart nginx; id`',
    where: 'RFC 4254 §6.5',
    ask: exec('/usr/bin/systemctl restart nginx; id'),
  },
  { what: '`sftp`, and `scp` from OpenSSH 9 on', where: 'RFC 4254 §6.5', ask: { kind: 'subsystem', name: 'sftp' } },
  { what: 'reading with `scp -O` below /srv/www', where: 'RFC 4254 §6.5', ask: exec('scp -f /srv/www/index.html') },
  { what: 'writing with `scp -O` below /srv/www', where: 'RFC 4254 §6.5', ask: exec('scp -t /srv/www') },
  { what: 'writing with `scp -O` elsewhere', where: 'RFC 4254 §6.5', ask: exec('scp -t /etc') },
  { what: '`rsync`, `git` over ssh', where: 'RFC 4254 §6.5', ask: exec('rsync --server -e.iLsfxC . /srv') },
  { what: 'another subsystem', where: 'RFC 4254 §6.5', ask: { kind: 'subsystem', name: 'netconf' } },
  { what: '`-L`, `-D`, `-W` to db.internal:5432', where: 'RFC 4254 §7.2', ask: tunnel('db.internal', 5432) },
  { what: 'the same to localhost:8080', where: 'RFC 4254 §7.2', ask: tunnel('localhost', 8080) },
  { what: 'the same to the target’s own sshd', where: 'RFC 4254 §7.2', ask: tunnel('127.1', 22) },
  { what: 'the same to the gateway', where: 'RFC 4254 §7.2', ask: tunnel('ssh.example.com', 2222) },
];

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
const names = scopes.map((scope) => `\`${scope.name}\``);
const yes = (holds: boolean): string => (holds ? 'yes' : '–');

const decisions = (): string =>
  table(
    ['what the client asks for', 'section', ...names],
    [
      ...ROWS.map(({ what, where, ask }) => [
        ...[what, where],
        ...scopes.map((scope) => yes(permits(scope, ask, facts).allowed)),
      ]),
      [
        ...['setting LANG, LC_*', 'RFC 4254 §6.4'],
        ...scopes.map((scope) =>
          yes(['LANG', 'LC_ALL'].every((name) => permitsVariable(scope, { name, value: 'de_DE.UTF-8' }))),
        ),
      ],
      [
        'setting any variable',
        'RFC 4254 §6.4',
        ...scopes.map((scope) => yes(permitsVariable(scope, { name: 'LD_PRELOAD', value: 'x' }))),
      ],
    ],
  );

const SAID: readonly (readonly [string, ChannelAsk])[] = [
  ['exec:restart', { kind: 'shell' }],
  ['exec:restart', exec('uptime')],
  ['exec:restart', exec('/usr/bin/systemctl restart nginx; id')],
  ['files-ro', exec('scp -f /srv/www/index.html')],
  ['files:www', exec('scp -t /etc')],
  ['shell:watched', tunnel('db.internal', 5432)],
  ['tunnel:pg', tunnel('localhost', 8080)],
  ['ide', tunnel('127.1', 22)],
  ['ide', tunnel('localhost', 2222)],
];

function sentences(): string {
  const lines = SAID.map(([name, ask]) => {
    const scope = findScope(scopes, name);
    const verdict = scope && permits(scope, ask, facts);
    if (!verdict || verdict.allowed) throw new Error(`${name} refuses nothing here`);
    return `- \`${verdict.why}\``;
  });
  return lines.join('\n');
}

const refusals = (kind: string, all: ReadonlyMap<string, Refusal>, where: Readonly<Record<string, string>>) =>
  [...all].map(([name, refusal]) => [`${kind} \`${name}\``, where[name] ?? '', `\`${refusedSentence(refusal)}\``]);

const always = (): string =>
  table(
    ['what the client asks for', 'section', 'what the person sees'],
    [
      ...refusals('request', REFUSED_CHANNEL_REQUESTS, {
        'x11-req': 'RFC 4254 §6.3.1',
        'auth-agent-req@openssh.com': 'OpenSSH PROTOCOL.agent',
      }),
      ...refusals('channel', REFUSED_CHANNELS, {
        'direct-streamlocal@openssh.com': 'OpenSSH PROTOCOL §2.4',
        'tun@openssh.com': 'OpenSSH PROTOCOL §2.3',
        x11: 'RFC 4254 §6.3.2',
        'auth-agent@openssh.com': 'OpenSSH PROTOCOL.agent',
      }),
      ...refusals('global request', REFUSED_GLOBAL_REQUESTS, {
        'tcpip-forward': 'RFC 4254 §7.1',
        'streamlocal-forward@openssh.com': 'OpenSSH PROTOCOL §2.4',
      }),
    ],
  );

const held = (): string =>
  table(
    ['scope', 'force-command', 'permit-pty', 'permit-port-forwarding'],
    scopes.map((scope: Scope) => {
      const command = forcedCommand(scope);
      const forwards = scope.loopback || scope.tunnels.length > 0;
      return [`\`${scope.name}\``, command === null ? '–' : `\`${command}\``, yes(scope.pty), yes(forwards)];
    }),
  );

export const scopesPage = (): string => `# Scopes

A scope defines what access allows, channel by channel. Anything it does not name is refused, with a sentence that names what it allows. The
request that a reviewer approves contains the whole scope, not just its name: later changes to policy.yml do not affect access that was
granted before. The tables on this page are generated from the code (\`npm run docs\`).

Four scopes are built in: \`shell\`, \`files-ro\`, \`files-rw\` and \`ide\`. Operators define others in policy.yml, with a prefix that shows
what they open. docs/configuration.md lists every field:

\`\`\`yaml
${EXAMPLE}\`\`\`

\`daypass policy scope exec:restart --exec '/usr/bin/systemctl restart nginx'\` shows how the gateway would decide, and warns about
commands that can give the person a shell.

## What is allowed

The scopes with a colon are the ones above.

${decisions()}

\`window-change\`, \`signal\` (RFC 4254 §6.7, §6.9), \`break\` (RFC 4335) and, once, \`eow@openssh.com\` (OpenSSH PROTOCOL §2.1) are passed on in
every channel that was allowed. The first three are recorded. Keepalives and these global requests end at the gateway: ${[...INNOCENT_GLOBAL_REQUESTS].map((name) => `\`${name}\``).join(', ')}.
Host keys of targets are not announced to clients.

Refusals read like these. The channel then ends with status 254, and security’s channel lists the refusal:

${sentences()}

## What every scope refuses

${always()}

Other channel and request types are refused as unknown.

## Commands

\`exec:\` scopes list commands as words. A word in the list must match exactly. \`*\` stands for any one word, and \`**\`, at the end, for any
number of words. Neither stands for an option, which is a word that is empty or begins with \`-\` or \`+\`. Write out the options that you
allow, and the full paths of programs.

What a client sends is split into words as every shell does, and goes to the target unchanged. If a shell would do more than split, the
command is refused and the character named: \`; | & $ ( ) < > * ? [ ] ~ # ! { } ^\`, a backquote, control characters and anything beyond
ASCII, and \`=\` in the first word and at the start of any word. In quotes most of them are plain. The exceptions are \`!\` and a backslash in
any quotes, and \`$\` and a backquote in double quotes. The rule is what sh, dash, bash, zsh, ksh, mksh, yash, busybox and fish agree on.

The variables that a client sends are part of what a command does. Without a shell, only language and colours are passed on, and of those no
value that could be a path.

## Files

\`files-ro\` applies inside SFTP; \`files-rw\` and \`files:\` scopes also apply in scp’s old protocol (\`scp -O\`). \`paths\` are absolute patterns: \`*\` is a
name or a part of one, \`**\` is any path below, and \`? [ ] { } ( ) \\\` are refused. With \`paths\`, \`scp -O\` has to name an absolute path
without wildcards. If it writes, or reads folders, everything below has to be within the patterns. A symlink on the target can lead out of a
pattern. There, only the target’s file permissions hold.

A person who may write anywhere may write what the login’s shell reads when it starts (\`~/.bashrc\`), and \`scp -O\` or the next login runs it.
\`files-rw\` keeps honest people to files. Set \`paths\` if more is at stake.

## Tunnels

A tunnel leads to a host and a port that the scope names. Hosts are exact, in any spelling of an address, or \`*.<domain>\` for every
name below it. No tunnel leads to the target’s own sshd (its loopback, id, name or address, at its port or 22) or to the gateway.
\`*.<domain>\` leads to neither port at all, because one of its names could be theirs. The target looks up a name that you list exactly: do not
list another name of the target itself with its SSH port.

\`ide\` is \`shell\` with tunnels to the target’s loopback, as VS Code and JetBrains need them. Anything that listens there without a password is
open to the person.

Tunnels are opaque: destination, bytes and digests are recorded, but nothing of what they mean.

## Nothing left out

\`opaque: refused\` refuses tunnels, and ends a channel before anything but the content of files is left out of its recording: the sftp subsystem
at the first byte that is not SFTP, any other channel once it carries more binary data than a recording keeps
([how much](security.md#what-a-recording-leaves-out)). Everything that passed until then is in the recording. Files can be transferred with
sftp and scp. rsync and git run, and end if they carry more. Program names make no difference.

The content of files transferred with sftp and scp is accounted for by digest. If all of it passed in order, the file log has the file’s
digest. If not (a program writes here and there in a file, or appends to it), the file log has its length and the reason, and the only
digest that covers the content is that of the whole stream, in the manifest. Everything else in SFTP and scp (names, attributes, errors) is
in the recording as it passed, however long the session is, and never ends a channel.

## What the target itself enforces

The certificate that the gateway uses to log in to a target contains as much of the scope as sshd understands. This holds even against
someone who has taken over the gateway’s worker:

${held()}

A scope that writes files cannot be expressed this way: scp’s old protocol is a command that the client chooses, and sshd would answer it with
SFTP. The same goes for lists of several commands and for paths. \`permit-port-forwarding\` opens every destination, because a certificate
cannot name one. \`PermitOpen\` in the target’s sshd_config can.
`;
