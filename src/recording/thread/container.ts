import { closeSync, constants, fdatasync, openSync, writeSync, writevSync } from 'node:fs';
import { promisify } from 'node:util';
import type { ChainEnd } from '../format/chain.ts';
import {
  CHUNK_MAX,
  encodeHeader,
  FRAME_HEADER_BYTES,
  type FrameType,
  hashOf,
  type RecordingHeader,
  sealChunk,
  writeFrame,
} from '../format/format.ts';

const syncData = promisify(fdatasync);

/**
 * Writes one recording.bin. Frames gather in a buffer that all containers of a thread share: whoever adds flushes before another's
 * turn. Any call throws where the file cannot be written; then the container is of no more use.
 */
export class Container {
  readonly headAtStart: string;
  readonly #fd: number;
  readonly #key: Buffer;
  readonly #gathered: Buffer;
  #at = 0;
  #head: Buffer;
  #chunks = 0;
  #bytes: number;
  #isDirty = false;
  #synced: Promise<void> = Promise.resolve();

  private constructor(fd: number, key: Buffer, gathered: Buffer, header: Buffer) {
    this.#fd = fd;
    this.#key = key;
    this.#gathered = gathered;
    this.#head = hashOf(header);
    this.#bytes = header.length;
    this.headAtStart = this.#head.toString('hex');
  }

  /** Creates the file, 0600; an existing one or a link is refused. */
  static async create(path: string, header: RecordingHeader, key: Buffer, gathered: Buffer): Promise<Container> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const encoded = encodeHeader(header);
    const fd = openSync(path, flags, 0o600);
    try {
      for (let at = 0; at < encoded.length; ) at += writeSync(fd, encoded, at);
      await syncData(fd);
      return new Container(fd, key, gathered, encoded);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** A buffer that containers of one thread may share. */
  static gathering(): Buffer {
    return Buffer.allocUnsafeSlow(CHUNK_MAX);
  }

  add(type: FrameType, channel: number, micros: number, payload: Uint8Array): void {
    const length = FRAME_HEADER_BYTES + payload.length;
    if (length > this.#gathered.length) throw new RangeError('a frame is larger than a chunk may be');
    if (this.#at + length > this.#gathered.length) this.flush();
    this.#at = writeFrame(this.#gathered, this.#at, { type, channel, micros, payload });
  }

  /** Seals what has gathered and writes it. */
  flush(): void {
    if (this.#at === 0) return;
    const plain = this.#gathered.subarray(0, this.#at);
    this.#at = 0;
    const { pieces, bytes, head } = sealChunk(this.#key, this.#chunks, this.#head, plain);
    writeAll(this.#fd, pieces);
    this.#isDirty = true;
    this.#head = head;
    this.#chunks += 1;
    this.#bytes += bytes;
  }

  get end(): ChainEnd {
    return { head: this.#head.toString('hex'), chunks: this.#chunks, bytes: this.#bytes };
  }

  /** Whether the disk may not have all that was flushed. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /**
   * Waits until the disk has what was flushed. The kernel takes what it is given and tells of a page that the disk did not take only
   * here, and only once: after that it calls the page clean. So who was refused once is refused for good.
   */
  sync(): Promise<void> {
    this.#isDirty = false;
    this.#synced = this.#synced.then(() => syncData(this.#fd));
    return this.#synced;
  }

  close(): void {
    this.#key.fill(0);
    const closed = (): void => closeSync(this.#fd);
    // Its number may become another file's, so not while the disk is asked about this one.
    this.#synced.then(closed, closed);
  }
}

/** Blocks while the disk does: the thread has nothing else to do, and what waits for it is bounded. */
function writeAll(fd: number, pieces: readonly Buffer[]): void {
  const written = writevSync(fd, pieces);
  let skip = written;
  for (const piece of pieces) {
    const from = Math.min(skip, piece.length);
    skip -= from;
    for (let at = from; at < piece.length; ) at += writeSync(fd, piece, at);
  }
}
