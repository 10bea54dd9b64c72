import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client, ClientChannel } from 'ssh2';
import { GatewayWorld } from '../support/worlds/gateway-world.ts';
import { WatchedHost } from '../support/worlds/watched-host.ts';
import { type Figure, limited, median, type Options, percentile } from './figures.ts';
import { echoing } from './keystrokes.ts';
import { certify, enter, leftBehind, now } from './lab.ts';

const REPLACED_MS = 5_000;
const ECHO_MS = 50;
const GAP_MS = 10;

const WAYS: Record<string, (host: WatchedHost, worker: number) => void> = {
  SIGSTOP: (_host, worker) => process.kill(worker, 'SIGSTOP'),
  'an endless loop': (host, worker) => host.hang(worker),
  SIGKILL: (_host, worker) => process.kill(worker, 'SIGKILL'),
};

/** Types until it is told to stop, and says how long each echo took. */
async function echoes(channel: ClientChannel, over: AbortSignal): Promise<number[]> {
  const times: number[] = [];
  while (!over.aborted && channel.writable) {
    const from = now();
    const echo = once(channel, 'data', { signal: over });
    channel.write('x');
    if (!(await echo.then(() => true).catch(() => false))) break;
    times.push(now() - from);
    await pause(GAP_MS);
  }
  return times;
}

type Round = { readonly replacedMs: number; readonly echoes: readonly number[] };

async function lose(world: GatewayWorld, way: (worker: number) => void, round: number): Promise<Round> {
  const { gateway, login } = world;
  const place = { host: gateway.address, port: gateway.port, username: `${login}+web-01` };
  const certified = certify(world);
  // One to each worker: connections go round.
  const clients: Client[] = [await enter(place, certified), await enter(place, certified)];
  const channels = [];
  for (const client of clients) channels.push(await echoing(client));
  const lost = new Set<number>();
  for (const [index, client] of clients.entries()) client.once('close', () => lost.add(index));
  const over = new AbortController();
  const typing = channels.map((channel) => echoes(channel, over.signal));
  const worker = gateway.workers[round % 2] ?? -1;
  const from = now();
  way(worker);
  while (gateway.workers.length < 2 || gateway.workers.includes(worker)) await pause(5);
  clients.push(...(await Promise.all([enter(place, certified), enter(place, certified)])));
  const replacedMs = now() - from;
  if (lost.size !== 1) throw new Error(`${lost.size} of two sessions were lost with one worker`);
  over.abort();
  const times = await Promise.all(typing);
  for (const client of clients) client.destroy();
  return { replacedMs, echoes: times.filter((_, index) => !lost.has(index)).flat() };
}

/** From the moment in which one of two workers hangs or dies to a login that its successor took. */
export async function replaced({ isQuick, progress }: Options): Promise<Figure[]> {
  const rounds = isQuick ? 2 : 5;
  const host = new WatchedHost();
  const world = await GatewayWorld.start({ workers: 2, ...host.options });
  const all = leftBehind.use({
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      host[Symbol.dispose]();
    },
  });
  const figures: Figure[] = [];
  const meanwhile: number[] = [];
  for (const [name, way] of Object.entries(WAYS)) {
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const one = await lose(world, (worker) => way(host, worker), round);
      times.push(one.replacedMs);
      meanwhile.push(...one.echoes);
    }
    progress(`  ${name}: median ${median(times).toFixed(0)} ms`);
    const what = `a worker lost by ${name}: its successor has let somebody in, slowest of ${rounds}`;
    figures.push(limited(what, Math.max(...times), REPLACED_MS, 'ms', '≤'));
  }
  figures.push(limited('echo on the other worker meanwhile, p99', percentile(meanwhile, 0.99), ECHO_MS, 'ms', '<'));
  await leftBehind.dispose(all);
  return figures;
}
