import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { z } from 'zod';
import { StoreFault } from './fault.ts';
import type { Db } from './tables.ts';

/** Which database a data folder belongs to, so that nobody works on another by an oversight. */

const Place = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('embedded') }),
  z.strictObject({
    kind: z.literal('postgres'),
    /** Of the cluster, from its initdb on; null where this account may not read it. */
    system: z.string().nullable(),
    database: z.string(),
  }),
]);
type Place = z.infer<typeof Place>;

const placeFile = (dataDir: string): string => join(dataDir, 'store.json');
const SET_URL = 'Set DAYPASS_DATABASE_URL to the one that `daypass serve` uses.';

/** Null where no control has run here yet. */
function rememberedPlace(dataDir: string): Place | null {
  const path = placeFile(dataDir);
  if (!existsSync(path)) return null;
  try {
    return Place.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    const message = `${path} does not name the database of this folder. Remove it, and the next \`daypass serve\` writes it again.`;
    throw new StoreFault('other_store', message, { cause });
  }
}

export function rememberPlace(dataDir: string, place: Place): void {
  const path = placeFile(dataDir);
  if (existsSync(path)) return;
  writeFileSync(`${path}.new`, `${JSON.stringify(place)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Before anything is opened: whether the kind is the one that belongs to the folder. A command makes no database. */
export function checkKind(dataDir: string, databaseUrl: string | null, mayMake: boolean): void {
  const known = rememberedPlace(dataDir);
  if (!known) {
    // Versions before remembered nothing, and could leave an empty embedded database beside one on PostgreSQL.
    if (mayMake || (databaseUrl === null && existsSync(join(dataDir, 'db')))) return;
    const message = `${dataDir} has no database yet. Start \`daypass serve\` first.`;
    throw new StoreFault('other_store', databaseUrl === null ? `${message} With PostgreSQL: ${SET_URL}` : message);
  }
  if (known.kind === 'postgres' && databaseUrl === null) {
    const message = `${dataDir} belongs to the PostgreSQL database ${known.database}, and DAYPASS_DATABASE_URL is not set. ${SET_URL}`;
    throw new StoreFault('other_store', message);
  }
  if (known.kind === 'embedded' && databaseUrl !== null) {
    const message = `${dataDir} has an embedded database, and DAYPASS_DATABASE_URL points to PostgreSQL. Unset it. To start over on PostgreSQL, use another data_dir with the same keys.`;
    throw new StoreFault('other_store', message);
  }
}

/** Once it is open: whether it is the very database. */
export async function checkPlace(dataDir: string, db: Db): Promise<Place> {
  const place = await placeOf(db);
  const known = rememberedPlace(dataDir);
  if (known?.kind !== 'postgres') return place;
  if (known.database === place.database && known.system === place.system) return place;
  throw new StoreFault(
    'other_store',
    `DAYPASS_DATABASE_URL points to the database ${place.database} of another PostgreSQL cluster (${place.system ?? 'unknown'}); ${dataDir} belongs to ${known.database} of ${known.system ?? 'an unknown one'}. Correct the URL. If the database was moved on purpose, remove ${placeFile(dataDir)} and start \`daypass serve\`. See docs/operations.md for what follows.`,
  );
}

async function placeOf(db: Db): Promise<Extract<Place, { kind: 'postgres' }>> {
  const { rows } = await sql<{ database: string }>`select current_database() as database`.execute(db);
  return { kind: 'postgres', system: await systemOf(db), database: rows[0]?.database ?? '' };
}

/** An administrator may have taken the right to ask away. */
async function systemOf(db: Db): Promise<string | null> {
  const asked = sql<{ system: string }>`select system_identifier::text as system from pg_control_system()`.execute(db);
  const answer = await asked.catch((error: unknown) => {
    if (error instanceof StoreFault && error.sqlState === '42501') return null;
    throw error;
  });
  return answer?.rows[0]?.system ?? null;
}
