import { sql } from 'kysely';
import { z } from 'zod';
import { AUDIT_EVENTS, type AuditEvent, type AuditEventType } from '../access/audit-event.ts';
import { PersonId } from '../access/ids.ts';
import type { Audit } from '../use-cases/ports/audit.ts';
import { instant, json, read, Timestamp, text } from './rows.ts';
import type { Trx } from './tables.ts';

/** Where the facts of an operator's deed have its account; events of earlier versions have none. */
const OPERATOR = 'operator_account';

const Fact = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]);
const base = {
  type: z.enum(Object.keys(AUDIT_EVENTS) as AuditEventType[]),
  at: Timestamp,
  facts: z.record(z.string(), Fact),
};
const AuditRow = z.discriminatedUnion('actor_kind', [
  z.object({ ...base, actor_kind: z.literal('person'), actor_person_id: PersonId }),
  z.object({ ...base, actor_kind: z.literal('operator') }),
  z.object({ ...base, actor_kind: z.literal('daypass') }),
]);

export const audit = (trx: Trx): Audit => ({
  async append({ type, at, actor, facts }) {
    const actor_person_id = actor.kind === 'person' ? actor.id : null;
    const kept = actor.kind === 'operator' ? { ...facts, [OPERATOR]: text(actor.account) } : facts;
    await trx
      .insertInto('audit_event')
      .values({ type, at: instant(at), actor_kind: actor.kind, actor_person_id, facts: json(kept) })
      .execute();
  },
  async list(limit) {
    const rows = await trx.selectFrom('audit_event').selectAll().orderBy('id', 'desc').limit(limit).execute();
    return rows.map(toEvent);
  },
  async enderOf(what, id) {
    const types = what === 'grant' ? ['grant_revoked', 'grant_returned'] : ['session_terminated'];
    const row = await trx
      .selectFrom('audit_event')
      .selectAll()
      .where('type', 'in', types)
      .where(sql<boolean>`facts->>${sql.lit(what)} = ${id}`)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row ? toEvent(row).actor : null;
  },
  async after(id, limit) {
    const oldest = await transactionId(trx, 'pg_snapshot_xmin');
    const rows = await trx
      .selectFrom('audit_event')
      .selectAll()
      .where('id', '>', String(id))
      .orderBy('id')
      .limit(limit)
      .execute();
    const events = rows.map((row) => ({ id: Number(row.id), ...toEvent(row) }));
    return { events, oldest, next: await transactionId(trx, 'pg_snapshot_xmax') };
  },
  async last() {
    const row = await trx.selectFrom('audit_event').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst();
    return Number(row?.id ?? 0);
  },
});

async function transactionId(trx: Trx, end: 'pg_snapshot_xmin' | 'pg_snapshot_xmax'): Promise<bigint> {
  const { rows } = await sql<{ id: string }>`select ${sql.raw(end)}(pg_current_snapshot())::text as id`.execute(trx);
  return BigInt(rows[0]?.id ?? 0);
}

function toEvent(raw: object): AuditEvent {
  const row = read(AuditRow, 'audit_event', raw);
  const { type, at, facts } = row;
  if (row.actor_kind === 'person') return { type, at, actor: { kind: 'person', id: row.actor_person_id }, facts };
  if (row.actor_kind === 'daypass') return { type, at, actor: { kind: 'daypass' }, facts };
  const { [OPERATOR]: account, ...others } = facts;
  return { type, at, actor: { kind: 'operator', account: typeof account === 'string' ? account : '' }, facts: others };
}
