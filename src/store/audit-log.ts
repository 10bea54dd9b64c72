import { Kysely, sql } from 'kysely';
import type { AuditHead } from '../access/audit-head.ts';
import type { ReadEvent, Unreadable } from '../auditchain/check.ts';
import { headOf } from './audit-chain.ts';
import { storedEvents } from './audit-rows.ts';
import { dialectOf } from './dialect.ts';
import { checkSchema, readMigrations } from './migrations.ts';
import { checkKind, checkPlace } from './place.ts';
import { openBackend, type StoreOptions } from './store.ts';
import type { Tables } from './tables.ts';

/**
 * The whole audit log as the database has it at one moment, read without keys and without changing anything, beside a control or where
 * none runs. Returns what the database has as the last event.
 */
export async function readAuditLog(
  options: Omit<StoreOptions, 'seals'>,
  take: (event: ReadEvent | Unreadable) => void,
): Promise<AuditHead | null> {
  const { dataDir, databaseUrl } = options;
  checkKind(dataDir, databaseUrl, false);
  const db = new Kysely<Tables>({ dialect: dialectOf(await openBackend(options)) });
  try {
    if (databaseUrl !== null) await checkPlace(dataDir, db);
    await checkSchema(db, await readMigrations());
    return await db
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async (trx) => {
        await sql`set transaction read only`.execute(trx);
        for await (const event of storedEvents(trx)) take(event);
        return headOf(trx);
      });
  } finally {
    await db.destroy();
  }
}
