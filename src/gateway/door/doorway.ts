import type { Socket } from 'node:net';
import type { Log } from '../../log.ts';
import { addressInList, networkOf } from '../../sshwire/address.ts';
import {
  type DoorLimits,
  FIRST_WORDS_MAX,
  LATE_CHECK_MS,
  PROXY_HEADER_MS,
  PROXY_HEADERS_MAX,
  TURNED_AWAY_LINGER_MS,
  TURNED_AWAY_LINGERING_MAX,
} from '../limits.ts';
import type { AtDoor } from '../pipe/worker-messages.ts';
import { IDENTIFICATION, plainDisconnect } from '../ssh/messages.ts';
import { Door, type Leaving, type Waiting } from './door.ts';
import { HandOverQueue } from './hand-over-queue.ts';
import { readProxyHeader, startsAsProxyHeader } from './proxy-header.ts';
import { AWAY_WORDS, TurnedAwayLog, type WhyAway } from './turned-away.ts';

/** A connection whose client has spoken, for a worker. */
export type Arrival = {
  readonly id: number;
  readonly socket: Socket;
  readonly address: string;
  /** What its client has said; the socket has what comes after. */
  readonly head: Buffer;
};

export type DoorwayOptions = {
  readonly limits: DoorLimits;
  /** Addresses and ranges, separated by commas, that put a header of the PROXY protocol before each connection; '' for none. */
  readonly balancers: string;
  readonly log: Log;
  readonly isServed: () => boolean;
  /** There is somebody to hand over. */
  readonly ready: () => void;
};

/** Tells a client that its worker has it. */
type TurnAway = (id: number, sentence: string) => void;

type Entry = Arrival & {
  readonly who: Waiting;
  head: Buffer;
  state: 'silent' | 'queued' | 'gone' | TurnAway;
};

const NOTHING = Buffer.alloc(0);
/** A socket that takes both families shows IPv4 peers as IPv6 (RFC 4291 §2.5.5.2). */
const unmapped = (address: string): string => address.replace(/^::ffff:/i, '');

/**
 * Connections from TCP accept to a worker. A client that says nothing stays here, where it costs next to nothing and is ended at no
 * cost: it is greeted, its first bytes are kept unread, and then a worker has it. Where it comes from is settled here and not in the
 * worker: it is evidence, and a worker is not believed about it.
 */
export class Doorway implements Disposable {
  readonly #options: DoorwayOptions;
  readonly #door: Door;
  readonly #entries = new Map<number, Entry>();
  readonly #queue = new HandOverQueue<Entry>();
  readonly #away: TurnedAwayLog;
  readonly #late: NodeJS.Timeout;
  readonly #unnamed = new Set<Socket>();
  readonly #lingering = new Set<Socket>();

