import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import type { ReportedRecording } from '../../access/session-report.ts';
import { CHUNK_MAX, CIPHER, FIRST_LINE, HEADER_MAX, LENGTH_BYTES, TAG_BYTES } from './format.ts';

/** The hash chain of a recording, computed over ciphertext: whoever has the file can check it, and no key is needed. */
const READ_BYTES = 256 * 1024;

const Header = z.looseObject({
  session: z.uuid(),
  start: z.iso.datetime(),
  cipher: z.literal(CIPHER),
  keySha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Header = z.infer<typeof Header>;

export type Chunk = { readonly index: number; readonly offset: number; readonly head: Buffer };

export type Chain = {
  readonly header: Header;
  readonly headAtStart: string;
  readonly head: string;
  readonly chunks: number;
  /** Up to the end of the last whole chunk. */
  readonly bytes: number;
  /** Where whole chunks end before the file does. */
  readonly torn: { readonly why: string } | null;
};

export type Walked =
  | { readonly kind: 'chain'; readonly chain: Chain }
  /** It does not begin as a recording begins. */
  | { readonly kind: 'unreadable'; readonly why: string };

/**
 * Walks a recording from its first byte to its last, in pieces that leave the event loop free. `onChunk` sees every whole chunk
 * and can end the walk by returning false.
 */
export async function walkChain(
  file: FileHandle,
  onChunk: (chunk: Chunk) => boolean | Promise<boolean> = () => true,
): Promise<Walked> {
  const source = new Source(file);
  const opening = await readOpening(source);
  if (typeof opening === 'string') return { kind: 'unreadable', why: opening };
  const { header, hashed } = opening;
  let head = hashed;
  let chunks = 0;
  let bytes = source.at;
  const ended = (torn: Chain['torn']): Walked => {
    const [headAtStart, last] = [hashed.toString('hex'), head.toString('hex')];
    return { kind: 'chain', chain: { header, headAtStart, head: last, chunks, bytes, torn } };
  };
  for (;;) {
    const prefix = await source.exactly(LENGTH_BYTES);
    if (prefix === null) return ended(source.at === bytes ? null : { why: 'the file ends inside a length' });
    const length = prefix.readUInt32BE();
    if (length <= TAG_BYTES || length > CHUNK_MAX + TAG_BYTES) return ended({ why: `a chunk claims ${length} bytes` });
    const hash = createHash('sha256').update(head).update(prefix);
    if (!(await source.feed(length, (piece) => hash.update(piece))))
      return ended({ why: 'the file ends inside a chunk' });
    head = hash.digest();
    const goesOn = await onChunk({ index: chunks, offset: bytes, head });
    chunks += 1;
    bytes = source.at;
    if (!goesOn) return ended(null);
  }
}

async function readOpening(source: Source): Promise<{ header: Header; hashed: Buffer } | string> {
  const first = await source.exactly(FIRST_LINE.length);
  if (!first?.equals(FIRST_LINE)) return 'it does not begin as a recording does';
  const length = await source.exactly(LENGTH_BYTES);
  if (!length) return 'the file ends inside its header';
  const size = length.readUInt32BE();
  if (size > HEADER_MAX) return 'its header is too long';
  const json = await source.exactly(size);
  if (!json) return 'the file ends inside its header';
  const header = Header.safeParse(parseJson(json));
  if (!header.success) return 'its header is not valid';
  return { header: header.data, hashed: createHash('sha256').update(first).update(length).update(json).digest() };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}

/** Reads a file from its beginning through one buffer. */
class Source {
  readonly #file: FileHandle;
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES);
  #held: Buffer = Buffer.alloc(0);
  #read = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** How far what was taken reaches. */
  get at(): number {
    return this.#read - this.#held.length;
  }

  /** So many bytes, for a caller that keeps them; null where the file ends before. */
  async exactly(length: number): Promise<Buffer | null> {
    const parts: Buffer[] = [];
    return (await this.feed(length, (piece) => parts.push(Buffer.from(piece)))) ? Buffer.concat(parts) : null;
  }

  /** Hands out so many bytes in pieces that are good until the next call; false where the file ends before. */
  async feed(length: number, take: (piece: Buffer) => void): Promise<boolean> {
    let left = length;
    while (left > 0) {
      if (this.#held.length === 0 && !(await this.#fill())) return false;
      const piece = this.#held.subarray(0, left);
      take(piece);
      this.#held = this.#held.subarray(piece.length);
      left -= piece.length;
    }
    return true;
  }

  async #fill(): Promise<boolean> {
    const { bytesRead } = await this.#file.read(this.#buffer, 0, READ_BYTES, this.#read);
    this.#held = this.#buffer.subarray(0, bytesRead);
    this.#read += bytesRead;
    return bytesRead > 0;
  }
}

/** Where a recording's chain has come to. */
export type ChainEnd = ReportedRecording;
