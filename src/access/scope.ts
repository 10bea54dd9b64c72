import { z } from 'zod';

/** `shell`, `files-ro`, `files-rw`, `ide`, `exec:<list>`, `tunnel:<list>`. */
export const ScopeName = z
  .string()
  .regex(/^(?:shell|files-ro|files-rw|ide|(?:exec|tunnel):[a-z0-9][a-z0-9-]{0,31})$/)
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
  /** Channels that could only be counted are refused. */
  opaque: z.literal('refused').optional(),
  /** Whether a person is told that somebody watches; told when left out. */
  watch: z.enum(['told', 'silent']).optional(),
});
export type Scope = z.infer<typeof Scope>;

const builtIn = (scope: z.input<typeof Scope>): Scope => Scope.parse(scope);

/** The scopes that the gateway enforces; no other scope can be requested or granted. */
export const SCOPES: readonly Scope[] = [
  builtIn({
    name: 'shell' as ScopeName,
    words: 'Shell, commands and files, as far as the login reaches',
    shell: true,
    pty: true,
    exec: 'any',
    files: { rights: 'read-write' },
  }),
  builtIn({
    name: 'files-rw' as ScopeName,
    words: 'Read and write files with sftp or scp; no shell, no commands',
    files: { rights: 'read-write' },
  }),
];

export const findScope = (name: string): Scope | null => SCOPES.find((scope) => scope.name === name) ?? null;

/** What a client asks of a session channel (RFC 4254 §6.2, §6.5). */
export type ChannelAsk =
  | { readonly kind: 'shell' }
  | { readonly kind: 'pty' }
  | { readonly kind: 'exec'; readonly command: string }
  | { readonly kind: 'subsystem'; readonly name: string }
  /** A direct-tcpip channel (RFC 4254 §7.2), as the client names its end. */
  | { readonly kind: 'tunnel'; readonly host: string; readonly port: number };

/** Where no tunnel leads, whatever a scope says. */
export type TunnelFacts = {
  readonly target: { readonly id: string; readonly address: string; readonly port: number };
  readonly gateway: { readonly hosts: readonly string[]; readonly port: number };
};

export type ChannelVerdict = { readonly allowed: true } | { readonly allowed: false; readonly why: string };

const ALLOWED: ChannelVerdict = { allowed: true };
const refused = (why: string): ChannelVerdict => ({ allowed: false, why });

/** Decides one channel request; the last line refuses. */
export function permits(scope: Scope, ask: ChannelAsk, facts: TunnelFacts | null = null): ChannelVerdict {
  switch (ask.kind) {
    case 'shell':
      if (scope.shell) return ALLOWED;
      break;
    case 'pty':
      if (scope.pty) return ALLOWED;
      break;
    case 'exec':
      if (scope.exec === 'any') return ALLOWED;
      if (scope.files?.rights === 'read-write' && isScpServer(ask.command)) return ALLOWED;
      break;
    case 'subsystem':
      if (ask.name === 'sftp' && scope.files?.rights === 'read-write') return ALLOWED;
      break;
    case 'tunnel':
      if (facts && ask.port !== facts.target.port && ask.port !== facts.gateway.port) {
        if (scope.tunnels.some(({ host, ports }) => host === ask.host && ports.includes(ask.port))) return ALLOWED;
      }
      break;
    default:
      ask satisfies never;
  }
  return refused(`scope ${scope.name} does not allow ${describe(ask)}; it allows: ${scope.words}`);
}

function describe(ask: ChannelAsk): string {
  switch (ask.kind) {
    case 'shell':
      return 'a shell';
    case 'pty':
      return 'a terminal';
    case 'exec':
      return 'this command';
    case 'subsystem':
      return `the subsystem ${ask.name.replace(/[^\x20-\x7e]/g, '?').slice(0, 40)}`;
    case 'tunnel':
      return `a tunnel to ${ask.host.replace(/[^\x20-\x7e]/g, '?').slice(0, 60)}:${ask.port}`;
  }
}

/**
 * The server half of scp's old protocol: `scp [-v] [-r] [-p] [-d] (-t|-f) [--] path`. sshd hands the string to a shell, so any
 * character that a shell gives a meaning beyond path globbing refuses it.
 */
function isScpServer(command: string): boolean {
  if (!/^[A-Za-z0-9_@%+=:,./~*?[\] -]+$/.test(command)) return false;
  const words = command.split(' ').filter((word) => word !== '');
  if (words[0] !== 'scp') return false;
  const path = words.findIndex((word, index) => index > 0 && !word.startsWith('-'));
  if (path !== words.length - 1) return false;
  const options = words.slice(1, path);
  if (options.at(-1) === '--') options.pop();
  return options.every((option) => /^-[vrpdtf]+$/.test(option)) && options.some((option) => /[tf]/.test(option));
}
