import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { sql } from 'kysely';
import { beginChain } from './audit-chain.ts';
import { StoreFault } from './fault.ts';
import type { Db, Trx } from './tables.ts';

const FOLDER = new URL('../../migrations/', import.meta.url);
const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;
/** Taken by whoever migrates, for as long as one migration takes; the number is Daypass's own. */
const LOCK = 0x6461_7970;
const MIGRATION_MAX = '10min';

export type Migration = { readonly name: string; readonly text: string; readonly checksum: string };

/** The migrations in their order: numbered from 0001 without a gap. */
export async function readMigrations(folder: URL = FOLDER): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name, index) => {
      const number = FILE_NAME.exec(name)?.[1];
      if (Number(number) !== index + 1) {
        throw new StoreFault(
          'migration_refused',
          `${name} does not follow the migration before it; migrations are numbered from 0001`,
        );
      }
      const text = await readFile(new URL(name, folder), 'utf8');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

/** Applies what is missing, each in a transaction of its own under a lock, and returns its names. */
export async function migrateTo(db: Db, migrations: readonly Migration[]): Promise<readonly string[]> {
  const applied: string[] = [];
  for (;;) {
    const name = await db
      .transaction()
      .setIsolationLevel('read committed')
      .execute((trx) => applyNext(trx, migrations));
    if (name === null) return applied;
    applied.push(name);
  }
}

/** For who only looks, or changes a row: the schema stays as it is, and has to be the one that this version writes. */
export async function checkSchema(db: Db, migrations: readonly Migration[]): Promise<void> {
  const { rows } = await sql<{ found: boolean }>`select to_regclass('schema_migration') is not null as found`.execute(
    db,
  );
  const done = rows[0]?.found ? await appliedOn(db) : [];
  for (const [index, { name, checksum }] of done.entries()) refuseUnlike(migrations[index], name, checksum);
  const missing = migrations.slice(done.length).map(({ name }) => name);
  if (missing.length === 0) return;
  throw new StoreFault(
    'schema_behind',
    `The database has the schema of an earlier version (it lacks ${missing.join(', ')}), and this command does not change the schema. Start \`daypass serve\` of this version, or run \`daypass migrate\`. Until then, use the earlier version's commands.`,
  );
}

const appliedOn = (db: Db | Trx) =>
  db.selectFrom('schema_migration').select(['name', 'checksum']).orderBy('name').execute();

async function applyNext(trx: Trx, migrations: readonly Migration[]): Promise<string | null> {
  await sql`select set_config('lock_timeout', ${MIGRATION_MAX}, true), set_config('statement_timeout', ${MIGRATION_MAX}, true)`.execute(
    trx,
  );
  await sql`select pg_advisory_xact_lock(${LOCK}::bigint)`.execute(trx);
  await sql`create table if not exists schema_migration (
    name text primary key, checksum text not null, applied_at timestamptz not null default now())`.execute(trx);
  const done = await appliedOn(trx);
  for (const [index, { name, checksum }] of done.entries()) refuseUnlike(migrations[index], name, checksum);
  const next = migrations[done.length];
  if (!next) return null;
  await sql.raw(next.text).execute(trx);
  await beginChain(trx, next.name);
  await trx.insertInto('schema_migration').values({ name: next.name, checksum: next.checksum }).execute();
  return next.name;
}

function refuseUnlike(known: Migration | undefined, name: string, checksum: string): void {
  if (known?.name !== name) {
    throw new StoreFault(
      'migration_refused',
      `The database has migration ${name}, which this version of Daypass does not know: a newer version ran on it. Run that version or a newer one.`,
    );
  }
  if (known.checksum !== checksum) {
    throw new StoreFault(
      'migration_refused',
      `Migration ${name} was changed after it was applied to this database. Restore the file as it was, and put changes in a new migration.`,
    );
  }
}
