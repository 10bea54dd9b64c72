import { deferred } from '../deferred.ts';
import { HEARTBEAT_MS, SILENT_WORKER_MS, SUSPECT_WORKER_MS, WORKER_START_MS } from '../limits.ts';

export type LivenessEvents = {
  /** Time for a heartbeat of ours. */
  readonly beat: () => void;
  /** It is silent for longer than workers are, or speaks again. */
  readonly suspected: (isSilent: boolean) => void;
  /** It has been silent for so long that it hangs; told again with each beat until it exits. */
  readonly hangs: (silentMs: number) => void;
};

/** Whether a worker lives: from its start, through its silences, to its exit. */
export class Liveness {
  readonly #events: LivenessEvents;
  readonly #timer: NodeJS.Timeout;
  readonly #ready = deferred<void>();
  readonly #exit = deferred<void>();
  #wasReady = false;
  #isSuspect = false;
  #isGone = false;
  /** Beats of ours since it was heard. A time would count against it what this process slept itself. */
  #silentBeats = 0;

  constructor(events: LivenessEvents) {
    this.#events = events;
    this.#timer = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  /** Rejects where the worker ends before it could take connections. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get exit(): Promise<void> {
    return this.#exit.promise;
  }

  get wasReady(): boolean {
    return this.#wasReady;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  becomeReady(): void {
    this.#wasReady = true;
    this.#ready.resolve();
  }

  heard(): void {
    this.#silentBeats = 0;
    this.#suspect(false);
  }

  /** It has exited by this code or signal. */
  gone(by: string | number | null): void {
    this.#isGone = true;
    this.#exit.resolve();
    clearInterval(this.#timer);
    this.#ready.reject(new Error(`a gateway worker exited (${by}) before it could accept connections`));
  }

  #beat(): void {
    this.#events.beat();
    this.#silentBeats += 1;
    const silentMs = this.#silentBeats * HEARTBEAT_MS;
    this.#suspect(this.#wasReady && silentMs >= SUSPECT_WORKER_MS);
    if (silentMs >= (this.#wasReady ? SILENT_WORKER_MS : WORKER_START_MS)) this.#events.hangs(silentMs);
  }

  #suspect(isSilent: boolean): void {
    if (isSilent === this.#isSuspect) return;
    this.#isSuspect = isSilent;
    this.#events.suspected(isSilent);
  }
}
