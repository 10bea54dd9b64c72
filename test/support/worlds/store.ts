import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { createLog } from '../../../src/log.ts';
import type { Backend } from '../../../src/store/dialect.ts';
import { type OpenStore, openBackend, type StoreOptions, storeOn } from '../../../src/store/store.ts';
import { beside, testSeals } from './beside.ts';
import { copyTemplate } from './embedded-template.ts';
import { createDatabase } from './postgres.ts';
import { WarmDatabase } from './warm-database.ts';

export type StoreKind = OpenStore['kind'];
/** Mutation testing runs the same tests over and over, for which one kind is enough. */
export const STORE_KINDS: readonly StoreKind[] =
  process.env['DAYPASS_MUTATION'] === '1' ? ['postgres'] : ['postgres', 'embedded'];

const log = createLog('silent');

/** Where a store may be opened; removed with what it holds when disposed. */
export type StorePlace = AsyncDisposable & { readonly options: StoreOptions };

/** With an empty database: no schema, no rows. */
export async function storePlace(kind: StoreKind): Promise<StorePlace> {
  const place = await bareFolder(kind);
  if (kind === 'embedded') await copyTemplate(place.options.dataDir, 'empty');
  return place;
}

/** As on a machine where Daypass starts for the first time. */
export async function bareFolder(kind: StoreKind): Promise<StorePlace> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daypass-store-'));
  const database = kind === 'postgres' ? await createDatabase(inject('postgresUrl')) : null;
  return {
    options: { databaseUrl: database?.url ?? null, dataDir, log, seals: testSeals },
    async [Symbol.asyncDispose]() {
      await database?.[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A store at a place of its own, and a way around it to the rows. */
export type TestStore = OpenStore & {
  readonly options: StoreOptions;
  /** Runs SQL as somebody with the database's password would; several statements at once where there are no parameters. */
  sql(text: string, parameters?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
};

/** A store with the schema and no rows, on a database that other stores of this file have had. */
export async function openTestStore(kind: StoreKind): Promise<TestStore> {
  const warm = await WarmDatabase.take(kind);
  const dataDir = await mkdtemp(join(tmpdir(), 'daypass-store-'));
  return openOn(warm.backend, { ...{ databaseUrl: warm.databaseUrl, dataDir, log }, seals: testSeals }, async () => {
    await warm.giveBack();
    await rm(dataDir, { recursive: true, force: true });
  });
}

/** A new store with the schema and no rows, on a database of its own, for tests of what it is kept in. */
export async function openOwnStore(kind: StoreKind): Promise<TestStore> {
  const place = await storePlace(kind);
  try {
    return await openOn(await openBackend(place.options), place.options, async () => place[Symbol.asyncDispose]());
  } catch (error) {
    await place[Symbol.asyncDispose]();
    throw error;
  }
}

async function openOn(backend: Backend, options: StoreOptions, closed: () => Promise<void>): Promise<TestStore> {
  const store = await storeOn(backend, options, beside);
  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    await store[Symbol.asyncDispose]();
    await closed();
  };
  return {
    ...store,
    options,
    async sql(text, parameters = []) {
      const connection = await backend.connect();
      try {
        const { rows } = await connection.query(text, parameters);
        return rows as Record<string, unknown>[];
      } finally {
        connection.release(false);
      }
    },
    async [Symbol.asyncDispose]() {
      closing ??= close();
      await closing;
    },
  };
}
