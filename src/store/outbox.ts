import { sql, type UpdateObject } from 'kysely';
import { z } from 'zod';
import {
  isRepeatable,
  messageKey,
  type Notice,
  type OutboxItem,
  StoredNotice,
  urgencyOf,
} from '../use-cases/notice.ts';
import type { Outbox } from '../use-cases/ports/outbox.ts';
import { StoreFault } from './fault.ts';
import { changedOne, instant, json, read, Timestamp, text } from './rows.ts';
import type { Tables, Trx } from './tables.ts';

const LAST_ERROR_MAX = 500;
/** How often another transaction may take away the row that an equal notice was to join. */
const COALESCE_TRIES = 5;

const OutboxRow = z.object({
  id: z.coerce.number().int(),
  key: z.string(),
  notice: StoredNotice,
  lane: z.string(),
  attempts: z.int(),
  attempting_at: Timestamp.nullable(),
  doubtful_since: Timestamp.nullable(),
  held_since: Timestamp.nullable(),
  lane_urgency: z.union([z.literal(0), z.literal(1), z.literal(2)]),
});

function toItem(raw: object): OutboxItem {
  const row = read(OutboxRow, 'outbox', raw);
  const { id, notice, key, lane, attempts } = row;
  const { held_since: heldSince, lane_urgency: urgency } = row;
  return { id, notice, key, lane, attempts, attemptedAt: row.doubtful_since ?? row.attempting_at, heldSince, urgency };
}

export const outbox = (trx: Trx, announce: () => void): Outbox => ({
  async enqueue(notice, lane) {
    const added = await enqueue(trx, notice, lane);
    if (added) announce();
    return added;
  },
  async due(now, limit) {
    const heads = trx
      .selectFrom('outbox')
      .selectAll()
      .select((from) =>
        from.fn
          .min('urgency')
          .over((over) => over.partitionBy('lane'))
          .as('lane_urgency'),
      )
      .distinctOn('lane')
      .where('status', '=', 'waiting')
      .orderBy('lane')
      .orderBy('id');
    const rows = await trx
      .selectFrom(heads.as('head'))
      .selectAll()
      .where((where) => where.or([where('due_at', 'is', null), where('due_at', '<=', instant(now))]))
      .orderBy('lane_urgency')
      .orderBy('id')
      .limit(limit)
      .execute();
    return rows.map(toItem);
  },
  async attempting(id, at) {
    const begun = await trx
      .updateTable('outbox')
      .set({
        attempts: sql<number>`attempts + 1`,
        // Found set, the earlier attempt was never heard of again.
        doubtful_since: sql<string | null>`coalesce(doubtful_since, attempting_at)`,
        attempting_at: instant(at),
      })
      .where('id', '=', String(id))
      .where('status', '=', 'waiting')
      .returning('id')
      .execute();
    return begun.length === 1;
  },
  async retryAt(id, at, error, doubtful) {
    await change(trx, id, {
      due_at: instant(at),
      last_error: text(error.slice(0, LAST_ERROR_MAX)),
      attempting_at: null,
      ...(doubtful ? { doubtful_since: sql<string | null>`coalesce(doubtful_since, attempting_at)` } : {}),
    });
  },
  hold: (id, at) => change(trx, id, { held_since: sql<string>`coalesce(held_since, ${instant(at)})` }),
  delivered: (id) => change(trx, id, { status: 'delivered', attempting_at: null, last_error: null }),
  bury: (id, error) =>
    change(trx, id, { status: 'buried', attempting_at: null, last_error: text(error.slice(0, LAST_ERROR_MAX)) }),
  async giveUp(lane, before, error) {
    const rows = await trx
      .updateTable('outbox')
      .set({ status: 'buried', attempting_at: null, last_error: text(error.slice(0, LAST_ERROR_MAX)) })
      .where('lane', '=', lane)
      .where('status', '=', 'waiting')
      .where((where) =>
        where.or([where('held_since', '<', instant(before)), where('enqueued_at', '<', instant(before))]),
      )
      .returning(['id', 'key'])
      .execute();
    return rows.sort((one, other) => Number(one.id) - Number(other.id)).map(({ key }) => key);
  },
  async again(notice, lane) {
    const key = messageKey(notice);
    await trx.deleteFrom('outbox').where('key', '=', key).where('kind', '=', notice.kind).execute();
    await sql`insert into outbox (id, key, kind, repeatable, notice, lane, urgency) overriding system value
      select least(coalesce(min(id), 0), 0) - 1, ${key}, ${notice.kind}, ${isRepeatable(notice.kind)}, ${json(notice)},
        ${text(lane)}, ${urgencyOf(notice.kind)} from outbox`.execute(trx);
    announce();
  },
  async inDoubt(key) {
    const row = await trx
      .selectFrom('outbox')
      .select('id')
      .where('key', '=', key)
      .where('status', '=', 'waiting')
      .where((where) => where.or([where('attempting_at', 'is not', null), where('doubtful_since', 'is not', null)]))
      .executeTakeFirst();
    return row !== undefined;
  },
  async waiting(lane) {
    const all = trx
      .selectFrom('outbox')
      .select((from) => from.fn.countAll<string>().as('count'))
      .where('status', '=', 'waiting');
    const row = await (lane === undefined ? all : all.where('lane', '=', lane)).executeTakeFirstOrThrow();
    return Number(row.count);
  },
  async forget(status, before, limit) {
    const old = trx
      .selectFrom('outbox')
      .select('id')
      .where('status', '=', status)
      .where('enqueued_at', '<', instant(before))
      .limit(limit);
    const result = await trx.deleteFrom('outbox').where('id', 'in', old).executeTakeFirst();
    return Number(result.numDeletedRows);
  },
});

async function change(trx: Trx, id: number, values: UpdateObject<Tables, 'outbox'>): Promise<void> {
  const result = await trx
    .updateTable('outbox')
    .set(values)
    .where('id', '=', String(id))
    .where('status', '=', 'waiting')
    .executeTakeFirstOrThrow();
  changedOne(result, 'waiting outbox message');
}

/**
 * An equal notice that still waits is joined by locking it: its delivery then begins after this transaction has ended, and shows
 * what this transaction changed.
 */
async function enqueue(trx: Trx, notice: Notice, lane: string): Promise<boolean> {
  const key = messageKey(notice);
  const repeatable = isRepeatable(notice.kind);
  const urgency = urgencyOf(notice.kind);
  for (let attempt = 0; attempt < COALESCE_TRIES; attempt += 1) {
    if (repeatable && (await lockWaiting(trx, key, notice.kind))) return false;
    const added = await trx
      .insertInto('outbox')
      .values({ key, kind: notice.kind, repeatable, notice: json(notice), lane: text(lane), urgency })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .execute();
    if (added.length === 1) return true;
    if (!repeatable) return false;
  }
  throw new StoreFault(
    'serialization_failure',
    'an identical notice was added and removed while this one was enqueued',
  );
}

async function lockWaiting(trx: Trx, key: string, kind: Notice['kind']): Promise<boolean> {
  const row = await trx
    .selectFrom('outbox')
    .select('id')
    .where('key', '=', key)
    .where('kind', '=', kind)
    .where('repeatable', '=', true)
    .where('status', '=', 'waiting')
    .where('attempts', '=', 0)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return row !== undefined;
}
