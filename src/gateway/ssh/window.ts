import { WINDOW, WINDOW_GROWTH_MS, WINDOW_PATIENCE_MS, WINDOW_STEADY_MS } from '../limits.ts';

/** Bytes that the windows of one connection may grow by, all together. */
export type Spare = { bytes: number };

export type WindowKind = {
  /** Where it begins, and what it falls back to. */
  readonly least: number;
  /** By how much it grows at a time. */
  readonly step: (size: number) => number;
  readonly spare: Spare | null;
};

/**
 * How much a peer may have on its way to us or waiting here in one channel (RFC 4254 §5.2). A window that can grow does so while
 * what comes goes on at once, and falls back to its least where it has to wait: more would only lie here.
 */
export class Window {
  readonly #kind: WindowKind;
  #size: number;
  /** When it may grow again, in the time of `performance.now()`. */
  #mayGrow = 0;

  constructor(kind: WindowKind) {
    this.#kind = kind;
    this.#size = kind.least;
  }

  get size(): number {
    return this.#size;
  }

  /** The peer is about to be granted more. */
  widen(): void {
    const { step, spare } = this.#kind;
    if (this.#size >= WINDOW) return;
    const now = performance.now();
    if (now < this.#mayGrow) return;
    this.#mayGrow = now + WINDOW_GROWTH_MS;
    const more = Math.min(step(this.#size), WINDOW - this.#size, spare?.bytes ?? WINDOW);
    if (spare) spare.bytes -= more;
    this.#size += more;
  }

  /** What came has waited since then, in the time of `performance.now()`. */
  waited(since: number): void {
    if (this.#kind.least === WINDOW) return;
    const now = performance.now();
    if (now - since < WINDOW_PATIENCE_MS) return;
    this.#mayGrow = now + WINDOW_STEADY_MS;
    this.release();
  }

  /** Gives back what it grew by. */
  release(): void {
    const { least, spare } = this.#kind;
    if (spare) spare.bytes += this.#size - least;
    this.#size = least;
  }
}
