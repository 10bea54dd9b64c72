import { attempt, type Reader, reader, uint8 } from '../../sshwire/bytes.ts';
import {
  DEFAULT_LIMITS,
  PACKET_MAX,
  PACKET_MIN,
  TERMINAL_WINDOW,
  TUNNEL_WINDOW,
  TUNNELS_SPARE,
  WINDOW,
  WINDOW_MAX,
} from '../limits.ts';
import { Channel } from './channel.ts';
import {
  channelOpen,
  MESSAGE,
  OPEN_FAILURE,
  type OpenFailure,
  openConfirmation,
  openFailure,
  STDERR,
} from './messages.ts';
import type { Transport } from './transport.ts';
import { Window } from './window.ts';

/** What the owner of a connection decides. */
export type ChannelPolicy = {
  /** A peer wants a channel; `data` is what follows the fixed fields. */
  open(type: string, data: Reader): OpenDecision;
  /** RFC 4254 §4; every one of them is refused. */
  globalRequest(name: string): void;
  /** The peer broke the rules, and its connection has been destroyed. */
  killed(why: string): void;
};

export type OpenDecision =
  | { readonly accept: true; readonly opened: (channel: Channel) => void }
  | { readonly accept: false; readonly reason: OpenFailure; readonly description: string }
  /** The peer is answered when `decide` calls one of the two; it counts as a channel until then. */
  | { readonly accept: 'later'; readonly decide: (pending: PendingOpen) => void };

export type PendingOpen = {
  /** Null where the connection has gone meanwhile. */
  confirm(): Channel | null;
  refuse(reason: OpenFailure, description: string): void;
};

/** What a peer says that opens no channel (RFC 4254 §5.1). */
export type OpenRefused = { readonly reason: number; readonly description: string };

/** What a channel is for, which says how much of it may wait here. */
export type Carries = 'data' | 'terminal' | 'tunnel';

/** How many of the peer's channels may live at a time. */
export type ChannelLimits = { readonly sessions: number; readonly tunnels: number };
type Counted = keyof ChannelLimits;

type PeerSide = { readonly id: number; readonly window: number; readonly packet: number };

const SESSIONS_ONLY: ChannelLimits = { sessions: DEFAULT_LIMITS.channelsPerConnection, tunnels: 0 };

const OVER: OpenRefused = { reason: OPEN_FAILURE.CONNECT_FAILED, description: 'the connection is gone' };
const DESCRIPTION_MAX = 4_096;

/**
 * The channels of one connection. It stands in the place of ssh2's own channel code, which a peer can make loop for ever (a maximum
 * packet of 0), fill our memory (data beyond the window, windows without bound, channels without number) or lose bytes; such a
 * peer is cut off at the message that does it.
 */
export class ChannelTable {
  readonly #transport: Transport;
  readonly #policy: ChannelPolicy;
  readonly #limits: ChannelLimits;
  readonly #channels = new Map<number, Channel>();
  readonly #opening = new Map<number, { readonly window: Window; answered(answer: Channel | OpenRefused): void }>();
  readonly #spare = { bytes: TUNNELS_SPARE };
  /** Channels of the peer, also those that the policy has not decided on. */
  readonly #living = { sessions: 0, tunnels: 0 };
  #next = 0;
  #isOver = false;

