import { sql } from 'kysely';
import { z } from 'zod';
import type { ReadEvent, Unreadable } from '../auditchain/check.ts';
import type { EventContent } from '../auditchain/event.ts';
import { Timestamp } from './rows.ts';
import type { Trx } from './tables.ts';

/** Where the facts of an operator's deed have its account; events of earlier versions have none. */
export const OPERATOR = 'operator_account';

const PAGE = 2_000;
/** Milliseconds are all that Daypass writes; a column can hold more. */
const FINER = /\.\d{4,}/;
const HASH = /^[0-9a-f]{64}$/;

type Who = { readonly actor_kind: string; readonly actor_person_id: string | null };

/** Actor and facts as the events stream has them. */
export function told({ actor_kind, actor_person_id }: Who, facts: unknown): Pick<EventContent, 'actor' | 'facts'> {
  if (actor_kind === 'person') return { actor: { kind: 'person', id: actor_person_id }, facts };
  if (actor_kind !== 'operator') return { actor: { kind: actor_kind }, facts };
  const { [OPERATOR]: account, ...others } = Object(facts) as Record<string, unknown>;
  return { actor: { kind: 'operator', account: typeof account === 'string' ? account : '' }, facts: others };
}

/** Whoever owns the database may have dropped what keeps NULL out; it makes a row another one, and is no fault. */
const Text = z.string().catch('');
const Row = z.object({
  ...{ id: z.coerce.number(), type: Text, at: Text, facts: Text },
  ...{ actor_kind: Text, actor_person_id: z.string().nullable() },
  ...{ prev: z.string().nullable(), hash: z.string().nullable() },
});

/**
 * Every row in the order of the numbers, exactly as it is. Through a cursor: paging by number would pass over a second row of the same
 * number, which somebody could put in who dropped the key.
 */
export async function* storedEvents(trx: Trx): AsyncGenerator<ReadEvent | Unreadable> {
  await sql`set local time zone 'UTC'`.execute(trx);
  await sql`set local datestyle = 'ISO'`.execute(trx);
  await sql`declare stored_events no scroll cursor for
    select id::text, type, at::text, actor_kind, actor_person_id::text, facts::text, prev, hash
    from audit_event order by audit_event.id`.execute(trx);
  for (;;) {
    const { rows } = await sql.raw<object>(`fetch ${PAGE} from stored_events`).execute(trx);
    if (rows.length === 0) break;
    for (const row of rows) yield toStored(Row.parse(row));
  }
  await sql`close stored_events`.execute(trx);
}

/** What has a hash is held to the form in which Daypass writes it: nothing in the row may change without changing the hash. */
function toStored(row: z.infer<typeof Row>): ReadEvent | Unreadable {
  const { id, type, prev, hash } = row;
  const at = Timestamp.safeParse(row.at).data?.toISOString() ?? null;
  const facts = parsed(row.facts);
  const why = hash === null ? null : oddity(row, at, facts);
  if (why !== null) return { id, hash: HASH.exec(hash ?? '')?.[0] ?? null, why };
  return { id, type, at: at ?? row.at, ...told(row, facts), prev, hash };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function oddity(row: z.infer<typeof Row>, at: string | null, facts: unknown): string | null {
  if (!HASH.test(row.hash ?? '') || !HASH.test(row.prev ?? ''))
    return 'it has something else in the place of its hashes';
  if (at === null || FINER.test(row.at)) return 'its time is not one that Daypass writes';
  if (JSON.stringify(facts) !== row.facts) return 'its facts are not written as Daypass writes them';
  if ((row.actor_kind === 'person') === (row.actor_person_id === null)) return 'its actor contradicts itself';
  return null;
}
