import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Limits } from '../../../src/gateway/limits.ts';

export type GatewayProcess = AsyncDisposable & {
  readonly pid: number;
  readonly sshConfig: string;
  readonly workers: readonly number[];
  readonly spool: string;
  /** Reads its recordings. */
  readonly identity: string;
  /** Where it listens, and what it and its workers wrote. */
  readonly port: number;
  readonly output: () => string;
};

type Told = Pick<GatewayProcess, 'sshConfig' | 'workers' | 'spool' | 'identity' | 'port'> & {
  readonly folders: readonly string[];
};

/** A gateway whose control can be stopped or killed without the test ending with it. */
export async function gatewayProcess(limits: Partial<Limits>, logLevel?: string): Promise<GatewayProcess> {
  const file = fileURLToPath(new URL('./gateway-main.ts', import.meta.url));
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const env = { ...process.env, ...(logLevel !== undefined && { DAYPASS_LOG_LEVEL: logLevel }) };
  const stdio = ['ignore', 'pipe', 'inherit', 'ipc'] as const;
  const child = fork(file, [JSON.stringify(limits)], { env, stdio: [...stdio], execArgv: ['--import', loader] });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [told] = (await once(child, 'message', { signal: AbortSignal.timeout(60_000) })) as [Told];
  const { folders, ...known } = told;
  return {
    ...known,
    pid: child.pid ?? -1,
    output: () => output,
    async [Symbol.asyncDispose]() {
      const isRunning = child.exitCode === null && child.signalCode === null;
      if (isRunning) {
        const ended = once(child, 'exit');
        child.send('end');
        await ended;
      }
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    },
  };
}
