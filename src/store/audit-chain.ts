import type { AuditEvent } from '../access/audit-event.ts';
import type { AuditHead } from '../access/audit-head.ts';
import { EarlierEvents, eventHash } from '../auditchain/event.ts';
import { OPERATOR, storedEvents, told } from './audit-rows.ts';
import { StoreFault } from './fault.ts';
import { type Life, refuseOver } from './life.ts';
import { instant, text } from './rows.ts';
import type { Trx } from './tables.ts';

const ROWS_AT_ONCE = 500;

type NewRow = {
  readonly type: string;
  readonly at: string;
  readonly actor_kind: string;
  readonly actor_person_id: string | null;
  readonly facts: string;
};

/** The migration that brought the chain. */
const CHAIN = /^\d+_audit_chain\.sql$/;

/**
 * The events that one transaction appends. They are written last before its commit: whoever writes events has the head of the chain
 * locked until then, and everybody else waits. So numbers have no gaps and rise in the order of the commits.
 */
export class Appends {
  #life: Life;
  readonly #events: AuditEvent[] = [];
  readonly #rows: NewRow[] = [];

  constructor(life: Life) {
    this.#life = life;
  }

  /** Oldest first. */
  get events(): readonly AuditEvent[] {
    return this.#events;
  }

  add(event: AuditEvent): void {
    refuseOver(this.#life);
    this.#rows.push(toRow(event));
    this.#events.push(event);
  }

  async write(trx: Trx): Promise<void> {
    // What came later would not be written.
    this.#life = { open: false };
    if (this.#rows.length === 0) return;
    let { number, hash } = await lockHead(trx);
    const chained = this.#rows.map((row) => {
      const prev = hash;
      number += 1;
      hash = eventHash({ id: number, type: row.type, at: row.at, ...told(row, JSON.parse(row.facts)) }, prev);
      return { ...row, id: String(number), prev, hash };
    });
    for (let at = 0; at < chained.length; at += ROWS_AT_ONCE) await insert(trx, chained.slice(at, at + ROWS_AT_ONCE));
  }
}

function toRow({ type, at, actor, facts }: AuditEvent): NewRow {
  const kept = actor.kind === 'operator' ? { ...facts, [OPERATOR]: text(actor.account) } : facts;
  return {
    ...{ type, at: instant(at), actor_kind: actor.kind },
    // As the database gives it back.
    actor_person_id: actor.kind === 'person' ? actor.id.toLowerCase() : null,
    facts: JSON.stringify(kept, (_key, value: unknown) => (typeof value === 'string' ? wellFormed(value) : value)),
  };
}

/** RFC 8785 knows no halves of characters. */
const wellFormed = (value: string): string => value.replace(/\p{Cs}/gu, '\uFFFD');

async function lockHead(trx: Trx): Promise<AuditHead> {
  const row = await trx.selectFrom('audit_head').select(['number', 'hash']).forNoKeyUpdate().executeTakeFirst();
  if (!row) throw new StoreFault('corrupt_row', 'audit_head is empty: somebody removed the head of the audit log');
  return { number: Number(row.number), hash: row.hash };
}

type Chained = NewRow & { readonly id: string; readonly prev: string; readonly hash: string };

async function insert(trx: Trx, rows: readonly Chained[]): Promise<void> {
  const last = rows.at(-1);
  if (!last) return;
  await trx
    .with('head', (db) => db.updateTable('audit_head').set({ number: last.id, hash: last.hash }))
    .insertInto('audit_event')
    .values([...rows])
    .execute();
}

/** In the transaction of the migration. SQL knows no RFC 8785, so events from before stay as they are, and the first of the chain has their sum. */
export async function beginChain(trx: Trx, migration: string): Promise<void> {
  if (!CHAIN.test(migration)) return;
  const earlier = new EarlierEvents();
  for await (const event of storedEvents(trx)) if ('type' in event) earlier.add(event);
  const { sum } = earlier;
  if (sum.events === 0) return;
  const appends = new Appends({ open: true });
  appends.add({ type: 'audit_chain_begun', at: new Date(), actor: { kind: 'daypass' }, facts: { ...sum } });
  await appends.write(trx);
}

/** The last event that is committed; null where there is none. */
export async function headOf(trx: Trx): Promise<AuditHead | null> {
  const row = await trx.selectFrom('audit_head').select(['number', 'hash']).executeTakeFirst();
  const number = Number(row?.number ?? 0);
  return row && number > 0 ? { number, hash: row.hash } : null;
}
