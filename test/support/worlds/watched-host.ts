import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { WorkerHost } from '../../../src/gateway/launch/worker-host.ts';
import type { DoorLimits } from '../../../src/gateway/limits.ts';
import { createLog } from '../../../src/log.ts';
import { type TestFolder, testFolder } from '../checks/folder.ts';
import { otherWorkers } from './build.ts';

export type Lag = { readonly p99: number; readonly max: number };

/** One of these workers, for ever in one turn of its event loop. */
export const hang = (worker: number): void => void process.kill(worker, 'SIGUSR2');

/** Workers as they are, which can be hung, whose clocks can be moved and whose event loops are watched. */
export class WatchedHost implements Disposable {
  readonly #folder: TestFolder = testFolder();
  readonly #door: Partial<DoorLimits>;

  constructor(door: Partial<DoorLimits> = {}) {
    this.#door = door;
  }

  /** For GatewayWorld.start. */
  get options() {
    const spool = join(this.#folder.path, 'spool');
    const recordings = join(this.#folder.path, 'recordings');
    const log = createLog(process.env['DAYPASS_LOG_LEVEL'] ?? 'silent');
    const wrap = (host: WorkerHost): WorkerHost =>
      otherWorkers(host, {
        ...{ listen: { host: '127.0.0.1', port: 0, door: this.#door }, cwd: spool, log },
        program: fileURLToPath(new URL('./watched-worker.ts', import.meta.url)),
        args: [this.#lagFile],
      });
    return { spool, recordings, wrap };
  }

  /** For ever in one turn of its event loop. */
  hang(worker: number): void {
    hang(worker);
  }

  /** For two seconds in one turn of its event loop. */
  holdUp(worker: number): void {
    process.kill(worker, 'SIGALRM');
  }

  /** Its wall clock, by an hour. */
  jump(worker: number, way: 'back' | 'forward'): void {
    process.kill(worker, way === 'back' ? 'SIGWINCH' : 'SIGIO');
  }

  /** Since the last look. */
  async lag(worker: number): Promise<Lag> {
    rmSync(this.#lagFile, { force: true });
    process.kill(worker, 'SIGHUP');
    for (let tries = 0; tries < 500; tries += 1) {
      try {
        return JSON.parse(readFileSync(this.#lagFile, 'utf8')) as Lag;
      } catch {
        await pause(10);
      }
    }
    throw new Error('the worker says nothing of its event loop');
  }

  get #lagFile(): string {
    return join(this.#folder.path, 'lag.json');
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
