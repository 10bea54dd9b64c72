import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Client, Connection } from 'ssh2';
import { SOCKET_HIGH_WATER, SOCKET_MAX } from './limits.ts';
import { disconnect } from './messages.ts';
import { internalsOf, type Protocol, sendMessage, sendPayload, tapMessages } from './ssh2-internals.ts';

/**
 * One SSH connection of either side, as far as the layers above ssh2 need it: messages in and out, paced by what the peer's TCP
 * takes, and an end that waits for nobody.
 */
export class Transport {
  readonly #protocol: Protocol;
  readonly #socket: Duplex;
  #roomListener: () => void = () => {};
  #isPaused = false;
  #isDestroyed = false;

  /** `take` sees every message first; true means that ssh2 is not to see it. */
  constructor(connection: Connection | Client, take: (payload: Buffer) => boolean) {
    const { _protocol: protocol, _sock: socket } = internalsOf(connection);
    this.#protocol = protocol;
    this.#socket = socket;
    tapMessages(protocol, (payload) => {
      if (this.#isDestroyed) return true;
      const taken = take(payload);
      this.#holdFlood();
      return taken;
    });
    socket.on('drain', () => this.#drained());
    const events: EventEmitter = connection;
    // Nothing is written during a key exchange: ssh2 would pile it up.
    events.on('handshake', () => this.#roomListener());
    for (const over of ['end', 'close']) {
      events.on(over, () => {
        this.#isDestroyed = true;
      });
    }
  }

  /** Hex of the first exchange hash (RFC 4253 §7.2). */
  get sessionId(): string {
    return this.#protocol._kex?.sessionID?.toString('hex') ?? '';
  }

  /** How many bytes may be written now. */
  get room(): number {
    if (this.#isDestroyed || this.#protocol._kexinit !== undefined) return 0;
    return Math.max(0, SOCKET_HIGH_WATER - this.#socket.writableLength);
  }

  /** Told whenever there may be room again. */
  onRoom(listener: () => void): void {
    this.#roomListener = listener;
  }

  send(payload: Uint8Array): void {
    if (!this.#isDestroyed) sendPayload(this.#protocol, payload);
  }

  sendMessage(length: number, write: (packet: Buffer, start: number) => void): void {
    if (!this.#isDestroyed) sendMessage(this.#protocol, length, write);
  }

  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  /** `end()` does not reach a peer that stopped reading. */
  destroy(): void {
    this.#isDestroyed = true;
    this.#socket.destroy();
  }

  /** Says why and asks the peer to go; `destroy` is for those that do not. */
  leave(description: string): void {
    if (this.#isDestroyed) return;
    this.send(disconnect(description));
    this.#socket.end();
  }

  /** A peer that asks for answers and does not read them fills our memory, unless it is not read from either. */
  #holdFlood(): void {
    if (this.#isPaused || this.#socket.writableLength <= SOCKET_MAX) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  #drained(): void {
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#socket.resume();
    }
    this.#roomListener();
  }
}
