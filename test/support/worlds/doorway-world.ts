import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import pino from 'pino';
import { Doorway, type DoorwayOptions } from '../../../src/gateway/door/doorway.ts';
import { AWAY_WORDS, type WhyAway } from '../../../src/gateway/door/turned-away.ts';
import { DEFAULT_DOOR, type DoorLimits } from '../../../src/gateway/limits.ts';
import { IDENTIFICATION, plainDisconnect } from '../../../src/gateway/ssh/messages.ts';
import { turn } from '../peers/stream-pair.ts';

/** A connection as the gateway accepts it: nothing is read of it before somebody asks. */
export class Caller extends Duplex {
  readonly remoteAddress: string | undefined;
  #said = Buffer.alloc(0);
  hasEnd = false;

  constructor(remoteAddress: string | undefined) {
    super({ readableHighWaterMark: 0, allowHalfOpen: false });
    this.remoteAddress = remoteAddress;
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#said = Buffer.concat([this.#said, bytes]);
    done();
  }

  override _final(done: () => void): void {
    this.hasEnd = true;
    done();
  }

  /** What the gateway has told it, without the padding of its packet. */
  get heard(): Buffer {
    return withoutPadding(this.#said);
  }

  async says(words: Buffer | string | null): Promise<void> {
    this.push(words);
    await turn();
    await turn();
  }
}

export const WORDS = 'SSH-2.0-OpenSSH_9.2\r\n';
export const IDENTIFIED = Buffer.from(IDENTIFICATION);
/** RFC 4253 §6 and §11.1: the identification, and a disconnect before any key exchange; the padding of its packet is random. */
export const farewell = (why: WhyAway): Buffer =>
  withoutPadding(Buffer.concat([IDENTIFIED, plainDisconnect(AWAY_WORDS[why])]));
function withoutPadding(said: Buffer): Buffer {
  const at = IDENTIFIED.length;
  return said.length > at ? said.subarray(0, said.length - (said[at + 4] ?? 0)) : said;
}

/** A doorway, and who comes to it. */
export function standing(change: Partial<DoorLimits> = {}, options: Partial<DoorwayOptions> = {}) {
  const logged: { client?: string; why?: string }[] = [];
  const state = { isServed: true, ready: 0 };
  const doorway = new Doorway({
    limits: { ...DEFAULT_DOOR, ...change },
    balancers: '',
    log: pino({ base: null }, { write: (line: string) => void logged.push(JSON.parse(line) as { why: string }) }),
    isServed: () => state.isServed,
    ready: () => {
      state.ready += 1;
    },
    ...options,
  });
  const call = async (address: string | undefined = '192.0.2.1', words?: Buffer | string): Promise<Caller> => {
    const caller = new Caller(address);
    doorway.take(caller as unknown as Socket);
    await turn();
    if (words !== undefined) await caller.says(words);
    return caller;
  };
  /** Why connections were turned away, by where they come from. */
  const whys = (): string[] => {
    doorway[Symbol.dispose]();
    return logged.map(({ client, why }) => `${client} ${why}`);
  };
  const told: [number, string][] = [];
  const next = () => doorway.next((id, sentence) => void told.push([id, sentence]));
  return { doorway, call, whys, state, told, next };
}