  constructor(transport: Transport, policy: ChannelPolicy, limits = SESSIONS_ONLY) {
    this.#limits = limits;
    this.#transport = transport;
    this.#policy = policy;
    transport.onRoom(() => {
      for (const channel of [...this.#channels.values()]) channel.listener?.room();
    });
  }

  /** Takes a message of the connection protocol; false where it is ssh2's to handle. */
  take(payload: Buffer): boolean {
    const [number = 0] = payload;
    if (number !== MESSAGE.GLOBAL_REQUEST && (number < MESSAGE.CHANNEL_OPEN || number > MESSAGE.CHANNEL_FAILURE)) {
      return false;
    }
    if (this.#isOver) return true;
    if (number === MESSAGE.CHANNEL_DATA || number === MESSAGE.CHANNEL_EXTENDED_DATA) this.#data(number, payload);
    else this.#control(number, payload);
    return true;
  }

  /**
   * Asks the peer for a channel: a session channel, or a direct-tcpip; `more` is what its type adds to the fixed fields. `answered` has to give the channel its listener:
   * data may be next.
   */
  open(carries: Carries, more: Uint8Array, answered: (answer: Channel | OpenRefused) => void): void {
    if (this.#isOver) return void answered(OVER);
    const id = this.#next++;
    const window = this.#windowFor(carries);
    this.#opening.set(id, { window, answered });
    const type = carries === 'tunnel' ? 'direct-tcpip' : 'session';
    this.#transport.send(channelOpen(type, id, window.size, PACKET_MAX, more));
  }

  /** A session channel, in which nothing comes before it is asked for. */
  openSession(carries: Exclude<Carries, 'tunnel'>): Promise<Channel | OpenRefused> {
    return new Promise((resolve) => this.open(carries, new Uint8Array(0), resolve));
  }

  #windowFor(carries: Carries): Window {
    switch (carries) {
      case 'terminal':
        return new Window({ least: TERMINAL_WINDOW, step: () => TERMINAL_WINDOW, spare: null });
      case 'tunnel':
        return new Window({ least: TUNNEL_WINDOW, step: (size) => size, spare: this.#spare });
      case 'data':
        return new Window({ least: WINDOW, step: () => 0, spare: null });
    }
  }

  /** The connection is gone. */
  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const { answered } of this.#opening.values()) answered(OVER);
    this.#opening.clear();
    for (const channel of [...this.#channels.values()]) channel.gotClose();
    this.#channels.clear();
  }

  #kill(why: string): void {
    this.#transport.reset();
    this.#policy.killed(why);
    this.over();
  }

  #data(number: number, payload: Buffer): void {
    const header = number === MESSAGE.CHANNEL_DATA ? 9 : 13;
    if (payload.length < header || payload.readUInt32BE(header - 4) !== payload.length - header) {
      return void this.#kill('malformed channel data');
    }
    const channel = this.#channels.get(payload.readUInt32BE(1));
    if (!channel) return void this.#kill('data for a channel that is not open');
    const bytes = payload.subarray(header);
    if (!channel.accepts(bytes.length)) return void this.#kill('data beyond the window');
    const isKnown = number === MESSAGE.CHANNEL_DATA || payload.readUInt32BE(5) === STDERR;
    if (bytes.length > 0 && channel.mayReceive && channel.listener && isKnown) {
      channel.listener.data(number === MESSAGE.CHANNEL_DATA ? 'stdout' : 'stderr', bytes);
    } else {
      channel.consumed(bytes.length);
    }
  }

  #control(number: number, payload: Buffer): void {
    const from = reader(payload);
    const read = attempt(() => {
      from.uint8('message');
      return this.#readControl(number, from, payload);
    });
    if (!read.ok) return void this.#kill(`a malformed message ${number}: ${read.refusal.why}`);
    read.value();
  }

  /** Reads the whole message first; what it does comes after, outside of the reader's reach. */
  #readControl(number: number, from: Reader, payload: Buffer): () => void {
    const rest = (): Buffer => payload.subarray(from.position());
    switch (number) {
      case MESSAGE.GLOBAL_REQUEST: {
        const name = from.text('request', 128);
        const wantReply = from.uint8('want-reply flag') !== 0;
        return () => this.#globalRequest(name, wantReply);
      }
      case MESSAGE.CHANNEL_OPEN: {
        const type = from.text('channel type', 128);
        const peer = { id: from.uint32('sender'), window: from.uint32('window'), packet: from.uint32('packet size') };
        return () => this.#peerOpens(type, peer, from);
      }
      case MESSAGE.CHANNEL_OPEN_CONFIRMATION: {
        const id = from.uint32('recipient');
        const peer = { id: from.uint32('sender'), window: from.uint32('window'), packet: from.uint32('packet size') };
        return () => this.#opened(id, peer);
      }
      case MESSAGE.CHANNEL_OPEN_FAILURE: {
        const id = from.uint32('recipient');
        const reason = from.uint32('reason');
        const description = Buffer.from(from.string('description', DESCRIPTION_MAX)).toString('utf8');
        return () => this.#answerOpening(id, { reason, description });
      }
      default:
        return this.#readChannelMessage(number, this.#channels.get(from.uint32('recipient')), from, rest);
    }
  }

  #readChannelMessage(number: number, channel: Channel | undefined, from: Reader, rest: () => Buffer): () => void {
    if (!channel) return () => this.#kill(`message ${number} for a channel that is not open`);
    switch (number) {
      case MESSAGE.CHANNEL_WINDOW_ADJUST: {
        const amount = from.uint32('amount');
        return () => {
          if (channel.grows(amount, WINDOW_MAX)) channel.listener?.room();
          else this.#kill('a window beyond 2^32-1');
        };
      }
      case MESSAGE.CHANNEL_EOF:
        return () => channel.gotEof();
      case MESSAGE.CHANNEL_CLOSE:
        return () => channel.gotClose();
      case MESSAGE.CHANNEL_REQUEST: {
        const name = from.text('request', 128);
        const wantReply = from.uint8('want-reply flag') !== 0;
        const data = rest();
        return () => {
          if (channel.listener) channel.listener.request(name, wantReply, data);
          else if (wantReply) channel.reply(false);
        };
      }
      case MESSAGE.CHANNEL_SUCCESS:
      case MESSAGE.CHANNEL_FAILURE:
        return () => channel.listener?.reply(number === MESSAGE.CHANNEL_SUCCESS);
      default:
        return () => this.#kill(`message ${number}, which has no meaning here`);
    }
  }

  #globalRequest(name: string, wantReply: boolean): void {
    if (wantReply) this.#transport.send(uint8(MESSAGE.REQUEST_FAILURE));
    this.#policy.globalRequest(name);
  }

