import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../../../src/demo/compile.ts';
import { ForkHost, type ForkHostOptions } from '../../../src/gateway/launch/fork-host.ts';
import type { WorkerHost } from '../../../src/gateway/launch/worker-host.ts';
import { DEFAULT_LIMITS } from '../../../src/gateway/limits.ts';
import type { GatewayOptions } from '../../../src/gateway/supervisor/gateway.ts';
import { runOk } from '../peers/processes.ts';

/** Daypass as it is installed. */

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BUILDS = join(ROOT, '.build');

/** Once for a run of the tests; each run has its own, which goes when it ends. */
export default async function setup(): Promise<() => void> {
  mkdirSync(BUILDS, { recursive: true });
  for (const pid of readdirSync(BUILDS)) {
    if (!existsSync(`/proc/${pid}`)) rmSync(join(BUILDS, pid), { recursive: true, force: true });
  }
  const folder = join(BUILDS, String(process.pid));
  if (existsSync(folder)) return () => {};
  await compile(folder);
  process.env['DAYPASS_TEST_BUILD'] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}

const built = (): string | null => process.env['DAYPASS_TEST_BUILD'] ?? null;

/** The arguments with which Node.js runs `daypass`; from the sources where nothing was built, as in benchmarks. */
export function daypassCommand(): string[] {
  const folder = built();
  return folder === null
    ? ['--import', import.meta.resolve('tsx'), join(ROOT, 'src', 'cli.ts')]
    : [join(folder, 'dist', 'cli.js')];
}

/** A copy of what was built, where other accounts can read it and a test may change it. */
export async function installBuild(folder: string): Promise<void> {
  const from = built();
  if (from === null) return void (await compile(folder));
  await runOk('cp', ['-r', `${from}/.`, folder]);
}

/** The same host, whose workers run what was built. */
export function builtWorkers(host: WorkerHost, { listen, spool, log, limits }: GatewayOptions): WorkerHost {
  const program = workerProgram();
  if (program === null) return host;
  const { kexMs, loginMs } = { ...DEFAULT_LIMITS, ...limits };
  return otherWorkers(host, {
    listen: { ...listen, door: { kexMs, loginMs, ...listen.door } },
    cwd: spool,
    log,
    program,
  });
}

function workerProgram(): string | null {
  if (process.env['NODE_V8_COVERAGE']) return fileURLToPath(new URL('./covered-worker.ts', import.meta.url));
  const folder = built();
  return folder && join(folder, 'dist', 'gateway', 'worker', 'worker.js');
}

/** The files of a host, and workers that run something else. */
export const otherWorkers = (
  host: WorkerHost,
  options: Omit<ForkHostOptions, 'account' | 'files'> & { readonly program: string },
): WorkerHost =>
  new ForkHost({
    ...options,
    account: null,
    files: { collect: (id) => host.collect(id), left: () => host.left() },
  });
