import { Duplex } from 'node:stream';

type Done = (error?: Error | null) => void;

/**
 * The two ends of a connection in memory. They behave like sockets: what one writes the other reads, what is not read waits at the
 * writer, and when one ends or is destroyed, the other ends too.
 */
export function streamPair(): [Duplex, Duplex] {
  const ends: [End, End] = [new End(() => ends[1]), new End(() => ends[0])];
  return ends;
}

class End extends Duplex {
  readonly #other: () => End;
  /** Completes the other end's last write, for which there was no room here. */
  #taken: Done | null = null;

  constructor(other: () => End) {
    super({ allowHalfOpen: false });
    this.#other = other;
  }

  override _read(): void {
    this.#settle();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    const other = this.#other();
    if (other.destroyed) done(new Error('EPIPE'));
    else if (other.push(bytes)) done();
    else other.#taken = done;
  }

  override _final(done: Done): void {
    this.#other().push(null);
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#settle(new Error('ECONNRESET'));
    if (!this.#other().destroyed) this.#other().push(null);
    done(error);
  }

  #settle(error?: Error): void {
    const taken = this.#taken;
    this.#taken = null;
    taken?.(error);
  }
}

// Taken before a test replaces the timers.
const immediate = setImmediate;

/** One turn of the event loop: in memory everything that was written has arrived by then. */
export const turn = (): Promise<void> => new Promise((resolve) => void immediate(resolve));
