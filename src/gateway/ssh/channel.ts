import { encode, string, uint32 } from '../../sshwire/bytes.ts';
import { PACKET_MAX } from '../limits.ts';
import { channelMessage, flag, MESSAGE, STDERR } from './messages.ts';
import type { Transport } from './transport.ts';
import type { Window } from './window.ts';

export type Stream = 'stdout' | 'stderr';

/** What the peer of a channel does. Each is called at most as long as the channel is open. */
export type ChannelListener = {
  /** The bytes count against our window until `consumed` gives them back. */
  data(stream: Stream, bytes: Buffer): void;
  eof(): void;
  request(name: string, wantReply: boolean, data: Buffer): void;
  /** The answer to the oldest request of ours that wanted one. */
  reply(isSuccess: boolean): void;
  /** There may be room to write again. */
  room(): void;
  /** The peer closed the channel, or the connection is gone; the last call. */
  closed(): void;
};

export type PeerChannel = { readonly id: number; readonly window: number; readonly packet: number };

/** One side of one channel (RFC 4254 §5): windows, data, requests, EOF and CLOSE. */
export class Channel {
  readonly localId: number;
  readonly #transport: Transport;
  readonly #peer: number;
  readonly #packetMax: number;
  readonly #forget: (channel: Channel) => void;
  listener: ChannelListener | null = null;
  /** What the peer still lets us send, what we still let it send, and what of that it has sent waits here. */
  #outgoing: number;
  #incoming: number;
  #waiting = 0;
  readonly #window: Window;
  #sentEof = false;
  #sentClose = false;
  #gotClose = false;
  #gotEof = false;

  constructor(
    transport: Transport,
    localId: number,
    peer: PeerChannel,
    window: Window,
    forget: (channel: Channel) => void,
  ) {
    this.#transport = transport;
    this.localId = localId;
    this.#peer = peer.id;
    this.#outgoing = peer.window;
    this.#packetMax = Math.min(peer.packet, PACKET_MAX);
    this.#window = window;
    this.#incoming = window.size;
    this.#forget = forget;
  }

  /** How many bytes may be written now. */
  get room(): number {
    if (this.#sentEof || this.#sentClose || this.#gotClose) return 0;
    return Math.min(this.#outgoing, this.#transport.room);
  }

  /** The peer's TCP takes nothing now, whatever the channel's window says. */
  get isCongested(): boolean {
    return this.#transport.room === 0;
  }

  get isClosed(): boolean {
    return this.#gotClose;
  }

  get hasSentClose(): boolean {
    return this.#sentClose;
  }

  /** Writes no more than `room` bytes. */
  write(stream: Stream, bytes: Buffer): void {
    if (bytes.length > this.#outgoing) throw new RangeError('more bytes than the window allows');
    this.#outgoing -= bytes.length;
    const header = stream === 'stdout' ? 9 : 13;
    for (let at = 0; at < bytes.length; at += this.#packetMax) {
      const end = Math.min(at + this.#packetMax, bytes.length);
      this.#transport.sendMessage(header + end - at, (packet, start) => {
        packet[start] = stream === 'stdout' ? MESSAGE.CHANNEL_DATA : MESSAGE.CHANNEL_EXTENDED_DATA;
        packet.writeUInt32BE(this.#peer, start + 1);
        if (stream === 'stderr') packet.writeUInt32BE(STDERR, start + 5);
        packet.writeUInt32BE(end - at, start + header - 4);
        bytes.copy(packet, start + header, at, end);
      });
    }
  }

  /** Lets the peer send as many bytes again, or what its window has room for; told to it in halves of the window. */
  consumed(bytes: number): void {
    this.#waiting -= bytes;
    if (this.#lacking < this.#window.size / 2 || this.#gotEof || this.#gotClose || this.#sentClose) return;
    this.#window.widen();
    const amount = this.#lacking;
    this.#incoming += amount;
    this.#send(MESSAGE.CHANNEL_WINDOW_ADJUST, uint32(amount));
  }

  /** What came from the peer could not go on since then, in the time of `performance.now()`. */
  waited(since: number): void {
    this.#window.waited(since);
  }

  get #lacking(): number {
    return this.#window.size - this.#incoming - this.#waiting;
  }

  request(name: string, wantReply: boolean, data: Uint8Array): void {
    if (!this.#sentClose) this.#send(MESSAGE.CHANNEL_REQUEST, string(name), flag(wantReply), data);
  }

  reply(isSuccess: boolean): void {
    if (!this.#sentClose) this.#send(isSuccess ? MESSAGE.CHANNEL_SUCCESS : MESSAGE.CHANNEL_FAILURE);
  }

  /** RFC 4254 §6.10. */
  exitStatus(code: number): void {
    this.request('exit-status', false, uint32(code));
  }

  exitSignal(data: ExitSignal): void {
    const { name, isCoreDumped } = data;
    this.request('exit-signal', false, encode(string(name), flag(isCoreDumped), string(''), string('')));
  }

  eof(): void {
    if (this.#sentEof || this.#sentClose) return;
    this.#sentEof = true;
    this.#send(MESSAGE.CHANNEL_EOF);
  }

  close(): void {
    if (this.#sentClose) return;
    this.#sentClose = true;
    this.#send(MESSAGE.CHANNEL_CLOSE);
    if (this.#gotClose) this.#forget(this);
  }

  /** Whether data of this length is within what we let the peer send; it counts from now on. */
  accepts(length: number): boolean {
    if (length > this.#incoming) return false;
    this.#incoming -= length;
    this.#waiting += length;
    return true;
  }

  /** Whether the peer's window may grow by so much (RFC 4254 §5.2: never beyond 2^32-1). */
  grows(amount: number, max: number): boolean {
    if (this.#outgoing + amount > max) return false;
    this.#outgoing += amount;
    return true;
  }

  /** Data after EOF or CLOSE is nobody's. */
  get mayReceive(): boolean {
    return !this.#gotEof && !this.#gotClose;
  }

  gotEof(): void {
    if (this.#gotEof || this.#gotClose) return;
    this.#gotEof = true;
    this.listener?.eof();
  }

  gotClose(): void {
    if (this.#gotClose) return;
    this.#gotClose = true;
    this.listener?.closed();
    // What a peer says of a channel that it has closed is nobody's.
    this.listener = null;
    if (this.#sentClose) this.#forget(this);
  }

  #send(message: number, ...rest: readonly Uint8Array[]): void {
    this.#transport.send(channelMessage(message, this.#peer, ...rest));
  }
}

export type ExitSignal = { readonly name: string; readonly isCoreDumped: boolean };
