import { createHash, type Hash } from 'node:crypto';
import { Digest } from '../../access/ids.ts';

/** Bytes that may wait for their turn, for all files of a channel together. */
export type Waiting = { bytes: number };

const WAITING_MAX = 16 * 1024 * 1024;
const WAITING_PER_FILE_MAX = 4 * 1024 * 1024;
/** What a waiting piece costs beside its bytes. */
const PIECE_COST = 256;

/** SHA-256 of content that comes in pieces, nearly in order. */
export class ContentDigest {
  readonly #waiting: Waiting;
  readonly #pieces = new Map<number, Buffer>();
  readonly #hash: Hash = createHash('sha256');
  #ownWaiting = 0;
  #next = 0;
  #broken: string | null = null;

  constructor(waiting: Waiting) {
    this.#waiting = waiting;
  }

  /** The end of what has come without a hole. */
  get next(): number {
    return this.#next;
  }

  put(offset: number, bytes: Buffer): void {
    if (this.#broken !== null || bytes.length === 0) return;
    if (offset < this.#next || this.#pieces.has(offset)) this.spoil('parts of it passed more than once');
    else if (offset > this.#next) this.#keep(offset, bytes);
    else {
      this.#hash.update(bytes);
      this.#next += bytes.length;
      this.#drain();
    }
  }

  /** There will be no digest. */
  spoil(why: string): void {
    this.#broken ??= why;
    this.#free();
  }

  /** The digest of what came, if all of it came; or why not. */
  finish(): { readonly digest: Digest; readonly why: null } | { readonly digest: null; readonly why: string } {
    if (this.#broken === null && this.#pieces.size > 0) this.#broken = 'parts of it did not pass';
    this.#free();
    if (this.#broken !== null) return { digest: null, why: this.#broken };
    return { digest: Digest.parse(this.#hash.digest('hex')), why: null };
  }

  #keep(offset: number, bytes: Buffer): void {
    const cost = bytes.length + PIECE_COST;
    if (this.#ownWaiting + cost > WAITING_PER_FILE_MAX || this.#waiting.bytes + cost > WAITING_MAX) {
      this.spoil('it passed too far out of order');
      return;
    }
    this.#ownWaiting += cost;
    this.#waiting.bytes += cost;
    // A view would keep the whole block that it came in.
    const copy = Buffer.allocUnsafeSlow(bytes.length);
    bytes.copy(copy);
    this.#pieces.set(offset, copy);
  }

  #drain(): void {
    for (let piece = this.#pieces.get(this.#next); piece; piece = this.#pieces.get(this.#next)) {
      this.#pieces.delete(this.#next);
      this.#ownWaiting -= piece.length + PIECE_COST;
      this.#waiting.bytes -= piece.length + PIECE_COST;
      this.#hash.update(piece);
      this.#next += piece.length;
    }
  }

  #free(): void {
    this.#waiting.bytes -= this.#ownWaiting;
    this.#ownWaiting = 0;
    this.#pieces.clear();
  }
}
