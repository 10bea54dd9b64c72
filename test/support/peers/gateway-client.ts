import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { type Outcome, type RunOptions, run } from './processes.ts';
import { Terminal } from './terminal.ts';

/** Both ways into a target: `ssh login+target@gateway`, and ProxyJump. */
export const WAYS = ['direct', 'web-01'] as const;
export type Way = (typeof WAYS)[number];

/** Where its ssh_config lies. */
type World = { readonly sshConfig: string };

const F = (world: World): string[] => ['-F', world.sshConfig];

/** What each session begins with (RFC 4252 §5.4); stderr is told apart from it. */
const BANNER = /^daypass: \S+ on .*This session is recorded.*\r?\n/m;

export const ssh = async (world: World, args: readonly string[], options?: RunOptions) => {
  const { stderr, ...outcome } = await run('ssh', [...F(world), ...args], options);
  return { ...outcome, stderr: stderr.replace(BANNER, ''), banner: BANNER.exec(stderr)?.[0] ?? null };
};

export const scp = (world: World, args: readonly string[]): Promise<Outcome> =>
  run('scp', ['-q', ...F(world), ...args]);

export const sftp = (world: World, way: Way, batch: string): Promise<Outcome> =>
  run('sftp', ['-q', ...F(world), '-b', '-', way], { stdin: batch });

export const sshTerminal = (world: World, args: readonly string[], size = { columns: 80, rows: 24 }): Terminal =>
  new Terminal('ssh', [...F(world), ...args], size);

export type Client = AsyncDisposable & {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly stdout: Readable;
  stderr(): string;
  /** The exit code, or null where a signal ended it. */
  readonly exited: Promise<number | null>;
};

/** An ssh that goes on while the test does other things. */
export function sshClient(world: World, args: readonly string[]): Client {
  const child = spawn('ssh', [...F(world), ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {});
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  return {
    child,
    pid: child.pid ?? -1,
    stdout: child.stdout,
    stderr: () => stderr,
    exited,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await exited;
      }
    },
  };
}

export async function sha256Of(stream: Readable, each: (total: number) => Promise<void> | void = () => {}) {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    await each(bytes);
  }
  return { sha256: hash.digest('hex'), bytes };
}
