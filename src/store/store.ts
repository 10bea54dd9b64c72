import { AsyncLocalStorage } from 'node:async_hooks';
import { Kysely, type KyselyPlugin } from 'kysely';
import type { Log } from '../log.ts';
import type { Change, Store, Tx } from '../use-cases/ports.ts';
import { audit } from './audit.ts';
import { type ChangeFeed, localChanges, postgresChanges } from './changes.ts';
import { type Backend, dialectOf } from './dialect.ts';
import { embeddedBackend } from './embedded.ts';
import { engagements } from './engagements.ts';
import { StoreFault } from './fault.ts';
import { grants } from './grants.ts';
import { groups } from './groups.ts';
import { keys } from './keys.ts';
import { messages } from './messages.ts';
import { migrateTo, readMigrations } from './migrations.ts';
import { outbox } from './outbox.ts';
import { persons } from './persons.ts';
import { clientConfig, postgresBackend } from './postgres.ts';
import { requests } from './requests.ts';
import { sessions } from './sessions.ts';
import type { Db, Tables, Trx } from './tables.ts';

/** No network call belongs into a transaction; one that takes longer is stuck, and would hold others up. */
const TRANSACTION_MAX_MS = 30_000;
const TRANSACTIONS_AT_ONCE_MAX = 1_000;

export type StoreOptions = { readonly databaseUrl: string | null; readonly dataDir: string; readonly log: Log };

export type OpenStore = Store & AsyncDisposable & { readonly kind: 'postgres' | 'embedded' };

/** Opens PostgreSQL, or without a URL the embedded database, and brings it to this version's schema. */
export const openStore = async (options: StoreOptions): Promise<OpenStore> =>
  storeOn(await openBackend(options), options);

/** Brings the database to this version's schema and returns the names of what was applied. */
export async function migrate(options: StoreOptions): Promise<readonly string[]> {
  const db = kyselyOn(await openBackend(options));
  try {
    return await migrateTo(db, await readMigrations());
  } finally {
    await db.destroy();
  }
}

export const openBackend = async ({ databaseUrl, dataDir, log }: StoreOptions): Promise<Backend> =>
  databaseUrl === null ? embeddedBackend(dataDir) : postgresBackend(databaseUrl, log);

/** The store owns the backend and closes it, also where it cannot begin. */
export async function storeOn(backend: Backend, { databaseUrl, log }: StoreOptions): Promise<OpenStore> {
  const db = kyselyOn(backend);
  try {
    await migrateTo(db, await readMigrations());
    if (databaseUrl === null) {
      log.info(
        'the embedded database is for trial and small teams: one host, and the last writes may go when power does',
      );
      return storeWith(db, localChanges(log), 'embedded');
    }
    return storeWith(db, await postgresChanges(clientConfig(databaseUrl), log), 'postgres');
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

const kyselyOn = (backend: Backend): Db => new Kysely<Tables>({ dialect: dialectOf(backend) });

/** Whether a transaction's `tx` may still be used. */
type Life = { open: boolean };

function storeWith(db: Db, feed: ChangeFeed, kind: OpenStore['kind']): OpenStore {
  const within = new AsyncLocalStorage<Life>();
  let closed = false;
  let underWay = 0;
  const refuse = (): void => {
    if (closed) throw new StoreFault('store_closed', 'the store was closed');
    if (within.getStore()?.open) {
      throw new StoreFault('nested_transaction', 'a transaction inside a transaction would wait for itself');
    }
    if (underWay >= TRANSACTIONS_AT_ONCE_MAX) {
      throw new StoreFault('too_busy', `${underWay} transactions are under way or waiting; no more are taken`);
    }
  };
  return {
    kind,
    async transaction(work) {
      refuse();
      underWay += 1;
      const life: Life = { open: true };
      const changes: Change[] = [];
      const run = async (trx: Trx) => {
        const guarded = trx.withPlugin(whileOpen(life));
        const value = await inTime(within.run(life, () => work(txOn(guarded, changes))));
        await feed.publish(trx, changes);
        life.open = false;
        return value;
      };
      try {
        const value = await db.transaction().setIsolationLevel('read committed').execute(run);
        feed.committed(changes);
        return value;
      } finally {
        life.open = false;
        underWay -= 1;
      }
    },
    subscribe: (listener) => feed.subscribe(listener),
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      await feed[Symbol.asyncDispose]();
      await db.destroy();
    },
  };
}

function txOn(trx: Trx, changes: Change[]): Tx {
  const announce = (change: Change): void => {
    if (!changes.some((each) => JSON.stringify(each) === JSON.stringify(change))) changes.push(change);
  };
  return {
    persons: persons(trx),
    keys: keys(trx),
    engagements: engagements(trx),
    groups: groups(trx),
    requests: requests(trx),
    grants: grants(trx),
    sessions: sessions(trx),
    audit: audit(trx),
    outbox: outbox(trx, () => announce({ kind: 'outbox' })),
    messages: messages(trx),
    announce,
  };
}

/** A `tx` that was kept would write outside any transaction. */
const whileOpen = (life: Life): KyselyPlugin => ({
  transformQuery({ node }) {
    if (!life.open)
      throw new StoreFault('transaction_over', 'this transaction is over; its tx cannot be used any more');
    return node;
  },
  transformResult: async ({ result }) => result,
});

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreFault('timeout', 'a transaction took too long')), TRANSACTION_MAX_MS);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
