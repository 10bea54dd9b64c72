import { sql } from 'kysely';
import { z } from 'zod';
import { AUDIT_EVENTS, type AuditEvent, type AuditEventType } from '../access/audit-event.ts';
import { PersonId } from '../access/ids.ts';
import type { Audit } from '../use-cases/ports/audit.ts';
import { type Appends, headOf } from './audit-chain.ts';
import { OPERATOR } from './audit-rows.ts';
import { read, Timestamp } from './rows.ts';
import type { Trx } from './tables.ts';

const Fact = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]);
const base = {
  id: z.coerce.number().int(),
  type: z.enum(Object.keys(AUDIT_EVENTS) as AuditEventType[]),
  at: Timestamp,
  facts: z.record(z.string(), Fact),
  ...{ prev: z.string().nullable(), hash: z.string().nullable() },
};
const AuditRow = z.discriminatedUnion('actor_kind', [
  z.object({ ...base, actor_kind: z.literal('person'), actor_person_id: PersonId }),
  z.object({ ...base, actor_kind: z.literal('operator') }),
  z.object({ ...base, actor_kind: z.literal('daypass') }),
]);

const ENDED: Readonly<Record<'grant' | 'session', readonly AuditEventType[]>> = {
  grant: ['grant_revoked', 'grant_returned'],
  session: ['session_terminated'],
};

export function audit(trx: Trx, appends: Appends): Audit {
  const latest = async (types: readonly AuditEventType[], what: 'grant' | 'session', id: string) => {
    const row = await trx
      .selectFrom('audit_event')
      .selectAll()
      .where('type', 'in', types)
      .where(sql<boolean>`facts->>${sql.lit(what)} = ${id}`)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row ? read(AuditRow, 'audit_event', row) : null;
  };
  return {
    async append(event) {
      appends.add(event);
    },
    async list(limit) {
      const own = appends.events.slice(-limit).reverse();
      const rows = await trx
        .selectFrom('audit_event')
        .selectAll()
        .orderBy('id', 'desc')
        .limit(limit - own.length)
        .execute();
      return [...own, ...rows.map((row) => toEvent(read(AuditRow, 'audit_event', row)))];
    },
    async enderOf(what, id) {
      const types = ENDED[what];
      const own = appends.events.findLast(({ type, facts }) => types.includes(type) && facts[what] === id);
      if (own) return own.actor;
      const row = await latest(types, what, id);
      return row ? toEvent(row).actor : null;
    },
    async after(id, limit) {
      const rows = await trx
        .selectFrom('audit_event')
        .selectAll()
        .where('id', '>', String(id))
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map((raw) => {
        const row = read(AuditRow, 'audit_event', raw);
        return { id: row.id, ...toEvent(row), prev: row.prev, hash: row.hash };
      });
    },
    async last() {
      const row = await trx.selectFrom('audit_event').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst();
      return Number(row?.id ?? 0);
    },
    head: () => headOf(trx),
    async headOfGrant(id) {
      const row = await latest(['grant_created'], 'grant', id);
      return row?.hash ? { number: row.id, hash: row.hash } : null;
    },
  };
}

function toEvent(row: z.infer<typeof AuditRow>): AuditEvent {
  const { type, at, facts } = row;
  if (row.actor_kind === 'person') return { type, at, actor: { kind: 'person', id: row.actor_person_id }, facts };
  if (row.actor_kind === 'daypass') return { type, at, actor: { kind: 'daypass' }, facts };
  const { [OPERATOR]: account, ...others } = facts;
  return { type, at, actor: { kind: 'operator', account: typeof account === 'string' ? account : '' }, facts: others };
}
