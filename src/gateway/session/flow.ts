import type { Channel, Stream } from '../ssh/channel.ts';

/** Who sees each piece before it goes on. */
export type Witness = {
  /** False while it can take nothing: then nothing goes on. */
  readonly isReady: () => boolean;
  readonly accept: (stream: Stream, bytes: Buffer) => void;
};

/** Changes what goes on. It may hold bytes back and give them out with later ones, never more than it was given. */
export type Filter = { readonly held: number; pass(bytes: Buffer): Buffer };

/** `owed`: how much of it the source sent, and may send again once it has gone on; the rest is our own. */
type Piece = { readonly stream: Stream; bytes: Buffer; owed: number; readonly block: Buffer | null };

/** Pieces smaller than this are put together while they wait, or a peer could make us keep millions of them. */
const SMALL = 4_096;
const BLOCK = 32_768;

/**
 * One direction of a relayed channel. What has come waits here until the other side and the witness take it; only then may its
 * sender send as much again, so that no more than a window ever waits.
 */
export class Flow {
  source: Channel | null = null;
  sink: Channel | null = null;
  filter: Filter | null = null;
  readonly #witness: Witness;
  #queue: Piece[] = [];
  #waiting = 0;
  /** Since when something waits, in the time of `performance.now()`. */
  #waitsSince: number | null = null;
  #isOver = false;

  constructor(witness: Witness) {
    this.#witness = witness;
  }

  /** `owed` is how much of the bytes the source sent. */
  push(stream: Stream, bytes: Buffer, owed = bytes.length): void {
    if (this.#isOver || bytes.length === 0) return void (owed > 0 && this.source?.consumed(owed));
    this.#waiting += bytes.length;
    if (!this.#fitsLast(stream, bytes, owed)) this.#queue.push(this.#piece(stream, bytes, owed));
  }

  /** Bytes that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** Nothing goes on any more; what waits is dropped. */
  stop(): void {
    this.#isOver = true;
    const waiting = this.#queue.splice(0).reduce((sum, piece) => sum + piece.owed, 0);
    this.#waiting = 0;
    if (waiting > 0) this.source?.consumed(waiting);
  }

  /** Passes on what can be passed on now. */
  pump(): void {
    if (!this.sink) return;
    let done = 0;
    for (const piece of this.#queue) {
      const room = this.sink.room - (this.filter?.held ?? 0);
      if (room <= 0 || !this.#witness.isReady()) break;
      const part = piece.bytes.length <= room ? piece.bytes : piece.bytes.subarray(0, room);
      this.#witness.accept(piece.stream, part);
      this.sink.write(piece.stream, this.filter ? this.filter.pass(part) : part);
      this.#settle(piece, part.length);
      if (part.length < piece.bytes.length) {
        piece.bytes = piece.bytes.subarray(part.length);
        break;
      }
      done += 1;
    }
    if (done > 0) this.#queue.splice(0, done);
    if (this.#queue.length === 0) this.#waitsSince = null;
    else if (this.#waitsSince === null) this.#waitsSince = performance.now();
    else this.source?.waited(this.#waitsSince);
  }

  #settle(piece: Piece, length: number): void {
    const owed = Math.min(length, piece.owed);
    piece.owed -= owed;
    this.#waiting -= length;
    if (owed > 0) this.source?.consumed(owed);
  }

  #piece(stream: Stream, bytes: Buffer, owed: number): Piece {
    if (bytes.length >= SMALL || this.#queue.length === 0) return { stream, bytes, owed, block: null };
    const block = Buffer.allocUnsafeSlow(BLOCK);
    bytes.copy(block);
    return { stream, bytes: block.subarray(0, bytes.length), owed, block };
  }

  #fitsLast(stream: Stream, bytes: Buffer, owed: number): boolean {
    const last = this.#queue.at(-1);
    if (!last?.block || last.stream !== stream || bytes.length >= SMALL) return false;
    const start = last.bytes.byteOffset - last.block.byteOffset;
    const end = start + last.bytes.length;
    if (end + bytes.length > last.block.length) return false;
    bytes.copy(last.block, end);
    last.bytes = last.block.subarray(start, end + bytes.length);
    last.owed += owed;
    return true;
  }
}
