import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { tryLock } from 'fs-native-extensions';
import type { Answer, Backend, Connection } from './dialect.ts';
import { StoreFault } from './fault.ts';
import { TEXT_TYPES } from './postgres.ts';

/** Opens the database in `<dataDir>/db`, which only one process may do: two would corrupt it. */
export async function embeddedBackend(dataDir: string): Promise<Backend> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const unlock = await lockFolder(dataDir);
  try {
    const database = await openDatabase(dataDir);
    return serialised(database, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** The kernel lets go of the lock when this process dies, however it dies. */
async function lockFolder(dataDir: string): Promise<() => Promise<void>> {
  const file = join(dataDir, 'db.lock');
  const handle = await open(file, 'a', 0o600);
  if (tryLock(handle.fd)) return () => handle.close();
  await handle.close();
  throw new StoreFault(
    'folder_in_use',
    `Another Daypass process has the database in ${dataDir} open, and two would corrupt it. Stop the other one first (daypass serve).`,
  );
}

/** A new database is made beside its place and moved there whole, so that a crash leaves no half of one. */
async function openDatabase(dataDir: string): Promise<PGlite> {
  const folder = join(dataDir, 'db');
  if (!existsSync(folder)) {
    const making = join(dataDir, 'db.new');
    await rm(making, { recursive: true, force: true });
    await mkdir(making, { mode: 0o700 });
    const made = await create(making);
    await made.close();
    await rename(making, folder);
  }
  return create(folder);
}

async function create(folder: string): Promise<PGlite> {
  const parsers = Object.fromEntries(TEXT_TYPES.map((type) => [type, (value: string) => value]));
  try {
    return await PGlite.create({ dataDir: folder, parsers });
  } catch (error) {
    throw new StoreFault(
      'database_error',
      `The embedded database in ${folder} cannot be opened. Restore the folder from a backup, or move it somewhere else to start over.`,
      { cause: error },
    );
  }
}

/** So many rows that nobody sees any more are worth a look at their table; the age is what PostgreSQL itself would not let pass. */
const DEAD_ROWS_MIN = 500;
const XID_AGE_MAX = 100_000_000;
const WAL_MIN = 16 * 1024 * 1024;

/**
 * There is no process beside this one that would vacuum or checkpoint. Each step has the backend for itself, and others come between:
 * one table at a time, which is soon done where it is done often.
 */
function maintenance(run: (sql: string) => Promise<readonly unknown[]>): () => Promise<void> {
  let checkpointed = '0/0';
  return async () => {
    const tables = (await run(`
      select quote_ident(relname) as name from pg_stat_user_tables join pg_class using (relname)
      where pg_class.oid = relid and (n_dead_tup >= ${DEAD_ROWS_MIN} or age(relfrozenxid) > ${XID_AGE_MAX})`)) as {
      name: string;
    }[];
    for (const { name } of tables) await run(`vacuum (truncate false) ${name}`);
    const [grown] = (await run(
      `select pg_wal_lsn_diff(pg_current_wal_lsn(), '${checkpointed}')::text as bytes, pg_current_wal_lsn()::text as here`,
    )) as { bytes: string; here: string }[];
    if (!grown || Number(grown.bytes) < WAL_MIN) return;
    await run('checkpoint');
    checkpointed = grown.here;
  };
}

/** There is one backend for all: whoever connects has it alone until it is released. */
function serialised(database: PGlite, unlock: () => Promise<void>): Backend {
  let last: Promise<void> = Promise.resolve();
  const turn = async (): Promise<() => void> => {
    const before = last;
    let done = (): void => {};
    last = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    return done;
  };
  const connect = async (): Promise<Connection> => {
    const release = await turn();
    if (database.closed) {
      release();
      throw new StoreFault('store_closed', 'the store was closed');
    }
    return { query: (sql, parameters) => query(database, sql, parameters), release };
  };
  const alone = async (sql: string): Promise<readonly unknown[]> => {
    const connection = await connect();
    try {
      return (await connection.query(sql, [])).rows;
    } finally {
      connection.release(false);
    }
  };
  return {
    connect,
    maintain: maintenance(alone),
    async close() {
      const release = await turn();
      try {
        if (!database.closed) await database.close();
      } finally {
        release();
        await unlock();
      }
    },
  };
}

/** Several statements at once, as migrations hold, need the simple protocol, which takes no parameters. */
async function query(database: PGlite, sql: string, parameters: readonly unknown[]): Promise<Answer> {
  const result =
    parameters.length === 0 ? (await database.exec(sql)).at(-1) : await database.query<object>(sql, [...parameters]);
  return { command: result?.command ?? '', changed: result?.rowCount ?? 0, rows: result?.rows ?? [] };
}
