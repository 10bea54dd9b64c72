import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Faults that strace puts into a running process: calls that concern one file fail, and what they should do is not done. */
export type Injected = AsyncDisposable & {
  /** When the first call failed, by `performance.now()`. */
  readonly struck: Promise<number>;
  /** How many calls failed so far. */
  readonly count: () => number;
};

/** `calls` as strace takes them, such as `writev,fdatasync`. Resolves once every call of the process goes by strace. */
export async function inject(pid: number, calls: string, file: string, error = 'EIO'): Promise<Injected> {
  const filter = ['-P', file, '-e', `trace=${calls}`, '-e', `inject=${calls}:error=${error}`];
  const child = spawn('strace', ['-f', '-s', '0', '-p', String(pid), ...filter], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  const exited = once(child, 'exit');
  let text = '';
  let look = (): void => {};
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    look();
  });
  const shown = (pattern: RegExp): Promise<number> =>
    new Promise((resolve, reject) => {
      look = () => pattern.test(text) && resolve(performance.now());
      exited.then(() => reject(new Error(`strace ended: ${text}`)), reject);
      look();
    });
  await shown(/^strace: Process \d+ attached(?: with \d+ threads)?$/m);
  const struck = shown(/INJECTED/);
  struck.catch(() => {});
  return {
    struck,
    count: () => text.split('(INJECTED)').length - 1,
    async [Symbol.asyncDispose]() {
      // It lets go of the process, which goes on.
      child.kill('SIGINT');
      await exited;
    },
  };
}
