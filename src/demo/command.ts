import { spawn } from 'node:child_process';

export type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

export type RunOptions = {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** Kills the program, and what it has started. */
  readonly signal?: AbortSignal;
};

const OUTPUT_MAX = 1024 * 1024;

/** Runs a program to its end. Rejects if the program does not exist, but not if it fails. What is cut short is gone when this settles. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const [program = '', ...args] = command;
  const late = AbortSignal.timeout(options.timeoutMs ?? 30_000);
  const cut = options.signal ? AbortSignal.any([late, options.signal]) : late;
  return new Promise((resolve, reject) => {
    if (cut.aborted) return reject(cut.reason);
    const child = spawn(program, args, {
      stdio: 'pipe',
      ...(options.env ? { env: options.env } : {}),
      ...(options.cwd ? { cwd: options.cwd } : {}),
      // A group of its own: a program may be a script that runs another one, such as tsc.
      detached: true,
    });
    const kill = (): void => killGroup(child.pid);
    cut.addEventListener('abort', kill);
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (out.length < OUTPUT_MAX) out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (err.length < OUTPUT_MAX) err += chunk.toString();
    });
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.once('error', reject);
    child.once('close', (code) => {
      cut.removeEventListener('abort', kill);
      resolve({ code, out, err });
    });
  });
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended just now.
  }
}

/** Runs a program that must succeed. */
export async function mustRun(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const ran = await run(command, options);
  if (ran.code === 0) return ran.out;
  throw new Error(`${command.slice(0, 4).join(' ')} … ended with ${ran.code}: ${ran.err.trim() || ran.out.trim()}`);
}

export async function isInstalled(program: string): Promise<boolean> {
  try {
    await run([program, '-V'], { timeoutMs: 5_000 });
    return true;
  } catch {
    return false;
  }
}
