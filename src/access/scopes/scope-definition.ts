import { z } from 'zod';
import { wrongPattern } from './exec-patterns.ts';
import { wrongPathPattern } from './path-patterns.ts';
import { BUILT_IN_SCOPES, findScope, ScopeName } from './scope.ts';
import { readHostPattern } from './tunnel-host.ts';

const PATTERNS_MAX = 32;
const WORDS_MAX = 16;
const PATHS_MAX = 32;
const TUNNELS_MAX = 32;
const PORTS_MAX = 32;
const SCOPES_MAX = 90;

const PathPattern = z
  .string()
  .max(512)
  .regex(/^\/[^\p{C}\p{Zl}\p{Zp}]*$/u, 'must be an absolute path, with * and ** where names vary')
  .refine((text) => !text.split('/').includes('..'), 'must not contain ".."')
  .superRefine((text, context) => {
    const wrong = wrongPathPattern(text);
    if (wrong) context.addIssue({ code: 'custom', message: wrong });
  });

const Files = z
  .strictObject({
    rights: z.enum(['read', 'read-write']).meta({
      description: 'Whether files can be read, or read and written.',
      examples: ['read'],
    }),
    paths: z
      .array(PathPattern)
      .max(PATHS_MAX)
      .default([])
      .meta({
        description:
          'Where: `*` is a name or a part of one, `**` any path below. Nothing else is a pattern. If omitted, every path the login can reach.',
        examples: [['/srv/www/**']],
      }),
  })
  .meta({ description: 'Files, by sftp and scp.', examples: [{ rights: 'read', paths: ['/var/log/**'] }] });

const Tunnel = z.strictObject({
  host: z
    .string()
    .refine((text) => readHostPattern(text) !== null, 'must be a host name, an IP address, or *.<domain>')
    .meta({
      description: 'The host as the target knows it: a name, an address, or `*.<domain>` for every name below.',
      examples: ['db.internal'],
    }),
  ports: z
    .array(z.int().min(1).max(65_535))
    .min(1)
    .max(PORTS_MAX)
    .meta({ description: 'The ports on that host.', examples: [[5432]] }),
});

/** A scope as policy.yml defines it. What is approved is a `Scope`, whose shape older grants fix. */
const Defined = z.strictObject({
  name: ScopeName.meta({
    description: 'The prefix shows what the scope opens: `exec:…`, `files:…`, `tunnel:…` or `shell:…`.',
    examples: ['exec:restart'],
  }),
  words: z
    .string()
    .min(1)
    .max(120)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'must be one line of plain text')
    .meta({
      description: 'What the scope allows, shown to requesters and reviewers.',
      examples: ['Restart the web service'],
    }),
  shell: z
    .boolean()
    .default(false)
    .meta({ description: 'A shell. Only in `shell:…`.', examples: [true] }),
  pty: z
    .boolean()
    .default(false)
    .meta({ description: 'A terminal, for commands that need one (`ssh -t`).', examples: [true] }),
  exec: z
    .union([
      z.literal('any'),
      z.literal('none'),
      z
        .array(z.array(z.string().max(128)).min(1).max(WORDS_MAX))
        .min(1)
        .max(PATTERNS_MAX),
    ])
    .default('none')
    .meta({
      description:
        'Commands as lists of words. `*` is one word that is not an option, and `**` at the end is any number of such words. `any` is every command.',
      examples: [[['systemctl', 'restart', 'nginx']]],
    }),
  files: Files.nullable().default(null),
  tunnels: z
    .array(Tunnel)
    .max(TUNNELS_MAX)
    .default([])
    .meta({
      description: 'Where `-L`, `-D` and `-W` may lead.',
      examples: [[{ host: 'db.internal', ports: [5432] }]],
    }),
  loopback: z
    .boolean()
    .default(false)
    .meta({ description: 'Tunnels to the target’s own loopback, but not to its sshd.', examples: [true] }),
  record_input: z
    .boolean()
    .optional()
    .meta({ description: 'Also records what is typed at a terminal.', examples: [true] }),
  opaque: z
    .literal('refused')
    .optional()
    .meta({
      description:
        'Refuses tunnels, because a recording could only count their bytes, and ends a channel that carries more binary data than a recording keeps.',
      examples: ['refused'],
    }),
  watch: z
    .enum(['told', 'silent'])
    .optional()
    .meta({
      description: 'Whether the person is told when an operator watches their session. If omitted, they are told.',
      examples: ['silent'],
    }),
});
type Defined = z.infer<typeof Defined>;

type Problem = { readonly path: PropertyKey[]; readonly message: string };

/** What would be promised and not held, or held and not said. */
function problemsOf(scope: Defined): Problem[] {
  const { name, shell, pty, exec, files, tunnels, loopback, opaque } = scope;
  const [prefix] = name.split(':');
  const problems: Problem[] = [];
  const unless = (holds: boolean, field: keyof Defined, message: string): void => {
    if (!holds) problems.push({ path: [field], message });
  };
  if (findScope(BUILT_IN_SCOPES, name)) {
    return [
      {
        path: ['name'],
        message: `${name} is built in; your own names must begin with exec:, files:, tunnel: or shell:`,
      },
    ];
  }
  const isAnything = shell || exec === 'any';
  if (prefix === 'exec') unless(exec !== 'none', 'exec', `${name} names no command`);
  if (prefix === 'files') unless(files !== null, 'files', `${name} names no files`);
  if (prefix === 'tunnel') unless(tunnels.length > 0 || loopback, 'tunnels', `${name} names no tunnels`);
  if (prefix === 'shell') unless(shell, 'shell', `${name} has no shell`);
  else unless(!shell, 'shell', `a shell runs any command: name the scope shell:<name>, not ${name}`);
  if (prefix === 'files' || prefix === 'tunnel') {
    unless(exec === 'none', 'exec', `commands belong in exec:<name>, not in ${name}`);
  }
  unless(!pty || shell || exec !== 'none', 'pty', 'a terminal is useless without a shell or a command');
  const isBounded = files !== null && (files.rights === 'read' || files.paths.length > 0);
  unless(
    !isAnything || !isBounded,
    'files',
    'a shell, or any command, reaches every file of the login: limits here would have no effect',
  );
  const isTunnelled = tunnels.length > 0 || loopback;
  unless(opaque === undefined || !isTunnelled, 'opaque', 'every tunnel is opaque: remove the tunnels or this setting');
  for (const pattern of exec === 'any' || exec === 'none' ? [] : exec) {
    const wrong = wrongPattern(pattern);
    if (wrong) problems.push({ path: ['exec'], message: `${JSON.stringify(pattern)}: ${wrong}` });
  }
  return problems;
}

export const DefinedScopes = z
  .array(
    Defined.superRefine((scope, context) => {
      for (const problem of problemsOf(scope)) context.addIssue({ code: 'custom', ...problem });
    }),
  )
  .max(SCOPES_MAX)
  .superRefine((scopes, context) => {
    for (const [index, { name }] of scopes.entries()) {
      if (scopes.findIndex((other) => other.name === name) === index) continue;
      context.addIssue({ code: 'custom', path: [index, 'name'], message: `${name} is defined twice` });
    }
  })
  .default([]);
