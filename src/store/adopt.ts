import { sql } from 'kysely';
import type { Seals } from '../use-cases/ports/seals.ts';
import { Decisions, type Suspension } from './decisions.ts';
import { sealEngagement } from './engagement-rows.ts';
import { sealKeys } from './keys.ts';
import { sealAccounts } from './persons.ts';
import { sealRequests } from './requests.ts';
import { headOf, type Memory, Sealing } from './sealing.ts';
import type { Db, Trx } from './tables.ts';

/** The migration that brought seals: rows from before it have none. */
const SEALS = /^\d+_seals\.sql$/;

/**
 * Opens the file of decisions. There is none where Daypass starts for the first time, or for the first time with seals: what the
 * database holds is then sealed as it is. Where it is missing otherwise, nothing is believed until an operator says so.
 */
export async function openDecisions(
  db: Db,
  seals: Seals,
  path: string,
  applied: readonly string[],
): Promise<Decisions> {
  const now = new Date();
  if (Decisions.isThere(path)) return Decisions.open(path, now);
  if (!applied.some((name) => SEALS.test(name))) {
    const suspended: Suspension = { why: 'no_file', at: now.toISOString() };
    return Decisions.create(path, await headNumber(db), suspended);
  }
  const memory: Memory = nothingKnown();
  const number = await db.transaction().execute((trx) => adopt(trx, new Sealing(seals, memory)));
  return Decisions.create(path, number, null);
}

async function headNumber(db: Db): Promise<number> {
  const row = await db.selectFrom('seal_head').select('number').executeTakeFirst();
  return Number(row?.number ?? 0);
}

async function adopt(trx: Trx, sealing: Sealing): Promise<number> {
  sealing.change();
  await sealAccounts(trx, sealing);
  await sealKeys(trx, sealing);
  for (const { id } of await trx.selectFrom('engagement').select('id').where('mac', 'is', null).execute()) {
    await sealEngagement(trx, sealing, id);
  }
  // Reviews are append-only; their seals are the one thing that comes later.
  await sql`alter table review disable trigger append_only`.execute(trx);
  await sealRequests(trx, sealing);
  await sql`alter table review enable always trigger append_only`.execute(trx);
  return (await sealing.settle(trx)) ?? 0;
}

/** Compares the database with the file, and suspends where they do not belong together. */
export const checkHead = (db: Db, seals: Seals, memory: Memory): Promise<number> =>
  db
    .transaction()
    .setIsolationLevel('read committed')
    .execute((trx) => headOf(trx, seals, memory));

/** Before there is a file. */
function nothingKnown(): Memory {
  return {
    suspended: null,
    settled: 0,
    over: () => null,
    misfit: () => null,
    next: (number) => number + 1,
    write: async () => {},
    settle: () => {},
    committed: async () => {},
    suspend: async () => {},
  };
}