  constructor(options: DoorwayOptions) {
    this.#options = options;
    this.#door = new Door(options.limits, Math.random);
    this.#away = new TurnedAwayLog(options.log);
    this.#late = setInterval(() => {
      for (const leaving of this.#door.late(performance.now())) this.#turnAway(leaving);
    }, LATE_CHECK_MS).unref();
  }

  /** An accepted connection that was not read from: of a server with a `highWaterMark` of 0, so that one chunk is read and no more. */
  take(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    const { remoteAddress } = socket;
    if (!remoteAddress) return void socket.destroy();
    const address = unmapped(remoteAddress);
    if (!this.#options.isServed()) return void this.#refuse(socket, address, 'no_worker');
    if (this.#options.balancers !== '' && addressInList(this.#options.balancers, address)) {
      return void this.#readHeader(socket, address);
    }
    this.#arrive(socket, address, NOTHING);
  }

  get isWaitedFor(): boolean {
    return !this.#queue.isEmpty;
  }

  /** The next whom a worker is to have; `turnAway` reaches the client there. */
  next(turnAway: TurnAway): Arrival | null {
    for (let entry = this.#queue.shift(); entry; entry = this.#queue.shift()) {
      if (entry.state !== 'queued') continue;
      entry.state = turnAway;
      return entry;
    }
    return null;
  }

  /** What a worker says of a connection that it has. */
  hear({ connection, reached, key }: AtDoor): void {
    if (typeof this.#entries.get(connection)?.state !== 'function') return;
    if (reached === 'in' || reached === 'gone') return void this.leave(connection);
    const leaving = this.#door.reach(connection, reached, performance.now(), key);
    if (leaving) this.#turnAway(leaving);
  }

  leave(id: number): void {
    this.#door.leave(id);
    this.#entries.delete(id);
  }

  /** Somebody has logged in from there. */
  favour(address: string): void {
    this.#door.favour(this.#sourceOf(address), performance.now());
  }

  /** Whoever is not with a worker goes. */
  [Symbol.dispose](): void {
    clearInterval(this.#late);
    for (const { socket, state } of this.#entries.values()) if (typeof state !== 'function') socket.destroy();
    for (const socket of [...this.#unnamed, ...this.#lingering]) socket.destroy();
    this.#away.flush();
  }

  #sourceOf(address: string): string {
    return networkOf(address, this.#options.limits.ipv6Prefix);
  }

  #arrive(socket: Socket, address: string, head: Buffer): void {
    const { who, leaving } = this.#door.arrive(this.#sourceOf(address), performance.now());
    const { id } = who;
    const entry: Entry = { id, who, socket, address, head, state: 'silent' };
    this.#entries.set(id, entry);
    socket.once('close', () => {
      if (typeof entry.state === 'function') return;
      entry.state = 'gone';
      this.leave(id);
    });
    socket.write(IDENTIFICATION);
    if (leaving) this.#turnAway(leaving);
    if (entry.state !== 'silent') return;
    if (head.length > 0) return void this.#spoke(entry, head);
    socket.once('readable', () => {
      const words = socket.read() as Buffer | null;
      if (words === null) socket.destroy();
      else if (entry.state === 'silent') this.#spoke(entry, words);
    });
    // A listener that follows another in the same turn starts no reading by itself.
    socket.read(0);
  }

  #spoke(entry: Entry, head: Buffer): void {
    const { id, who } = entry;
    const why = startsAsProxyHeader(head)
      ? 'proxy_header_unexpected'
      : head.length > FIRST_WORDS_MAX
        ? 'too_much_at_once'
        : null;
    if (why) {
      this.#away.note(who.source, why);
      return void this.#farewell(entry, why);
    }
    this.#door.reach(id, 'spoke', performance.now());
    entry.head = head;
    entry.state = 'queued';
    this.#queue.push(entry, who.source, this.#door.isFavoured(who.source, performance.now()));
    this.#options.ready();
  }

  #turnAway({ who, why }: Leaving): void {
    this.#away.note(who.source, why);
    const entry = this.#entries.get(who.id);
    if (!entry) return;
    if (typeof entry.state !== 'function') return void this.#farewell(entry, why);
    this.#entries.delete(who.id);
    entry.state(who.id, AWAY_WORDS[why]);
  }

  #farewell(entry: Entry, why: WhyAway): void {
    entry.state = 'gone';
    this.leave(entry.id);
    this.#linger(entry.socket, plainDisconnect(AWAY_WORDS[why]));
  }

  /** Nothing is known of it but its TCP peer. */
  #refuse(socket: Socket, address: string, why: WhyAway): void {
    this.#away.note(this.#sourceOf(address), why);
    this.#linger(socket, Buffer.concat([Buffer.from(IDENTIFICATION), plainDisconnect(AWAY_WORDS[why])]));
  }

  /** A client that has said something meanwhile reads our last words only where its own are read. */
  #linger(socket: Socket, words: Buffer): void {
    if (this.#lingering.size >= TURNED_AWAY_LINGERING_MAX) return void socket.destroy();
    this.#lingering.add(socket);
    const end = setTimeout(() => socket.destroy(), TURNED_AWAY_LINGER_MS);
    socket.once('close', () => {
      clearTimeout(end);
      this.#lingering.delete(socket);
    });
    socket.removeAllListeners('readable');
    socket.resume().end(words);
  }

  /** From a balancer: without a whole header in time, nobody knows whom it speaks for. */
  #readHeader(socket: Socket, balancer: string): void {
    if (this.#unnamed.size >= PROXY_HEADERS_MAX) return void this.#refuse(socket, balancer, 'pool_full');
    this.#unnamed.add(socket);
    let got = NOTHING;
    const over = (): void => {
      clearTimeout(late);
      socket.off('readable', read).off('close', over);
      this.#unnamed.delete(socket);
    };
    const refuse = (why: WhyAway): void => {
      over();
      this.#refuse(socket, balancer, why);
    };
    const late = setTimeout(() => refuse('proxy_header_missing'), PROXY_HEADER_MS);
    const read = (): void => {
      const bytes = socket.read() as Buffer | null;
      if (bytes === null) return;
      got = Buffer.concat([got, bytes]);
      const header = readProxyHeader(got);
      if (header.kind === 'none')
        return void refuse(got.toString('latin1', 0, 4) === 'SSH-' ? 'proxy_header_missing' : 'proxy_header_invalid');
      if (header.kind === 'part') return void socket.read(0);
      over();
      this.#arrive(socket, unmapped(header.source ?? balancer), got.subarray(header.length));
    };
    socket.on('readable', read);
    socket.once('close', over);
  }
}
