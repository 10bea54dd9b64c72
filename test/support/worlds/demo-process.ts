import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { daypassCommand } from './build.ts';

export type DemoProcess = AsyncDisposable & {
  readonly child: ChildProcess;
  readonly url: string;
  readonly lines: string[];
  readonly exited: Promise<number | null>;
};

/** `daypass demo` as a person starts it; resolves once it has said that everything runs. */
export async function startDemo(...args: string[]): Promise<DemoProcess> {
  const child = spawn(process.execPath, [...daypassCommand(), 'demo', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, DAYPASS_DEMO_PORT: '0' },
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const lines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    void exited.then((code) => reject(new Error(`the demo ended with ${code}:\n${lines.join('\n')}`)));
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      if (line.includes('Ctrl-C') || line.includes('✓')) resolve();
    });
  });
  const url = /^Demo: (http:\/\/127\.0\.0\.1:\d+\/)$/.exec(lines[0] ?? '')?.[1];
  if (!url) throw new Error(`the first line was not the address: ${lines[0]}`);
  return {
    child,
    url,
    lines,
    exited,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
      await exited;
    },
  };
}
