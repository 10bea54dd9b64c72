import { AsyncLocalStorage } from 'node:async_hooks';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Kysely, type KyselyPlugin } from 'kysely';
import type { Log } from '../log.ts';
import type { Seals } from '../use-cases/ports/seals.ts';
import type { Change, Store, Tx } from '../use-cases/ports/store.ts';
import { checkHead, openDecisions } from './adopt.ts';
import { audit } from './audit.ts';
import { Appends } from './audit-chain.ts';
import { BrokenSeals } from './broken.ts';
import { type ChangeFeed, localChanges, postgresChanges } from './changes.ts';
import { Decisions } from './decisions.ts';
import { type Backend, dialectOf } from './dialect.ts';
import { engagementChanges } from './engagement-changes.ts';
import { engagements } from './engagements.ts';
import { StoreFault } from './fault.ts';
import { grants } from './grants.ts';
import { groups } from './groups.ts';
import { keys } from './keys.ts';
import { type Lease, type LeaseOptions, takeLease } from './lease.ts';
import { type Life, refuseOver } from './life.ts';
import { messages } from './messages.ts';
import { checkSchema, migrateTo, readMigrations } from './migrations.ts';
import { offboardings } from './offboardings.ts';
import { outbox } from './outbox.ts';
import { persons } from './persons.ts';
import { checkKind, checkPlace, rememberPlace } from './place.ts';
import { clientConfig, postgresBackend } from './postgres.ts';
import { requests } from './requests.ts';
import { type Memory, Sealing } from './sealing.ts';
import { sessions } from './sessions.ts';
import type { Db, Tables, Trx } from './tables.ts';

/** No network call belongs into a transaction; one that takes longer is stuck, and would hold others up. */
const TRANSACTION_MAX_MS = 30_000;
const TRANSACTIONS_AT_ONCE_MAX = 1_000;
/** A command is soon over. */
const COMMAND_LEASE_MS = 60_000;
const HEAD_EVERY_MS = 10_000;

export type StoreOptions = {
  readonly databaseUrl: string | null;
  readonly dataDir: string;
  readonly log: Log;
  readonly seals: Seals;
};

export type OpenStore = Store &
  AsyncDisposable & {
    readonly kind: 'postgres' | 'embedded';
    /** Gives back what the embedded database holds of the disk without need; PostgreSQL does so itself. */
    maintain(): Promise<void>;
  };

const decisionsFile = (dataDir: string): string => join(dataDir, 'decisions.jsonl');

/** For control: opens PostgreSQL, or without a URL the embedded database, brings it to this version's schema, and takes the lease. */
export const openStore = (options: StoreOptions, lease: Omit<LeaseOptions, 'mayWait'>): Promise<OpenStore> =>
  opened(options, async (db, own) => {
    const applied = await migrateTo(db, await readMigrations());
    const held = own(await takeLease(db, { ...lease, mayWait: true }, options.log));
    return {
      memory: own(await openDecisions(db, options.seals, decisionsFile(options.dataDir), applied)),
      lease: held,
    };
  });

/** For a command where no control runs: makes nothing and migrates nothing, and changes something only while no control can start. */
export const openForCommand = (options: StoreOptions, changes: boolean): Promise<OpenStore> =>
  opened(
    options,
    async (db, own) => {
      await checkSchema(db, await readMigrations());
      const path = decisionsFile(options.dataDir);
      if (!changes && Decisions.isThere(path)) return { memory: await Decisions.read(path, new Date()), lease: null };
      const lost = (by: string): void => options.log.error({ by }, 'another control has taken over the database');
      const lease = own(await takeLease(db, { leaseMs: COMMAND_LEASE_MS, mayWait: false, lost }, options.log));
      return { memory: own(await openDecisions(db, options.seals, path, [])), lease };
    },
    false,
  );

/** Brings the database to this version's schema and returns the names of what was applied. */
export async function migrate(options: StoreOptions): Promise<readonly string[]> {
  let applied: readonly string[] = [];
  await using _store = await opened(options, async (db, own) => {
    applied = await migrateTo(db, await readMigrations());
    return {
      memory: own(await openDecisions(db, options.seals, decisionsFile(options.dataDir), applied)),
      lease: null,
    };
  });
  return applied;
}

export type Parts = { readonly memory: Memory; readonly lease: Lease | null };
type Own = <T extends AsyncDisposable>(part: T) => T;

async function opened(
  options: StoreOptions,
  begin: (db: Db, own: Own) => Promise<Parts>,
  mayMake = true,
): Promise<OpenStore> {
  checkKind(options.dataDir, options.databaseUrl, mayMake);
  const backend = await openBackend(options);
  return storeOn(backend, options, async (db, own) => {
    const place =
      options.databaseUrl === null ? ({ kind: 'embedded' } as const) : await checkPlace(options.dataDir, db);
    const parts = await begin(db, own);
    rememberPlace(options.dataDir, place);
    return parts;
  });
}

/** Native code and a database come with the embedded one, so it is loaded where it is used. */
export const openBackend = async ({ databaseUrl, dataDir, log }: Omit<StoreOptions, 'seals'>): Promise<Backend> => {
  if (databaseUrl !== null) return postgresBackend(databaseUrl, log);
  const { embeddedBackend } = await import('./embedded.ts');
  return embeddedBackend(dataDir);
};

