import { FXP, FXP_REPLY, SFTP_PACKET_MAX } from './wire.ts';

export type PacketListener = {
  /** A packet from its type on, or as much of one as comes before its content. A view, good for the call only. */
  packet(head: Buffer): void;
  /** A piece of the content of the packet before. */
  content(bytes: Buffer): void;
  /** All of its content has come. */
  contentEnd(): void;
  /** What comes is no packet; nothing is called after this. */
  malformed(why: string): void;
};

const HELD_KEPT = 4_096;

/**
 * Cuts one direction into packets. Those that carry content (WRITE from the client, DATA from the target) are passed on as they
 * come; the others are whole before anybody sees them.
 */
export class SftpPackets {
  readonly #listener: PacketListener;
  readonly #contentType: number;
  #held: Buffer = Buffer.allocUnsafeSlow(HELD_KEPT);
  #heldLength = 0;
  #contentLeft = 0;
  #isLost = false;
  #packetBytes: Buffer = this.#held;
  #packetLength = 0;

  constructor(from: 'client' | 'target', listener: PacketListener) {
    this.#contentType = from === 'client' ? FXP.WRITE : FXP_REPLY.DATA;
    this.#listener = listener;
  }

  /** Bytes of a packet that is not whole yet. */
  get heldLength(): number {
    return this.#heldLength;
  }

  /** Whether a packet has ended and the next has not begun. */
  get isBetween(): boolean {
    return this.#heldLength === 0 && this.#contentLeft === 0 && !this.#isLost;
  }

  /** How many of these bytes, from `at` on, may be pushed without going beyond the end of a packet; at least one. */
  untilNext(bytes: Buffer, at: number): number {
    if (this.#contentLeft > 0) return this.#contentLeft;
    const there = Math.min(4, this.#heldLength);
    if (there + bytes.length - at < 4) return 4 - there;
    let length = 0;
    for (let n = 0; n < 4; n += 1) length = length * 256 + ((n < there ? this.#held[n] : bytes[at + n - there]) ?? 0);
    return Math.max(1, 4 + length - this.#heldLength);
  }

  /** Nothing is called after this. */
  stop(): void {
    this.#isLost = true;
  }

  /** Where `packet` is called: what it is told of, with the length in front. A view, good for that call only. */
  get whole(): Buffer {
    return this.#packetBytes.subarray(0, this.#packetLength);
  }

  /** What has come of a packet that is not whole, or with which this came to its end; a view, good until the next call. */
  get held(): Buffer {
    return this.#held.subarray(0, this.#heldLength);
  }

  /** How many of the bytes are understood, or held until they are; the rest begins with the packet with which this came to its end. */
  push(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && !this.#isLost) {
      if (this.#contentLeft > 0) at = this.#takeContent(bytes, at);
      else if (this.#heldLength === 0) at = this.#takeHead(bytes, at);
      else at = this.#fillHead(bytes, at);
    }
    return at;
  }

  #takeContent(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#contentLeft);
    this.#contentLeft -= end - at;
    this.#listener.content(bytes.subarray(at, end));
    if (this.#contentLeft === 0) this.#listener.contentEnd();
    return end;
  }

  #takeHead(bytes: Buffer, at: number): number {
    const there = bytes.subarray(at);
    const length = this.#headLength(there, there.length);
    if (this.#isLost) return at;
    if (length <= there.length) {
      this.#dispatch(there, length);
      return this.#isLost ? at : at + length;
    }
    this.#hold(there, length);
    return bytes.length;
  }

  #fillHead(bytes: Buffer, at: number): number {
    const wanted = this.#headLength(this.#held, this.#heldLength);
    const end = Math.min(bytes.length, at + wanted - this.#heldLength);
    this.#hold(bytes.subarray(at, end), wanted);
    const length = this.#headLength(this.#held, this.#heldLength);
    if (!this.#isLost && length <= this.#heldLength) {
      this.#dispatch(this.#held, length);
      if (this.#isLost) return end;
      this.#heldLength = 0;
      if (this.#held.length > HELD_KEPT) this.#held = Buffer.allocUnsafeSlow(HELD_KEPT);
    }
    return end;
  }

  /** Grows by doubling, with what has come: a length that is only claimed costs nothing. */
  #hold(bytes: Buffer, wanted: number): void {
    const length = this.#heldLength + bytes.length;
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, Math.min(wanted, this.#held.length * 2)));
      this.#held.copy(larger, 0, 0, this.#heldLength);
      this.#held = larger;
    }
    bytes.copy(this.#held, this.#heldLength);
    this.#heldLength = length;
  }

  /** How long the head is, as far as the bytes that are there tell; more than there are means that more are needed. */
  #headLength(bytes: Buffer, there: number): number {
    if (there < 5) return 5;
    const length = bytes.readUInt32BE(0);
    if (length < 5 || length > SFTP_PACKET_MAX) return this.#lose('its length is not one of a packet');
    const type = bytes[4];
    if (type !== this.#contentType) return 4 + length;
    if (there < 13) return length < 9 ? this.#lose('it is too short') : 13;
    const head = type === FXP_REPLY.DATA ? 13 : 13 + bytes.readUInt32BE(9) + 12;
    return head > 4 + length ? this.#lose('a field is longer than its packet') : head;
  }

  #dispatch(bytes: Buffer, length: number): void {
    const left = 4 + bytes.readUInt32BE(0) - length;
    const isContent = bytes[4] === this.#contentType;
    if (isContent && bytes.readUInt32BE(length - 4) !== left) {
      this.#lose('its content does not have the length that it declares');
      return;
    }
    this.#contentLeft = left;
    this.#packetBytes = bytes;
    this.#packetLength = length;
    this.#listener.packet(bytes.subarray(4, length));
    if (this.#isLost) this.#contentLeft = 0;
    else if (isContent && left === 0) this.#listener.contentEnd();
  }

  #lose(why: string): number {
    if (!this.#isLost) {
      this.#isLost = true;
      this.#listener.malformed(why);
    }
    return 0;
  }
}
