import { randomBytes, randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { scopesOf } from '../access/policy.ts';
import type { Listen } from '../gateway/launch/fork-host.ts';
import type { Clock } from '../use-cases/ports/clock.ts';
import type { Inventory } from '../use-cases/ports/inventory.ts';
import type { RandomSource } from '../use-cases/ports/random.ts';
import { doorOf } from './door.ts';
import type { Config } from './load.ts';

/** What control and the command line agree on: clock, randomness, and where things lie in the data folder. */

export const systemClock: Clock = { now: () => new Date() };
export const systemRandom: RandomSource = { uuid: randomUUID, bytes: (length) => new Uint8Array(randomBytes(length)) };

export const adminSocketPath = (config: Config): string => join(config.dataDir, 'control.sock');
export const recordingsFolder = (config: Config): string => join(config.dataDir, 'recordings');
/** Where workers write. */
export const spoolFolder = (config: Config): string => join(config.dataDir, 'spool');
export const keysFolder = (config: Config): string => join(config.dataDir, 'keys');

export const inventoryOf = (config: Config): Inventory => ({
  site: config.site,
  targets: config.targets,
  policy: config.policy,
  scopes: scopesOf(config.policy),
  find: (id) => config.targets.find((target) => target.id === id) ?? null,
});

/** Where the gateway listens, and who may wait there. */
export const listenOf = ({
  listen,
  waiting,
  proxy_protocol,
}: Config['gateway']): Listen & { readonly door: ReturnType<typeof doorOf> } => ({
  ...{ host: listen.host, port: listen.port },
  ...{ door: doorOf(waiting), balancers: proxy_protocol.join(',') },
});

/** How many worker processes carry the sessions. */
export const workersOf = ({ gateway }: Config): number => gateway.workers ?? availableParallelism();

/** Every name, address and port of the gateway that is known here: no tunnel leads there. */
export function gatewayPlace({ public_host, public_port, listen, source_address }: Config['gateway']): {
  hosts: string[];
  ports: number[];
} {
  const hosts = [public_host, listen.host, ...(source_address === null ? [] : [source_address])];
  return { hosts, ports: [listen.port, public_port ?? 0].filter((port) => port > 0) };
}