/** The store owns the backend and closes it, also where it cannot begin. */
export async function storeOn(
  backend: Backend,
  { databaseUrl, log, seals }: Omit<StoreOptions, 'dataDir'>,
  begin: (db: Db, own: Own) => Promise<Parts>,
): Promise<OpenStore> {
  const db = kyselyOn(backend);
  const owned: AsyncDisposable[] = [];
  const own: Own = (part) => {
    owned.push(part);
    return part;
  };
  const close = async (): Promise<void> => {
    for (const part of owned.splice(0).reverse()) await part[Symbol.asyncDispose]();
    await db.destroy();
  };
  try {
    const parts = await begin(db, own);
    const isEmbedded = databaseUrl === null;
    if (isEmbedded && parts.lease) {
      log.info(
        'the embedded database is for trials and small teams: one host only, and a power failure can lose the last writes',
      );
    }
    const feed = own(isEmbedded ? localChanges(log) : await postgresChanges(clientConfig(databaseUrl), log));
    const told = new BrokenSeals(db, log);
    await checkHead(db, seals, parts.memory);
    if (parts.memory.suspended) await told.suspended(parts.memory.suspended);
    if (parts.lease) own(watchHead(() => checkHead(db, seals, parts.memory), parts.memory, told, log));
    const maintain = async (): Promise<void> => backend.maintain?.();
    return {
      kind: isEmbedded ? 'embedded' : 'postgres',
      maintain,
      ...storeWith({ db, feed, seals, told, ...parts }, close),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const kyselyOn = (backend: Backend): Db => new Kysely<Tables>({ dialect: dialectOf(backend) });

/** A database can be restored under a control that runs. */
function watchHead(look: () => Promise<unknown>, memory: Memory, told: BrokenSeals, log: Log): AsyncDisposable {
  const stop = new AbortController();
  const { signal } = stop;
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await pause(HEAD_EVERY_MS, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      const before = memory.suspended;
      await look().catch((error: unknown) =>
        log.warn({ err: error }, 'the number of the last sealed change could not be read'),
      );
      if (!before && memory.suspended) await told.suspended(memory.suspended);
    }
  };
  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

type Within = Parts & {
  readonly db: Db;
  readonly feed: ChangeFeed;
  readonly seals: Seals;
  readonly told: BrokenSeals;
};

function storeWith(parts: Within, close: () => Promise<void>): Store & AsyncDisposable {
  const { db, feed, seals, memory, lease, told } = parts;
  const within = new AsyncLocalStorage<Life>();
  let closed = false;
  let underWay = 0;
  const refuse = (): void => {
    if (closed) throw new StoreFault('store_closed', 'the store was closed');
    if (within.getStore()?.open) {
      throw new StoreFault('nested_transaction', 'a transaction inside a transaction would wait for itself');
    }
    if (underWay >= TRANSACTIONS_AT_ONCE_MAX) {
      throw new StoreFault('too_busy', `${underWay} transactions are running or waiting; no more are accepted`);
    }
  };
  return {
    async transaction(work) {
      refuse();
      underWay += 1;
      const life: Life = { open: true };
      const changes: Change[] = [];
      const sealing = new Sealing(seals, memory);
      const appends = new Appends(life);
      const wasSuspended = memory.suspended;
      const run = async (trx: Trx) => {
        await lease?.check(trx);
        const guarded = trx.withPlugin(whileOpen(life));
        const value = await inTime(within.run(life, () => work(txOn(guarded, { changes, sealing, appends }))));
        await feed.publish(trx, changes);
        // Before the file of decisions is written: what is in there counts, whatever becomes of the transaction.
        await appends.write(trx);
        const settled = await sealing.settle(trx);
        life.open = false;
        return { value, settled };
      };
      try {
        const { value, settled } = await db.transaction().setIsolationLevel('read committed').execute(run);
        if (settled !== null) await memory.committed(settled);
        feed.committed(changes);
        return value;
      } finally {
        life.open = false;
        underWay -= 1;
        sealing.finished();
        await told.tell(sealing.broken);
        if (!wasSuspended && memory.suspended) await told.suspended(memory.suspended);
      }
    },
    subscribe: (listener) => feed.subscribe(listener),
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      await close();
    },
  };
}

type Collected = { readonly changes: Change[]; readonly sealing: Sealing; readonly appends: Appends };

function txOn(trx: Trx, { changes, sealing, appends }: Collected): Tx {
  const announce = (change: Change): void => {
    if (!changes.some((each) => JSON.stringify(each) === JSON.stringify(change))) changes.push(change);
  };
  return {
    persons: persons(trx, sealing),
    keys: keys(trx, sealing, (entry) => announce({ kind: 'registry_changed', entry })),
    engagements: engagements(trx, sealing),
    engagementChanges: engagementChanges(trx, sealing),
    groups: groups(trx),
    requests: requests(trx, sealing),
    grants: grants(trx, sealing),
    sessions: sessions(trx),
    audit: audit(trx, appends),
    offboardings: offboardings(trx, sealing),
    outbox: outbox(trx, () => announce({ kind: 'outbox' })),
    messages: messages(trx, sealing),
    announce,
    broken: () => sealing.broken[0] ?? null,
    breaks: (broken) => sealing.breaks(broken),
    suspension: () => sealing.suspended,
    liftSuspension: () => sealing.confirm(),
  };
}

const whileOpen = (life: Life): KyselyPlugin => ({
  transformQuery({ node }) {
    refuseOver(life);
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
