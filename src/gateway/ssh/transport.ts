import type { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client, Connection } from 'ssh2';
import { DEFAULT_LIMITS, type Limits, REKEY_BACKLOG_MAX, SOCKET_HIGH_WATER, SOCKET_MAX } from '../limits.ts';
import { type DisconnectReason, disconnect, MESSAGE } from './messages.ts';
import type { Proposal } from './negotiation.ts';
import { reusePackets } from './packets.ts';
import {
  internalsOf,
  type Protocol,
  proposalOf,
  sendAtOnce,
  sendMessage,
  sendPayload,
  tapMessages,
} from './ssh2-internals.ts';

/** What a message that waits costs beside its bytes. */
const WAITING_COST = 256;

type Rekeying = Pick<Limits, 'rekeyBytes' | 'rekeyMs' | 'rekeyAnswerMs'>;
let rekeying: Rekeying = DEFAULT_LIMITS;

/** How often the connections of this process ask for new keys. */
export function setRekeying(limits: Rekeying): void {
  rekeying = limits;
}

/**
 * One SSH connection of either side, as far as the layers above ssh2 need it: messages in and out, paced by what the peer's TCP
 * takes, and an end that waits for nobody.
 */
export class Transport {
  readonly #protocol: Protocol;
  readonly #socket: Duplex;
  /** How long the peer may take to exchange keys again. */
  readonly #answerMs: number;
  #roomListener: () => void = () => {};
  #isPaused = false;
  #isCorked = false;
  #isDestroyed = false;
  /** Since the last key exchange. */
  #bytes = 0;
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | null = null;

  /** `take` sees every message first; true means that ssh2 is not to see it. `answerMs` is how long new keys may take. */
  constructor(connection: Connection | Client, take: (payload: Buffer) => boolean, answerMs = rekeying.rekeyAnswerMs) {
    this.#answerMs = answerMs;
    const { _protocol: protocol, _sock: socket } = internalsOf(connection);
    this.#protocol = protocol;
    this.#socket = socket;
    const see = (payload: Buffer): boolean => {
      if (this.#isDestroyed) return true;
      if (payload[0] === MESSAGE.KEXINIT) this.#keysAreAsked();
      const taken = take(payload);
      this.#count(payload.length);
      this.#holdFlood();
      return taken;
    };
    tapMessages(protocol, see, socket);
    reusePackets(socket);
    socket.on('drain', () => this.#drained());
    const events: EventEmitter = connection;
    // Nothing is written during a key exchange: ssh2 would pile it up.
    events.on('handshake', () => {
      this.#keysAreNew();
      this.#roomListener();
    });
    for (const over of ['end', 'close']) {
      events.on(over, () => {
        this.#isDestroyed = true;
        if (this.#timer) clearTimeout(this.#timer);
      });
    }
  }

  /** Hex of the first exchange hash (RFC 4253 §7.2). */
  get sessionId(): string {
    return this.#protocol._kex?.sessionID?.toString('hex') ?? '';
  }

  /** The peer has sent its identification (RFC 4253 §4.2). */
  get hasHeard(): boolean {
    return this.#protocol._remoteIdentRaw !== undefined;
  }

  /** The lists of our KEXINIT. */
  get proposal(): Proposal {
    return proposalOf(this.#protocol);
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
    if (!this.#mayWrite(payload.length)) return;
    this.#cork();
    sendPayload(this.#protocol, payload);
  }

  sendMessage(length: number, write: (packet: Buffer, start: number) => void): void {
    if (!this.#mayWrite(length)) return;
    this.#cork();
    sendMessage(this.#protocol, length, write);
    this.#count(length);
  }

  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  /** `end()` does not reach a peer that stopped reading. */
  destroy(): void {
    this.#forget();
    this.#socket.destroy();
  }

  /**
   * The same for a peer that is to get nothing more: after `destroy` its kernel and ours go on offering it what it has not read, for
   * minutes, and its connection lives as long.
   */
  reset(): void {
    this.#forget();
    const socket = this.#socket;
    const isReal = socket instanceof Socket && !socket.destroyed && !socket.connecting;
    // While the end that `leave` began is on its way to the kernel there is no reset.
    const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
    if (isReal && !isEnding) socket.resetAndDestroy();
    else socket.destroy();
  }

  #forget(): void {
    this.#isDestroyed = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  /** Says why and asks the peer to go; `destroy` is for those that do not. */
  leave(description: string, reason?: DisconnectReason): void {
    if (this.#isDestroyed) return;
    this.send(disconnect(description, reason));
    this.#socket.end();
  }

  /** The same within the first key exchange, where whatever is sent otherwise would wait. */
  disconnect(description: string, reason: DisconnectReason): void {
    if (!this.#isDestroyed) sendAtOnce(this.#protocol, disconnect(description, reason));
  }

  /** One system call for all that is written in one turn of the event loop. */
  #cork(): void {
    if (this.#isCorked || !(this.#socket instanceof Socket)) return;
    this.#isCorked = true;
    this.#socket.cork();
    setImmediate(() => {
      this.#isCorked = false;
      this.#socket.uncork();
    });
  }

  /** What is written during a key exchange waits for its end, which a peer could put off for ever. */
  #mayWrite(length: number): boolean {
    if (!this.#isDestroyed && this.#protocol._kexinit !== undefined) {
      this.#waitingBytes += length + WAITING_COST;
      if (this.#waitingBytes > REKEY_BACKLOG_MAX) this.destroy();
    }
    return !this.#isDestroyed;
  }

  #count(length: number): void {
    this.#bytes += length;
    if (this.#bytes >= rekeying.rekeyBytes) this.#rekey();
  }

  #rekey(): void {
    // Before the first keys, or while others are being made, there is nothing to renew.
    if (this.#timer === null || this.#isDestroyed || this.#protocol._kexinit !== undefined) return;
    this.#bytes = 0;
    this.#wait(this.#answerMs, () => this.destroy());
    this.#protocol.rekey();
  }

  /** The peer began, unless we did: then its time runs already. */
  #keysAreAsked(): void {
    if (this.#timer === null || this.#isDestroyed || this.#protocol._kexinit !== undefined) return;
    this.#wait(this.#answerMs, () => this.destroy());
  }

  #keysAreNew(): void {
    this.#bytes = 0;
    this.#waitingBytes = 0;
    this.#wait(rekeying.rekeyMs, () => this.#rekey());
  }

  #wait(ms: number, then: () => void): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
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
