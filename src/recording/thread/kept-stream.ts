import { createHash, type Hash } from 'node:crypto';
import type { Gap } from '../file-log/observe.ts';
import { CELL, isUtf8Text, mayBeText } from './text.ts';

/** What a stream may hold of binary data before the middle of it is left out, and how fast that comes back: more than anybody types or reads. */
export const BUDGET_BYTES = 4 * 1024 * 1024;
export const REFILL_BYTES_PER_SECOND = 16 * 1024;
/** Of each binary stretch so much of its beginning and its end is kept, whatever the budget. */
export const HEAD_BYTES = 4 * 1024;
export const TAIL_BYTES = 64 * 1024;

export type StreamKeeper = {
  /** The bytes are good until it returns. */
  keep(micros: number, bytes: Buffer): void;
  /** From here on something is left out, until `gap` says how much. */
  gapBegins(micros: number): void;
  gap(micros: number, gap: Gap): void;
};

/**
 * One stream of a channel without a terminal, all of it, except for the middle of long binary stretches beyond a budget. A stretch ends
 * with the first bytes that may be text.
 */
export class KeptStream {
  readonly #keeper: StreamKeeper;
  /** Told once, where nothing may be left out, that something would be; it is kept all the same. */
  readonly #overrun: (() => void) | null;
  readonly #stretch = new Stretch();
  #budget = BUDGET_BYTES;
  #refilledMicros = 0;
  #offset = 0;
  #hasGaps = false;
  #isOverrun = false;

  constructor(keeper: StreamKeeper, overrun: (() => void) | null) {
    this.#keeper = keeper;
    this.#overrun = overrun;
  }

  get hasGaps(): boolean {
    return this.#hasGaps;
  }

  push(bytes: Buffer, micros: number): void {
    if (bytes.length === 0) return;
    if (isUtf8Text(bytes)) return void this.whole(bytes, micros);
    for (let start = 0; start < bytes.length; ) {
      const isText = mayBeText(bytes, start, cellEnd(bytes, start));
      let end = cellEnd(bytes, start);
      while (end < bytes.length && mayBeText(bytes, end, cellEnd(bytes, end)) === isText) end = cellEnd(bytes, end);
      const part = bytes.subarray(start, end);
      if (isText) this.whole(part, micros);
      else this.#binary(part, micros);
      start = end;
    }
  }

  /** Keeps them whatever they look like, and whatever there were before. */
  whole(bytes: Buffer, micros: number): void {
    this.#endStretch(micros);
    this.#keep(bytes, micros);
    this.#offset += bytes.length;
  }

  /** So many bytes of the stream are accounted for elsewhere. Returns where they begin. */
  skip(bytes: number, micros: number): number {
    const offset = this.#offset;
    this.#endStretch(micros);
    this.#offset += bytes;
    return offset;
  }

  /** After the last byte. */
  end(micros: number): void {
    this.#endStretch(micros);
  }

  #binary(bytes: Buffer, micros: number): void {
    this.#refill(micros);
    const stretch = this.#stretch;
    if (stretch.isWaiting && this.#budget >= stretch.wantsToGoOn) this.#flush(micros);
    const kept = stretch.isWaiting ? 0 : Math.min(bytes.length, Math.max(this.#budget, HEAD_BYTES - stretch.kept));
    this.#spend(kept);
    stretch.kept += kept;
    this.#keep(bytes.subarray(0, kept), micros);
    this.#offset += kept;
    if (kept < bytes.length) this.#holdBack(bytes.subarray(kept), micros);
  }

  #holdBack(bytes: Buffer, micros: number): void {
    const couldBeCut = this.#stretch.waiting + bytes.length > TAIL_BYTES;
    if (this.#overrun) {
      // Nothing is left out, so nothing has to wait where a crash would lose it.
      this.#keep(bytes, micros);
      this.#stretch.owe(bytes.length);
      if (couldBeCut && !this.#isOverrun) this.#overrun();
      this.#isOverrun ||= couldBeCut;
    } else {
      if (couldBeCut && !this.#stretch.hasGap) {
        this.#hasGaps = true;
        this.#keeper.gapBegins(micros);
      }
      this.#stretch.wait(bytes, this.#offset);
    }
    this.#offset += bytes.length;
  }

  /** What waits is kept behind what it was cut from. */
  #flush(micros: number): void {
    const { gap, tail, length } = this.#stretch.take();
    if (gap) this.#keeper.gap(micros, gap);
    this.#spend(length);
    this.#keep(tail, micros);
  }

  #endStretch(micros: number): void {
    if (this.#stretch.isWaiting) this.#flush(micros);
    this.#stretch.kept = 0;
  }

  #keep(bytes: Buffer, micros: number): void {
    if (bytes.length > 0) this.#keeper.keep(micros, bytes);
  }

  #spend(bytes: number): void {
    this.#budget = Math.max(0, this.#budget - bytes);
  }

  #refill(micros: number): void {
    const gained = Math.floor(((micros - this.#refilledMicros) / 1e6) * REFILL_BYTES_PER_SECOND);
    if (gained <= 0) return;
    this.#refilledMicros = micros;
    this.#budget = Math.min(BUDGET_BYTES, this.#budget + gained);
  }
}

/** A cell takes in what follows it where that is less than a cell. */
const cellEnd = (bytes: Buffer, start: number): number =>
  bytes.length - start < 2 * CELL ? bytes.length : start + CELL;

/** A binary stretch: how much of its beginning was kept, what of its end waits, and what has fallen out between them. */
class Stretch {
  kept = 0;
  #tail: Buffer | null = null;
  #length = 0;
  #start = 0;
  #cut: { readonly hash: Hash; bytes: number; readonly offset: number } | null = null;

  get isWaiting(): boolean {
    return this.#length > 0;
  }

  get waiting(): number {
    return this.#length;
  }

  get hasGap(): boolean {
    return this.#cut !== null;
  }

  /** How much budget it takes to go on keeping: what waits, and once something was cut as much as there is to be sure of for a while. */
  get wantsToGoOn(): number {
    return this.#cut ? TAIL_BYTES : this.#length;
  }

  /** `offset` is where the bytes stand in the stream. */
  wait(bytes: Buffer, offset: number): void {
    this.#tail ??= Buffer.allocUnsafeSlow(TAIL_BYTES);
    if (this.#length === 0) this.#start = offset;
    const fallen = Math.min(this.#length, Math.max(0, this.#length + bytes.length - TAIL_BYTES));
    const skipped = Math.max(0, bytes.length - TAIL_BYTES);
    this.#fall(this.#tail.subarray(0, fallen));
    this.#fall(bytes.subarray(0, skipped));
    this.#tail.copyWithin(0, fallen, this.#length);
    this.#length -= fallen;
    this.#length += bytes.copy(this.#tail, this.#length, skipped);
  }

  /** So many would wait, had they not been kept already. */
  owe(length: number): void {
    this.#length += length;
  }

  /** All of it, and how much that is; of what is owed there are no bytes. The tail is good until the next call. */
  take(): { readonly gap: Gap | null; readonly tail: Buffer; readonly length: number } {
    const cut = this.#cut;
    const length = this.#length;
    const tail = this.#tail?.subarray(0, length) ?? Buffer.alloc(0);
    this.#cut = null;
    this.#length = 0;
    return { gap: cut && { offset: cut.offset, bytes: cut.bytes, sha256: cut.hash.digest('hex') }, tail, length };
  }

  #fall(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#cut ??= { hash: createHash('sha256'), bytes: 0, offset: this.#start };
    this.#cut.hash.update(bytes);
    this.#cut.bytes += bytes.length;
  }
}
