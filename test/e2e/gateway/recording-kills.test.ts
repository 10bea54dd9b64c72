import { once } from 'node:events';
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionId } from '../../../src/access/ids.ts';
import type { WorkerHost } from '../../../src/gateway/launch/worker-host.ts';
import { sealRecording } from '../../../src/recording/archive/seal.ts';
import { verifyRecording } from '../../../src/recording/archive/verify.ts';
import { FRAME } from '../../../src/recording/format/format.ts';
import { type Client, sshClient, WAYS } from '../../support/peers/gateway-client.ts';
import { figure, LONG } from '../../support/peers/gateway-tools.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { bytesOf, readBack } from '../../support/worlds/recorded.ts';
import { Desk } from '../../support/worlds/recordings.ts';

const KILLS = LONG ? 200 : 4;
/** The fractional parts of its multiples lie everywhere, and are the same in every run. */
const EVERYWHERE = 0.618_033_988_75;
const CLOCK = 'date +%s.%N';
const WORK = [
  `while ${CLOCK}; do sleep 0.02; done`,
  `while ${CLOCK}; do seq 1 20000; sleep 0.02; done`,
  ...(LONG ? [`while ${CLOCK}; do seq 1 20000; done`] : []),
];

let desk: Desk;
let world: GatewayWorld;
const seen = { lostSeconds: 0, markedSeconds: 0, torn: 0, unbegun: 0 };

beforeAll(async () => {
  desk = new Desk();
  world = await GatewayWorld.start({
    wrap: (host) => new CopyingHost(host, join(desk.path, 'as-left')),
    seal: async (folder, reported) => {
      const sealed = await sealRecording(await desk.deps(), folder, reported);
      return sealed ? { kind: 'sealed', ...sealed } : { kind: 'none' };
    },
  });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await desk[Symbol.asyncDispose]();
  figure('kills: most of a recording that was lost, in ms', seen.lostSeconds * 1_000);
  figure('kills: longest until it was marked interrupted, in ms', seen.markedSeconds * 1_000);
  figure('kills: recordings with a torn end', seen.torn);
  figure('kills: sessions that had no recording yet', seen.unbegun);
});

describe('a worker that is killed', () => {
  it(`at any moment of a session loses no second of its recording, ${KILLS} times`, async () => {
    for (let n = 0; n < KILLS; n += 1) {
      const next = world.control.sessions.length;
      await using client = sshClient(world, [WAYS[n % 2] ?? 'direct', WORK[(n >> 1) % WORK.length] ?? '']);
      const received = textOf(client);
      const id = await world.control.openedSession(next);
      await once(client.stdout, 'data');
      await pause(((n * EVERYWHERE) % 1) * 2_000);
      const { wallSeconds } = await kill();
      await marked(id, wallSeconds);
      await client.exited;
      const shown = bytesOf(await world.read(id), 0, FRAME.stdout).toString('latin1');
      // Where it was killed before anything was written, all that there was is lost.
      const lost = wallSeconds - (lastClock(shown) ?? firstClock(received()) ?? wallSeconds);
      seen.lostSeconds = Math.max(seen.lostSeconds, lost);
      expect(lost).toBeLessThan(1);
      // One is the beginning of the other: nothing else is missing.
      const both = Math.min(shown.length, received().length);
      expect(received().slice(0, both) === shown.slice(0, both)).toBe(true);
    }
  });

  it(`at any moment of a login leaves nothing that is called whole, ${KILLS} times`, async () => {
    for (let n = 0; n < KILLS; n += 1) {
      const next = world.control.sessions.length;
      await using client = sshClient(world, [WAYS[n % 2] ?? 'direct', 'cat']);
      await pause(((n * EVERYWHERE) % 1) * 600);
      const { wallSeconds } = await kill();
      // One that comes to the next worker has nothing to do there.
      client.child.stdin?.end();
      await client.exited;
      for (const id of world.control.sessions.slice(next)) {
        const { how } = await world.control.endingOf(id);
        if (how !== 'closed') await marked(id, wallSeconds);
      }
    }
  });
});

/** Kills the worker and waits for the next one. */
async function kill(): Promise<{ readonly wallSeconds: number }> {
  const [before = -1] = world.gateway.workers;
  const wallSeconds = Date.now() / 1_000;
  process.kill(before, 'SIGKILL');
  while (world.gateway.workers.length === 0 || world.gateway.workers[0] === before) await pause(50);
  return { wallSeconds };
}

/** Told as interrupted in time, and sealed as that; what the kill left could be read as it lay there, up to the same chunk. */
async function marked(id: SessionId, killedAt: number): Promise<void> {
  expect(await world.control.endingOf(id)).toEqual({ how: 'interrupted' });
  const { atMs } = await world.control.closing(id);
  const took = (performance.timeOrigin + atMs) / 1_000 - killedAt;
  seen.markedSeconds = Math.max(seen.markedSeconds, took);
  expect(took).toBeLessThan(10);
  expect(readdirSync(join(world.folder.path, 'spool'))).toEqual([]);
  if (!existsSync(world.recordingOf(id))) {
    seen.unbegun += 1;
    return;
  }
  const verdict = await verifyRecording(world.recordingOf(id), id, desk.checker);
  expect(verdict).toMatchObject({ state: 'interrupted', problems: [] });
  if (verdict.head === null) return;
  const read = await world.read(id);
  const { torn, ...chain } = read.end;
  expect(torn).toBe(false);
  expect(verdict).toMatchObject(chain);
  const left = await readBack(join(desk.path, 'as-left', id));
  if (left.end.torn) seen.torn += 1;
  expect(bytesOf(left, 0, FRAME.stdout).equals(bytesOf(read, 0, FRAME.stdout))).toBe(true);
}

/** What a client shows. */
function textOf({ stdout }: Client): () => string {
  const pieces: string[] = [];
  stdout.setEncoding('latin1').on('data', (piece: string) => pieces.push(piece));
  return () => pieces.join('');
}

/** The moments that whole lines name. */
const clocks = (text: string): number[] =>
  [...text.matchAll(/^(\d{10}\.\d{9})\n/gm)].map(([, moment]) => Number(moment));
const firstClock = (text: string): number | undefined => clocks(text)[0];
const lastClock = (text: string): number | undefined => clocks(text).at(-1);

/** Keeps what a worker left as it left it. */
class CopyingHost implements WorkerHost {
  readonly #host: WorkerHost;
  readonly #to: string;

  constructor(host: WorkerHost, to: string) {
    this.#host = host;
    this.#to = to;
  }

  listen = (): ReturnType<WorkerHost['listen']> => this.#host.listen();
  close = (): void => this.#host.close();
  favour: WorkerHost['favour'] = (address) => this.#host.favour(address);
  spawn: WorkerHost['spawn'] = (events) => this.#host.spawn(events);
  left: WorkerHost['left'] = () => this.#host.left();

  async collect(id: SessionId): Promise<boolean> {
    const from = join(world.folder.path, 'spool', id);
    if (existsSync(from)) cpSync(from, join(this.#to, id), { recursive: true });
    return this.#host.collect(id);
  }

  [Symbol.asyncDispose] = (): Promise<void> => Promise.resolve(this.#host[Symbol.asyncDispose]());
}
