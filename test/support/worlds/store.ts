import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { createLog } from '../../../src/log.ts';
import { type OpenStore, openBackend, type StoreOptions, storeOn } from '../../../src/store/store.ts';
import { runOk } from '../peers/processes.ts';
import { beside, testSeals } from './beside.ts';
import { createDatabase } from './postgres.ts';

export type StoreKind = OpenStore['kind'];
export const STORE_KINDS: readonly StoreKind[] = ['postgres', 'embedded'];

const log = createLog('silent');

/** Where a store may be opened; removed with what it holds when disposed. */
export type StorePlace = AsyncDisposable & { readonly options: StoreOptions };

/** With an empty database: no schema, no rows. */
export async function storePlace(kind: StoreKind): Promise<StorePlace> {
  const place = await bareFolder(kind);
  if (kind === 'embedded') await copyTemplate(place.options.dataDir);
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

/** A new store with the schema and no rows. */
export async function openTestStore(kind: StoreKind): Promise<TestStore> {
  const place = await storePlace(kind);
  try {
    return await openAt(place);
  } catch (error) {
    await place[Symbol.asyncDispose]();
    throw error;
  }
}

async function openAt(place: StorePlace): Promise<TestStore> {
  const backend = await openBackend(place.options);
  const store = await storeOn(backend, place.options, beside);
  return {
    ...store,
    options: place.options,
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
      await store[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

/** Making a database takes seconds, copying one tenths of a second. */
async function copyTemplate(dataDir: string): Promise<void> {
  const folder = inject('embeddedTemplates');
  const template = join(folder, 'template');
  if (!existsSync(template)) {
    const making = await mkdtemp(join(folder, 'making-'));
    const backend = await openBackend({ databaseUrl: null, dataDir: making, log });
    await backend.close();
    // Another test file may have been quicker.
    await rename(making, template).catch((error: unknown) => {
      if (!existsSync(template)) throw error;
    });
  }
  // Node's own takes two seconds for it.
  await runOk('cp', ['-r', `${template}/.`, dataDir]);
}
