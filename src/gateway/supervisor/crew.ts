import { WORKER_RESTART_MS } from '../limits.ts';
import type { WorkerProcess } from './worker-process.ts';

/** What one worker tells of itself. */
export type CrewEvents = {
  /** It is silent for longer than workers are, or speaks again. */
  readonly suspected: (worker: WorkerProcess, isSilent: boolean) => void;
  readonly gone: (worker: WorkerProcess) => void;
};

/**
 * As many workers as configured. While one of them is silent a spare one starts beside it, so that no more time than its silence is
 * lost where it does hang; it takes no connections unless it is needed, and goes again where it is not.
 */
export class Crew {
  readonly #make: (events: CrewEvents) => WorkerProcess;
  readonly #workers: WorkerProcess[] = [];
  readonly #silent = new Set<WorkerProcess>();
  #spare: WorkerProcess | null = null;
  #isStopping = false;

  constructor(make: (events: CrewEvents) => WorkerProcess) {
    this.#make = make;
  }

  /** Those that take connections, or will as soon as they can. */
  get workers(): readonly WorkerProcess[] {
    return this.#workers;
  }

  /** With the one that may be needed. */
  get all(): readonly WorkerProcess[] {
    return [...this.#workers, ...(this.#spare ? [this.#spare] : [])];
  }

  add(): void {
    const worker = this.#spawn();
    this.#workers.push(worker);
    worker.serve();
  }

  /** Nobody is replaced any more. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Resolves when none of them runs. */
  async end(): Promise<void> {
    this.stop();
    const { all } = this;
    const exits = all.map((worker) => worker.exited());
    for (const worker of all) worker.kill();
    await Promise.all(exits);
  }

  #spawn(): WorkerProcess {
    return this.#make({
      suspected: (worker, isSilent) => this.#suspected(worker, isSilent),
      gone: (worker) => this.#gone(worker),
    });
  }

  #suspected(worker: WorkerProcess, isSilent: boolean): void {
    if (worker === this.#spare || this.#isStopping) return;
    if (isSilent) this.#silent.add(worker);
    else this.#silent.delete(worker);
    if (this.#silent.size > 0) this.#spare ??= this.#spawn();
    else this.#spare?.kill();
  }

  #gone(worker: WorkerProcess): void {
    this.#silent.delete(worker);
    if (worker === this.#spare) {
      this.#spare = null;
      return;
    }
    this.#workers.splice(this.#workers.indexOf(worker), 1);
    if (this.#isStopping) return;
    if (this.#spare) {
      const spare = this.#spare;
      this.#spare = null;
      this.#workers.push(spare);
      spare.serve();
    } else if (worker.hasServed) this.add();
    else setTimeout(() => !this.#isStopping && this.add(), WORKER_RESTART_MS);
  }
}
