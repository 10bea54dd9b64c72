import { setTimeout as pause } from 'node:timers/promises';
import { GatewayWorld } from '../support/worlds/gateway-world.ts';
import { WatchedHost } from '../support/worlds/watched-host.ts';
import { type Figure, limited, type Options } from './figures.ts';
import type { FromPeers, ToPeers } from './flood-messages.ts';
import { Helper, leftBehind, now, workerOf } from './lab.ts';
import { runClient } from './transfers.ts';

const PER_SECOND = 50;
const SOCKETS = 1_000;
const LOGINS = 5;

/** The slowest of some logins, one after the other. */
async function slowestLogin({ sshConfig }: GatewayWorld): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < LOGINS; round += 1) {
    const from = now();
    await runClient('ssh', ['-F', sshConfig, 'direct', 'true']);
    times.push(now() - from);
  }
  return Math.max(...times);
}

/** The worker among peers that do not log in. */
export async function handshakes({ isQuick, progress }: Options): Promise<Figure[]> {
  const seconds = isQuick ? 5 : 30;
  const host = new WatchedHost();
  const world = await GatewayWorld.start(host.options);
  const all = leftBehind.use({
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      host[Symbol.dispose]();
    },
  });
  const at = { host: world.gateway.address, port: world.gateway.port };
  const worker = workerOf(world);
  progress(`  a login with nobody else: slowest ${(await slowestLogin(world)).toFixed(0)} ms`);

  const shaking = leftBehind.use(new Helper<ToPeers, FromPeers>('./flood-peers.ts'));
  shaking.send({ type: 'shake', perSecond: PER_SECOND, ...at });
  await pause(2_000);
  await host.lag(worker);
  await pause(seconds * 1_000);
  const { p99, max } = await host.lag(worker);
  const among = await slowestLogin(world);
  shaking.send({ type: 'stop' });
  const { done } = await shaking.next('shaken');
  progress(`  ${done} key exchanges; longest turn of the event loop ${max.toFixed(0)} ms`);
  await leftBehind.dispose(shaking);

  const flooding = leftBehind.use(new Helper<ToPeers, FromPeers>('./flood-peers.ts'));
  flooding.send({ type: 'flood', sockets: SOCKETS, ...at });
  const flooded = await slowestLogin(world);
  await flooding.next('flooded');
  await leftBehind.dispose(flooding);
  await leftBehind.dispose(all);
  const name = `${PER_SECOND} key exchanges a second`;
  return [
    limited(`${name}: lag of the worker's event loop, p99`, p99, 50, 'ms', '<'),
    limited(`${name}: a login, slowest of ${LOGINS}`, among, 2_000, 'ms', '<'),
    limited(`${SOCKETS} peers that do not log in: a login, slowest of ${LOGINS}`, flooded, 2_000, 'ms', '<'),
  ];
}
