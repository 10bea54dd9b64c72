import { randomFillSync } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { PACKET_MAX } from '../limits.ts';

/**
 * Buffers of large packets, used again as soon as the connection has written them: a new one for each keeps the collector, and the
 * memory bus, busier than encrypting them. What a buffer holds then is ciphertext, which its next packet overwrites whole.
 */

/** A packet of the most data that a channel takes, with header, padding and tag. */
const SLOT = PACKET_MAX + 128;
/** Small ones cost little anyway. */
const POOLED_MIN = 4_096;
/** About 4 MiB in each worker, whatever it carries. */
const FREE_MAX = 128;
const free: ArrayBuffer[] = [];
/** Those that belong to a packet; one that gets lost with its connection is collected. */
const lent = new WeakSet<ArrayBufferLike>();

function take(length: number): Buffer {
  if (length < POOLED_MIN || length > SLOT) return Buffer.allocUnsafe(length);
  const slot = free.pop() ?? (Buffer.allocUnsafeSlow(SLOT).buffer as ArrayBuffer);
  lent.add(slot);
  return Buffer.from(slot, 0, length);
}

function giveBack({ buffer }: Uint8Array): void {
  if (lent.delete(buffer) && free.length < FREE_MAX) free.push(buffer as ArrayBuffer);
}

/** Gives buffers of packets back once the socket has done with them. */
export function reusePackets(socket: Duplex): void {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  socket.write = (chunk: unknown, ...rest: unknown[]): boolean =>
    chunk instanceof Uint8Array && lent.has(chunk.buffer) ? write(chunk, () => giveBack(chunk)) : write(chunk, ...rest);
}

/** Of RFC 5647 §7.1 and of OpenSSH's PROTOCOL.chacha20poly1305, by the names of ssh2's classes that encrypt in place. */
const BLOCKS: Readonly<Record<string, number>> = { AESGCMCipherBinding: 16, ChaChaPolyCipherBinding: 8 };
export const PACKET_HEADER = 5;
const TAG = 16;
const PADDING_MIN = 4;

/** A packet of RFC 4253 §6 without its payload, as the cipher takes it; null where the cipher is one that makes its own. */
export function packetFor(cipher: object, payload: number): Buffer | null {
  const block = BLOCKS[cipher.constructor.name];
  if (block === undefined) return null;
  // The length field is not encrypted with the rest and does not count.
  let padding = block - ((1 + payload) % block);
  if (padding < PADDING_MIN) padding += block;
  const length = 1 + payload + padding;
  const packet = take(4 + length + TAG);
  packet.writeUInt32BE(length, 0);
  packet[4] = padding;
  fillRandom(packet, PACKET_HEADER + payload, padding);
  return packet;
}

const random = Buffer.allocUnsafeSlow(8_192);
let randomAt = random.length;

function fillRandom(packet: Buffer, at: number, length: number): void {
  if (randomAt + length > random.length) {
    randomFillSync(random);
    randomAt = 0;
  }
  random.copy(packet, at, randomAt, randomAt + length);
  randomAt += length;
}