  #peerOpens(type: string, peer: PeerSide, data: Reader): void {
    if (peer.packet < PACKET_MIN) return void this.#kill(`a channel with a maximum packet of ${peer.packet} bytes`);
    const refuse = (reason: OpenFailure, description: string): void =>
      this.#transport.send(openFailure(peer.id, reason, description));
    const kind = type === 'session' ? 'sessions' : 'tunnels';
    const max = this.#limits[kind];
    if (this.#living[kind] >= max) {
      const what = kind === 'sessions' ? 'channels' : 'tunnels';
      return void refuse(OPEN_FAILURE.SHORTAGE, `daypass: one connection can have at most ${max} ${what} at a time`);
    }
    const decided = attempt(() => this.#policy.open(type, data));
    if (!decided.ok) return void this.#kill(`a malformed channel open: ${decided.refusal.why}`);
    const decision = decided.value;
    if (decision.accept === false) return void refuse(decision.reason, decision.description);
    this.#living[kind] += 1;
    if (decision.accept !== 'later') return void decision.opened(this.#confirm(peer, kind, 'data'));
    decision.decide({
      confirm: () => (this.#isOver ? null : this.#confirm(peer, kind, 'tunnel')),
      refuse: (reason, description) => {
        this.#living[kind] -= 1;
        refuse(reason, description);
      },
    });
  }

  #confirm(peer: PeerSide, kind: Counted, carries: Carries): Channel {
    const window = this.#windowFor(carries);
    const channel = this.#add(this.#next++, peer, window, () => {
      this.#living[kind] -= 1;
    });
    this.#transport.send(openConfirmation(peer.id, channel.localId, window.size, PACKET_MAX));
    return channel;
  }

  #opened(id: number, peer: PeerSide): void {
    const opening = this.#opening.get(id);
    if (!opening) return void this.#kill('a channel that was not requested');
    if (peer.packet < PACKET_MIN) return void this.#kill(`a channel with a maximum packet of ${peer.packet} bytes`);
    this.#answerOpening(
      id,
      this.#add(id, peer, opening.window, () => {}),
    );
  }

  #answerOpening(id: number, answer: Channel | OpenRefused): void {
    this.#opening.get(id)?.answered(answer);
    this.#opening.delete(id);
  }

  #add(id: number, peer: PeerSide, window: Window, gone: () => void): Channel {
    const channel = new Channel(this.#transport, id, peer, window, ({ localId }) => {
      if (!this.#channels.delete(localId)) return;
      window.release();
      gone();
    });
    this.#channels.set(id, channel);
    return channel;
  }
}
