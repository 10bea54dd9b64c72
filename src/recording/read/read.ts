import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import type { ChainEnd } from '../format/chain.ts';
import { FILES, FolderError, KEY_FILE_MAX, openRegular, readSmall } from '../format/folder.ts';
import {
  CHUNK_MAX,
  CIPHER,
  FIRST_LINE,
  type Frame,
  framesOf,
  HEADER_MAX,
  hashOf,
  LENGTH_BYTES,
  nextHead,
  openChunk,
  type RecordingHeader,
  TAG_BYTES,
} from '../format/format.ts';
import { unwrapKey } from '../format/wrapped-key.ts';

/** A recording that cannot be read, or not any further. The message is a clause of ours. */
export class UnreadableError extends Error {
  readonly code = 'recording_unreadable';
}

const Header = z.looseObject({
  session: z.uuid(),
  start: z.iso.datetime(),
  cipher: z.literal(CIPHER),
  keySha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** What was read, and whether the file ends inside a chunk: then everything before was read. */
export type ReadEnd = ChainEnd & { readonly torn: boolean };

/** A recording that is open for reading. */
export class RecordingReader implements AsyncDisposable {
  readonly header: RecordingHeader;
  readonly #file: FileHandle;
  readonly #key: Buffer;
  readonly #head: Buffer;
  readonly #start: number;

  private constructor(file: FileHandle, key: Buffer, opening: { header: RecordingHeader; bytes: Buffer }) {
    this.#file = file;
    this.#key = key;
    this.header = opening.header;
    this.#head = hashOf(opening.bytes);
    this.#start = opening.bytes.length;
  }

  /** `key` is what `openKey` gives. Throws an UnreadableError where there is nothing to read. */
  static async open(folder: string, key: Buffer): Promise<RecordingReader> {
    const file = await openRegular(folder, FILES.container, constants.O_RDONLY).catch(unreadable);
    if (!file) throw new UnreadableError('there is no recording.bin');
    try {
      return new RecordingReader(file, key, await readOpening(file));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Every frame, in order; returns where the chain ends. A payload is good until the next frame is asked for. Throws an
   * UnreadableError at a chunk that was changed, or that follows one that was.
   */
  async *frames(): AsyncGenerator<Frame, ReadEnd> {
    let head = this.#head;
    let at = this.#start;
    const prefix = Buffer.alloc(LENGTH_BYTES);
    for (let index = 0; ; index += 1) {
      const end = { head: head.toString('hex'), chunks: index, bytes: at };
      const got = await readAt(this.#file, prefix, at);
      if (got < LENGTH_BYTES) return { ...end, torn: got > 0 };
      const length = prefix.readUInt32BE();
      if (length <= TAG_BYTES || length > CHUNK_MAX + TAG_BYTES) throw changed(index, at);
      const sealed = Buffer.allocUnsafe(length);
      if ((await readAt(this.#file, sealed, at + LENGTH_BYTES)) < length) return { ...end, torn: true };
      yield* this.#chunk(index, head, sealed, at);
      head = nextHead(head, sealed);
      at += LENGTH_BYTES + length;
    }
  }

  *#chunk(index: number, head: Buffer, sealed: Buffer, at: number): Generator<Frame> {
    let plain: Buffer;
    try {
      plain = openChunk(this.#key, index, head, sealed);
    } catch {
      throw changed(index, at);
    }
    yield* framesOf(plain);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** The data key of a recording, for somebody who holds an identity; throws an UnreadableError where that opens nothing. */
export async function openKey(folder: string, identities: readonly string[]): Promise<Buffer> {
  const wrapped = await readSmall(folder, FILES.key, KEY_FILE_MAX).catch(unreadable);
  if (!wrapped) throw new UnreadableError('there is no key.age: it was erased, or never written');
  return unwrapKey(wrapped, identities).catch((cause: unknown) => {
    throw new UnreadableError('none of the identities can open key.age', { cause });
  });
}

const changed = (index: number, at: number): UnreadableError =>
  new UnreadableError(`chunk ${index} at byte ${at} was changed, or something before it`);

const unreadable = (error: unknown): never => {
  throw error instanceof FolderError ? new UnreadableError(`${error.file}: ${error.message}`) : error;
};

async function readOpening(file: FileHandle): Promise<{ header: RecordingHeader; bytes: Buffer }> {
  const start = Buffer.alloc(FIRST_LINE.length + LENGTH_BYTES);
  const got = await readAt(file, start, 0);
  if (got < start.length || !start.subarray(0, FIRST_LINE.length).equals(FIRST_LINE))
    throw new UnreadableError('it does not begin as a recording does');
  const size = start.readUInt32BE(FIRST_LINE.length);
  if (size > HEADER_MAX) throw new UnreadableError('its header is too long');
  const json = Buffer.alloc(size);
  if ((await readAt(file, json, start.length)) < size) throw new UnreadableError('it ends inside its header');
  const header = Header.safeParse(parseJson(json));
  if (!header.success) throw new UnreadableError('its header is not valid');
  return { header: header.data, bytes: Buffer.concat([start, json]) };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}

/** Fills a buffer as far as the file goes. */
async function readAt(file: FileHandle, into: Buffer, position: number): Promise<number> {
  let at = 0;
  while (at < into.length) {
    const { bytesRead } = await file.read(into, at, into.length - at, position + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return at;
}
