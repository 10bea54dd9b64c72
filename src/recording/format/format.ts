import { createCipheriv, createDecipheriv, createHash, type DecipherGCM } from 'node:crypto';

/** recording.bin, as docs/recording-format.md describes it: header, chunks, frames. Pure functions of bytes. */

export const FORMAT = 'daypass-recording-2';
export const FIRST_LINE = Buffer.from(`${FORMAT}\n`);
export const CIPHER = 'aes-256-gcm';
export const KEY_BYTES = 32;
export const TAG_BYTES = 16;
export const HEADER_MAX = 16_384;
/** Of a chunk's plaintext. */
export const CHUNK_MAX = 1024 * 1024;
export const FRAME_HEADER_BYTES = 13;
export const LENGTH_BYTES = 4;

/** Frames of a recording. Input is what was typed or sent; a resize holds columns, rows and pixels; the others hold JSON. */
export const FRAME = { journal: 1, stdout: 2, stderr: 3, input: 4, resize: 5, file: 6 } as const;
export type FrameType = (typeof FRAME)[keyof typeof FRAME];

export type Frame = {
  readonly type: number;
  readonly channel: number;
  /** Microseconds since the session's start. */
  readonly micros: number;
  readonly payload: Buffer;
};

/** The session itself, in frames that belong to no channel. */
export const NO_CHANNEL = 0xffff;

/** What stands for a channel in its frames: numbers go on and on, and a slot is used again once its channel has ended. */
export const slotOf = (number: number): number => number % NO_CHANNEL;

export type NewFrame = Omit<Frame, 'payload'> & { readonly payload: Uint8Array };

export type RecordingHeader = {
  readonly session: string;
  readonly start: string;
  readonly cipher: typeof CIPHER;
  readonly keySha256: string;
};

export const hashOf = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function encodeHeader(header: RecordingHeader): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  return Buffer.concat([FIRST_LINE, uint32(json.length), json]);
}

/** A 96-bit counter: a data key belongs to one recording, and each index is used once. */
function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(index, 6, 6);
  return nonce;
}

export type SealedChunk = { readonly pieces: readonly Buffer[]; readonly bytes: number; readonly head: Buffer };

/** Encrypts a chunk and carries the chain on: what lies before it cannot be changed without its tag telling. */
export function sealChunk(key: Buffer, index: number, head: Buffer, plain: Uint8Array): SealedChunk {
  const cipher = createCipheriv(CIPHER, key, nonceOf(index));
  cipher.setAAD(head);
  const text = cipher.update(plain);
  cipher.final();
  const tag = cipher.getAuthTag();
  const length = uint32(text.length + tag.length);
  const pieces = [length, text, tag];
  return { pieces, bytes: LENGTH_BYTES + text.length + tag.length, head: hashOf(head, ...pieces) };
}

/** The plaintext of a chunk; throws where it was changed, or anything before it. */
export function openChunk(key: Buffer, index: number, head: Buffer, sealed: Buffer): Buffer {
  const decipher: DecipherGCM = createDecipheriv(CIPHER, key, nonceOf(index), { authTagLength: TAG_BYTES });
  decipher.setAAD(head);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
  decipher.final();
  return plain;
}

/** The head after a chunk, which is its ciphertext and tag. */
export const nextHead = (head: Buffer, sealed: Buffer): Buffer => hashOf(head, uint32(sealed.length), sealed);

/** Writes a frame where there is room for it; returns where it ends. */
export function writeFrame(into: Buffer, at: number, { type, channel, micros, payload }: NewFrame): number {
  into[at] = type;
  into.writeUInt16BE(channel, at + 1);
  into.writeUInt16BE(Math.floor(micros / 0x1_0000_0000), at + 3);
  into.writeUInt32BE(micros % 0x1_0000_0000, at + 5);
  into.writeUInt32BE(payload.length, at + 9);
  into.set(payload, at + FRAME_HEADER_BYTES);
  return at + FRAME_HEADER_BYTES + payload.length;
}

/** The frames of a chunk, which holds whole ones; throws where it does not. */
export function* framesOf(plain: Buffer): Generator<Frame> {
  for (let at = 0; at < plain.length; ) {
    const start = at + FRAME_HEADER_BYTES;
    if (start > plain.length) throw new RangeError('a frame ends inside its header');
    const length = plain.readUInt32BE(at + 9);
    if (start + length > plain.length) throw new RangeError('a frame is longer than its chunk');
    const micros = plain.readUInt16BE(at + 3) * 0x1_0000_0000 + plain.readUInt32BE(at + 5);
    yield {
      type: plain.readUInt8(at),
      channel: plain.readUInt16BE(at + 1),
      micros,
      payload: plain.subarray(start, start + length),
    };
    at = start + length;
  }
}
