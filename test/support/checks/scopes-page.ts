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
    words: Shell with what is typed recorded, and nothing left out of its commands
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
  { what: '`sftp`, and `scp` as OpenSSH 9 has it', where: 'RFC 4254 §6.5', ask: { kind: 'subsystem', name: 'sftp' } },
  { what: 'reading by `scp -O` below /srv/www', where: 'RFC 4254 §6.5', ask: exec('scp -f /srv/www/index.html') },
  { what: 'writing by `scp -O` below /srv/www', where: 'RFC 4254 §6.5', ask: exec('scp -t /srv/www') },
  { what: 'writing by `scp -O` elsewhere', where: 'RFC 4254 §6.5', ask: exec('scp -t /etc') },
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
    ['asked', 'section', ...names],
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
    ['asked', 'section', 'what the person reads'],
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

A scope says what an access lets through, channel by channel. What it does not name is refused, with a sentence that names what it
allows. The request that a reviewer approves holds the whole scope, not its name: what policy.yml says later changes no access that
was granted before. The tables of this page are written from the code (\`npm run docs\`).

Four scopes are built in: \`shell\`, \`files-ro\`, \`files-rw\` and \`ide\`. Operators define others in policy.yml, behind a prefix that says
what they open; docs/configuration.md has every field:

\`\`\`yaml
${EXAMPLE}\`\`\`

\`daypass policy test --scope exec:restart --exec '/usr/bin/systemctl restart nginx'\` says how the gateway would decide, and warns of commands
out of which one gets a shell.

## What is let through

The scopes with a colon are the ones above.

${decisions()}

\`window-change\`, \`signal\` (RFC 4254 §6.7, §6.9), \`break\` (RFC 4335) and, once, \`eow@openssh.com\` (OpenSSH PROTOCOL §2.1) go on in every channel
that was let through; the first three are recorded. Keepalives and these global requests stay at the gateway: ${[...INNOCENT_GLOBAL_REQUESTS].map((name) => `\`${name}\``).join(', ')}.
Host keys of targets are not announced to clients.

A refusal reads like these; a channel then ends with status 254, and security’s channel lists it:

${sentences()}

## What is refused whatever the scope

${always()}

Other channel and request types are refused as unknown.

## Commands

\`exec:\` scopes list commands as words. A word of a list is exact; \`*\` stands for any one word and \`**\`, at the end, for any number of them,
and neither for an option: a word that is empty or begins with \`-\` or \`+\`. Write the options that you allow, and whole paths of programs.

What a client sends is split into words as every shell does it, and goes to the target unchanged. Where a shell would do more than
split, the command is refused and the character named: \`; | & $ ( ) < > * ? [ ] ~ # ! { } ^\`, a backquote, control characters and all
beyond ASCII, \`=\` in the first word and at the start of any. In quotes most of them are plain; \`!\` never is, nor are \`$\` and a backquote in
double quotes, or a backslash in any. The rule is what sh, dash, bash, zsh, ksh, mksh, yash, busybox and fish agree on.

The variables that a client sends are part of what a command does: without a shell only language and colours go on, and of
those no value that could be a path.

## Files

\`files-ro\`, \`files-rw\` and \`files:\` scopes hold inside SFTP and in scp’s old protocol (\`scp -O\`). \`paths\` are absolute patterns: \`*\` is a name or
a part of one, \`**\` is any path below, and \`? [ ] { } ( ) \\\` are refused. With them, what \`scp -O\` is asked for has to be an absolute path without wildcards; where it writes, or reads
folders, all below has to be within. A symlink on the target can lead out of a pattern: its file permissions are what holds then.

Who may write everywhere may write what the login’s shell reads when it starts (\`~/.bashrc\`), which \`scp -O\` or the next login runs.
\`files-rw\` keeps honest people to files; give \`paths\` where more is at stake.

## Tunnels

A tunnel leads to a host and a port that the scope names. Hosts are exact, in any spelling of an address, or \`*.<domain>\` for every
name below it. None leads to the target’s own sshd (its loopback, id, name or address, at its port or 22) or to the gateway, and
\`*.<domain>\` leads to neither port at all, because one of its names could be theirs. A name that you list exactly is looked up by the
target: do not list another name of the target itself with its SSH port.

\`ide\` is \`shell\` with tunnels to the target’s loopback, as VS Code and JetBrains need them. Whatever listens there without a password is
open to the person.

Tunnels are opaque: destination, bytes and digests are recorded, and nothing of what they mean.

## Nothing left out

\`opaque: refused\` refuses tunnels, and ends a channel before anything but content of files is left out of its recording: the sftp subsystem
at the first byte that is no SFTP, any other channel once it carries more binary data than a recording keeps
([how much](security.md#what-a-recording-leaves-out)). All that passed until then is in the recording. Files go by sftp and scp; rsync and git
run, and end where they carry more. Names of programs decide nothing.

Content of files that go by sftp and scp is accounted for by digest: by that of the file, in the file log, where all of it passed in order.
Where it did not (a program that writes here and there in a file, or appends to it), the file log has its length and says why, and the only
digest that covers the content is that of the whole stream, in the manifest. What else SFTP and scp say (names, attributes, errors) is
in the recording as it passed, however long the session is, and ends nothing.

## What the target itself holds

The certificate with which the gateway logs in to a target says as much of the scope as sshd understands. This holds even against
somebody who took over the gateway’s worker:

${held()}

A scope that writes files cannot be told so: scp’s old protocol is a command that the client chooses, and sshd would answer it with
SFTP. The same goes for lists of several commands and for paths. \`permit-port-forwarding\` opens every destination, because a certificate
cannot name one; \`PermitOpen\` in the target’s sshd_config can.
`;
