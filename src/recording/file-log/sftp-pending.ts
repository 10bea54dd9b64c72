import type { RequestKind } from '../../sftpwire/wire.ts';
import type { OpenFile } from './open-file.ts';
import type { Entry } from './sftp-entry.ts';

/** A request that waits for its answer. */
export type Pending = {
  readonly kind: RequestKind;
  readonly file: OpenFile | null;
  /** Of READ and WRITE, how far it goes; of a close, its handle. */
  readonly offset: number;
  readonly length: number;
  readonly handle: string | null;
  readonly writtenTo: number;
  /** What to log once it is answered. */
  readonly entry: Entry | null;
  readonly cost: number;
};

/** Requests by their numbers; under one number the oldest first: servers answer in order. */
export class PendingRequests {
  readonly #byNumber = new Map<number, Pending[]>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get all(): readonly Pending[] {
    return [...this.#byNumber.values()].flat();
  }

  add(number: number, pending: Pending): void {
    this.#length += 1;
    const waiting = this.#byNumber.get(number);
    if (waiting) waiting.push(pending);
    else this.#byNumber.set(number, [pending]);
  }

  take(number: number): Pending | null {
    const waiting = this.#byNumber.get(number);
    const pending = waiting?.shift();
    if (!waiting || !pending) return null;
    if (waiting.length === 0) this.#byNumber.delete(number);
    this.#length -= 1;
    return pending;
  }

  clear(): void {
    this.#byNumber.clear();
    this.#length = 0;
  }
}
