import { createHmac } from 'node:crypto';
import { recordSeals } from '../../../src/ca/seal.ts';
import { migrateTo, readMigrations } from '../../../src/store/migrations.ts';
import type { Memory } from '../../../src/store/sealing.ts';
import { type OpenStore, openBackend, type Parts, type StoreOptions, storeOn } from '../../../src/store/store.ts';
import type { Db } from '../../../src/store/tables.ts';

/** For stores of the tests' own, which read keys from nowhere. */
export const testSeals = recordSeals((data) => createHmac('sha256', 'of the tests').update(data).digest());

/** Remembers ends as the file of decisions does, and for no longer than this process lives. */
function memory(): Memory {
  const over = new Map<string, ReturnType<Memory['over']>>();
  return {
    suspended: null,
    settled: 0,
    over: (key) => over.get(key) ?? null,
    misfit: () => null,
    next: (number) => number,
    write: async (_n, ended) => {
      for (const each of ended) over.set(each.key, each);
    },
    settle: () => {},
    committed: async () => {},
    suspend: async () => {},
  };
}

/** Neither lease nor file: it stands beside a control, or alone where no control is to follow. */
export async function beside(db: Db): Promise<Parts> {
  await migrateTo(db, await readMigrations());
  return { memory: memory(), lease: null };
}

export const openBeside = async (options: StoreOptions): Promise<OpenStore> =>
  storeOn(await openBackend(options), options, beside);
