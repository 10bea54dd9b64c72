import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { WINDOW, WINDOW_MAX } from '../../src/gateway/limits.ts';
import { encode, uint8, uint32 } from '../../src/sshwire/bytes.ts';
import { type Attack, channelData, confirm, hostileTarget } from '../support/peers/hostile-target.ts';
import { openSession, RawClient } from '../support/peers/raw-client.ts';
import { GatewayWorld } from '../support/worlds/gateway-world.ts';
import { type Figure, limited, median, type Options } from './figures.ts';
import { makeHostKey } from './host-key.ts';
import { leftBehind, now } from './lab.ts';

/** From the message that breaks the rules to the end that its sender sees. */
const CUT_MS = 100;
/** What was sent before the bad message is taken in meanwhile. */
const SETTLE_MS = 100;
const PACKETS = [0, 1, 255];
const PIECE = Buffer.alloc(32_768, 'x');

const adjust = (channel: number, amount: number): Uint8Array => encode(uint8(93), uint32(channel), uint32(amount));

type Send = (payload: Uint8Array) => void;

/** All that our window lets a peer send, of which nothing is taken from it. */
function fill(send: Send, channel: number): void {
  for (let sent = 0; sent < WINDOW; sent += PIECE.length) send(channelData(channel, PIECE));
}

const CLIENTS: Record<string, (raw: RawClient, round: number) => Promise<Uint8Array>> = {
  'maximum packet below 256': async (_raw, round) => openSession({ packet: PACKETS[round % PACKETS.length] ?? 0 }),
  'data beyond the window': async (raw) => {
    raw.send(openSession());
    const channel = (await raw.message(91)).readUInt32BE(5);
    fill((payload) => raw.send(payload), channel);
    while (raw.socket.writableLength > 0) await pause(5);
    await pause(SETTLE_MS);
    return channelData(channel, Buffer.from('x'));
  },
  'a window that overflows': async (raw) => adjust(await raw.exec('sleep 60', WINDOW_MAX), 1),
};

/** What a target answers; it calls `bad` with the message that breaks the rules. */
type Target = (payload: Buffer, send: Send, bad: (payload: Uint8Array) => void, round: number) => void;

const opener = (payload: Buffer): number => payload.readUInt32BE(12);
const OPEN = 90;
const REQUEST = 98;

const TARGETS: Record<string, Target> = {
  'maximum packet below 256': ([number], _send, bad, round) => {
    if (number === OPEN) bad(confirm(0, { packet: PACKETS[round % PACKETS.length] ?? 0 }));
  },
  'data beyond the window': (payload, send, bad) => {
    if (payload[0] === OPEN) send(confirm(opener(payload)));
    if (payload[0] !== REQUEST) return;
    fill(send, 0);
    setTimeout(() => bad(channelData(0, Buffer.from('x'))), SETTLE_MS);
  },
  'a window that overflows': (payload, send, bad) => {
    if (payload[0] === OPEN) send(confirm(opener(payload), { window: WINDOW_MAX }));
    if (payload[0] === REQUEST) bad(adjust(0, 1));
  },
};

async function attackAsClient(world: GatewayWorld, name: string, round: number): Promise<number> {
  using raw = await RawClient.login(world);
  const bad = await CLIENTS[name]?.(raw, round);
  if (!bad) throw new Error(`no such attack: ${name}`);
  const cut = raw.cut();
  raw.send(bad);
  return await cut;
}

/** A target among those of the world that does what is asked of it next. */
class Evil {
  attack: Target = () => {};
  round = 0;
  #cut: (ms: number) => void = () => {};

  readonly onMessage: NonNullable<Attack['onMessage']> = (payload, send, socket) => {
    this.attack(payload, send, (bad) => this.#send(bad, send, socket), this.round);
  };

  cut(): Promise<number> {
    return new Promise((resolve) => {
      this.#cut = resolve;
    });
  }

  #send(bad: Uint8Array, send: Send, socket: Duplex): void {
    const from = now();
    socket.once('close', () => this.#cut(now() - from));
    send(bad);
  }
}

async function attackAsTarget(world: GatewayWorld, evil: Evil, name: string, round: number): Promise<number> {
  evil.attack = TARGETS[name] ?? evil.attack;
  evil.round = round;
  const cut = evil.cut();
  using raw = await RawClient.login(world, 'evil-01');
  // It takes nothing of what the target sends.
  await raw.exec('x', 0);
  const late = AbortSignal.timeout(10_000);
  return await Promise.race([cut, once(late, 'abort').then(() => Number.POSITIVE_INFINITY)]);
}

/** How long peers that break the rules of a channel go on living, as they see it themselves. */
export async function hostile({ isQuick, progress }: Options): Promise<Figure[]> {
  const rounds = isQuick ? 20 : 50;
  const world = leftBehind.use(await GatewayWorld.start());
  const evil = new Evil();
  const { privateKey, line } = await makeHostKey(world.folder.path);
  const target = leftBehind.use(await hostileTarget(privateKey, line, { onMessage: evil.onMessage }));
  world.addTarget('evil-01', target);
  const figures: Figure[] = [];
  const measure = async (what: string, attack: (round: number) => Promise<number>): Promise<void> => {
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) times.push(await attack(round));
    progress(`  ${what}: median ${median(times).toFixed(1)} ms`);
    figures.push(limited(`${what}: cut off, slowest of ${rounds}`, Math.max(...times), CUT_MS, 'ms', '≤'));
  };
  for (const name of Object.keys(CLIENTS)) {
    await measure(`hostile client, ${name}`, (round) => attackAsClient(world, name, round));
  }
  for (const name of Object.keys(TARGETS)) {
    await measure(`hostile target, ${name}`, (round) => attackAsTarget(world, evil, name, round));
  }
  for (const each of [target, world]) await leftBehind.dispose(each);
  return figures;
}
