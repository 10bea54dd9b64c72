import { SOCKET_HIGH_WATER } from '../../../src/gateway/limits.ts';
import type { Transport } from '../../../src/gateway/ssh/transport.ts';
import { inWords } from './channel-words.ts';

/**
 * One end of a connection in memory, in the place of a transport: whole messages, nothing encrypted, no waiting. The other end is the
 * test, which says things and looks at what it got.
 */
export class MemoryTransport implements Pick<Transport, keyof Transport> {
  readonly sessionId = 'ab'.repeat(32);
  readonly hasHeard = true;
  readonly proposal = [];
  /** What has been done to the connection, in order. */
  readonly ends: string[] = [];
  /** Who takes what the other end says. */
  hearer: (payload: Buffer) => unknown = () => {};
  readonly #sent: Buffer[] = [];
  #room = SOCKET_HIGH_WATER;
  #roomListener: () => void = () => {};

  /** As the layers above want it, who look at nothing but what is here. */
  get transport(): Transport {
    return this as unknown as Transport;
  }

  // The other end's.

  /** Nothing that comes after the end is heard. */
  say(...payloads: readonly Uint8Array[]): void {
    for (const payload of payloads) if (!this.isDestroyed) this.hearer(Buffer.from(payload));
  }

  /** What the other end got since it was asked last. */
  taken(): Buffer[] {
    return this.#sent.splice(0);
  }

  /** The same, a line for each message. */
  heard(): string[] {
    return this.taken().map(inWords);
  }

  /** Its TCP takes no more than this from now on. */
  takes(bytes: number): void {
    this.#room = bytes;
    this.#roomListener();
  }

  // The gateway's.

  get room(): number {
    return this.isDestroyed ? 0 : this.#room;
  }

  get isDestroyed(): boolean {
    return this.ends.includes('destroyed') || this.ends.includes('reset');
  }

  onRoom(listener: () => void): void {
    this.#roomListener = listener;
  }

  send(payload: Uint8Array): void {
    if (!this.isDestroyed) this.#sent.push(Buffer.from(payload));
  }

  sendMessage(length: number, write: (packet: Buffer, start: number) => void): void {
    const packet = Buffer.alloc(length);
    write(packet, 0);
    this.send(packet);
  }

  destroy(): void {
    this.ends.push('destroyed');
  }

  reset(): void {
    this.ends.push('reset');
  }

  leave(description: string): void {
    if (!this.isDestroyed) this.ends.push(`left: ${description}`);
  }

  disconnect(description: string): void {
    this.leave(description);
  }
}
