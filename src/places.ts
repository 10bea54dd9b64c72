import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from './config.ts';
import type { Clock, Inventory, RandomSource } from './use-cases/ports.ts';

/** What control and the command line agree on: clock, randomness, and where things lie in the data folder. */

export const systemClock: Clock = { now: () => new Date() };
export const systemRandom: RandomSource = { uuid: randomUUID, bytes: (length) => new Uint8Array(randomBytes(length)) };

export const adminSocketPath = (config: Config): string => join(config.dataDir, 'control.sock');
export const keysFolder = (config: Config): string => join(config.dataDir, 'keys');

export const inventoryOf = (config: Config): Inventory => ({
  site: config.site,
  targets: config.targets,
  policy: config.policy,
  find: (id) => config.targets.find((target) => target.id === id) ?? null,
});
