import { z } from 'zod';

/** Built-in: `shell`, `files-ro`, `files-rw`, `ide`. Operators define their own behind a prefix that says what they open. */
export const ScopeName = z
  .string()
  .regex(
    /^(?:shell|files-ro|files-rw|ide|(?:shell|files|exec|tunnel):[a-z0-9][a-z0-9-]{0,31})$/,
    'must be a scope name: exec:<name>, files:<name>, tunnel:<name> or shell:<name>, with a-z, 0-9 and hyphens',
  )
  .brand<'ScopeName'>();
export type ScopeName = z.infer<typeof ScopeName>;

const FileRights = z.strictObject({
  rights: z.enum(['read', 'read-write']),
  /** Absolute glob patterns that paths must match; empty means every path the login can reach. */
  paths: z.array(z.string().startsWith('/')).default([]),
});

const TunnelDestination = z.strictObject({
  host: z.string().min(1).max(253),
  ports: z.array(z.int().min(1).max(65535)).min(1),
});

/** What a scope lets through, channel by channel (RFC 4254 §6, §7.2). What is not named is refused. */
export const Scope = z.strictObject({
  name: ScopeName,
  words: z.string().min(1).max(120),
  shell: z.boolean().default(false),
  pty: z.boolean().default(false),
  /** `any` command, none, or commands whose parsed words match one of the listed patterns. */
  exec: z.union([z.literal('any'), z.literal('none'), z.array(z.array(z.string()).min(1)).min(1)]).default('none'),
  files: FileRights.nullable().default(null),
  tunnels: z.array(TunnelDestination).default([]),
  /** Tunnels to the target's own loopback, except its sshd. */
  loopback: z.boolean().default(false),
  /** What is typed at a terminal is recorded. Left out of older grants, whose digests cover the scope: never defaulted. */
  record_input: z.boolean().optional(),
  /** What could only be counted is refused, and a channel ends rather than that the middle of its binary data is left out. */
  opaque: z.literal('refused').optional(),
  /** Whether a person is told that somebody watches; told when left out. */
  watch: z.enum(['told', 'silent']).optional(),
});
export type Scope = z.infer<typeof Scope>;

const builtIn = (scope: Omit<z.input<typeof Scope>, 'name'> & { readonly name: string }): Scope =>
  Scope.parse(scope as z.input<typeof Scope>);

/** There without being defined. Operators add theirs in policy.yml; what an inventory lists is all that can be asked for. */
export const BUILT_IN_SCOPES: readonly Scope[] = [
  builtIn({
    name: 'shell',
    words: 'Shell, commands and files, as far as the login reaches',
    shell: true,
    pty: true,
    exec: 'any',
    files: { rights: 'read-write' },
  }),
  builtIn({
    name: 'files-ro',
    words: 'Read files with sftp or scp; no shell, no commands',
    files: { rights: 'read' },
  }),
  builtIn({
    name: 'files-rw',
    words: 'Read and write files with sftp or scp; no shell, no commands',
    files: { rights: 'read-write' },
  }),
  builtIn({
    name: 'ide',
    words: "All of shell, and tunnels to the target's own loopback, for VS Code and JetBrains",
    shell: true,
    pty: true,
    exec: 'any',
    files: { rights: 'read-write' },
    loopback: true,
  }),
];

/** Whether two scopes let the same through. */
export const sameScope = (a: Scope, b: Scope): boolean =>
  JSON.stringify(Scope.parse(a)) === JSON.stringify(Scope.parse(b));

/** Whether a scope lets through all that another does. */
export function includesScope(wide: Scope, narrow: Scope): boolean {
  const flags = ['shell', 'pty', 'loopback'] as const;
  return (
    flags.every((flag) => wide[flag] || !narrow[flag]) &&
    includesExec(wide.exec, narrow.exec) &&
    includesFiles(wide.files, narrow.files) &&
    narrow.tunnels.every(({ host, ports }) => ports.every((port) => leadsTo(wide, host, port))) &&
    (wide.opaque === undefined || narrow.opaque === 'refused')
  );
}

function includesExec(wide: Scope['exec'], narrow: Scope['exec']): boolean {
  if (wide === 'any' || narrow === 'none') return true;
  if (wide === 'none' || narrow === 'any') return false;
  const patterns = new Set(wide.map((pattern) => JSON.stringify(pattern)));
  return narrow.every((pattern) => patterns.has(JSON.stringify(pattern)));
}

function includesFiles(wide: Scope['files'], narrow: Scope['files']): boolean {
  if (narrow === null) return true;
  if (wide === null || (wide.rights === 'read' && narrow.rights !== 'read')) return false;
  if (wide.paths.length === 0) return true;
  return narrow.paths.length > 0 && narrow.paths.every((path) => wide.paths.includes(path));
}

const leadsTo = ({ tunnels }: Scope, host: string, port: number): boolean =>
  tunnels.some((tunnel) => tunnel.host === host && tunnel.ports.includes(port));

export const findScope = (scopes: readonly Scope[], name: string): Scope | null =>
  scopes.find((scope) => scope.name === name) ?? null;
