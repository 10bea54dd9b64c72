import type { Config } from '../config/load.ts';
import { adminSocketPath, inventoryOf, systemClock, systemRandom } from '../config/places.ts';
import { localOperators, type Operator } from '../operator/operator.ts';
import { isServed, remoteOperator } from '../operator/socket.ts';
import { actAsOwnerOf, operatorAccount } from './as-owner.ts';
import { Refused } from './output.ts';
import { storeOptions } from './store-options.ts';

/** Runs `work` against the running control, or, where none runs, against the store itself; `changes` keeps a control from starting meanwhile. */
export async function withOperator<T>(
  config: Config,
  work: (operator: Operator) => Promise<T>,
  changes = false,
): Promise<T> {
  const path = adminSocketPath(config);
  if (await isServed(path)) return work(remoteOperator(path, operatorAccount()));
  const { openForCommand } = await import('../store/store.ts');
  actAsOwnerOf(config.dataDir);
  await using store = await openForCommand(await storeOptions(config), changes);
  // Awaited here: the store closes when this returns.
  const deps = { store, clock: systemClock, random: systemRandom, inventory: inventoryOf(config), control: null };
  return await work(localOperators(deps)(operatorAccount()));
}

export type ListOptions = { readonly json?: boolean; readonly all?: boolean; readonly limit: string };

export function limitOf(options: ListOptions): number {
  const limit = Number(options.limit);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 10_000) return limit;
  throw new Refused(`--limit takes a whole number from 1 to 10000, not ${options.limit}`, 2);
}

/** The id that begins like this, where there is one and no more. */
export function one(given: string, ids: readonly string[], what: string): string {
  const matching = ids.filter((id) => id.startsWith(given));
  const [id] = matching;
  if (id !== undefined && matching.length === 1) return id;
  if (matching.length > 1) throw new Refused(`${given} matches ${matching.length} ${what}s. Type more of it.`);
  throw new Refused(`No ${what} starts with ${given}. List them first.`);
}
