import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Kysely, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../../src/access/audit-event.ts';
import { ChainCheck, type ChainVerdict } from '../../../src/auditchain/check.ts';
import type { AskedHead } from '../../../src/auditchain/heads.ts';
import { createLog } from '../../../src/log.ts';
import { headOf } from '../../../src/store/audit-chain.ts';
import { readAuditLog } from '../../../src/store/audit-log.ts';
import { storedEvents } from '../../../src/store/audit-rows.ts';
import { dialectOf } from '../../../src/store/dialect.ts';
import { migrateTo, readMigrations } from '../../../src/store/migrations.ts';
import { openBackend, openStore, storeOn } from '../../../src/store/store.ts';
import type { Db, Tables, Trx } from '../../../src/store/tables.ts';
import type { Store } from '../../../src/use-cases/ports/store.ts';
import { grantId, later, NOON, personId } from '../../support/samples/samples.ts';
import { beside, openBeside, testSeals } from '../../support/worlds/beside.ts';
import { openTestStore, STORE_KINDS, storePlace } from '../../support/worlds/store.ts';
import { WarmDatabase } from '../../support/worlds/warm-database.ts';

const STUCK = fileURLToPath(new URL('../../support/worlds/stuck-append-process.ts', import.meta.url));

const event = (n: number): AuditEvent => ({
  ...{ type: 'code_issued', at: later(n), actor: { kind: 'person', id: personId(1) }, facts: { n, of: ['a', 'b'] } },
});
const OPERATORS: AuditEvent = {
  ...{
    type: 'grants_confirmed',
    at: NOON,
    actor: { kind: 'operator', account: 'root\0\ud800' },
    facts: { lifted: null },
  },
};
const append = (store: Store, ...events: readonly AuditEvent[]): Promise<void> =>
  store.transaction(async (tx) => {
    for (const each of events) await tx.audit.append(each);
  });

async function checked(trx: Trx, heads: readonly AskedHead[] = []): Promise<ChainVerdict> {
  const check = new ChainCheck('database', heads);
  for await (const each of storedEvents(trx)) check.take(each);
  return check.end(await headOf(trx));
}
const found = ({ problems }: ChainVerdict) => problems.map(({ number, how }) => `${number} ${how}`);
const BACK = 'taken back';

describe.each(STORE_KINDS)('the audit log on %s', (kind) => {
  let warm: WarmDatabase;
  let db: Db;
  let head: AskedHead;
  beforeAll(async () => {
    warm = await WarmDatabase.take(kind);
    db = new Kysely<Tables>({ dialect: dialectOf(warm.backend) });
    const options = { databaseUrl: warm.databaseUrl, log: createLog('silent'), seals: testSeals };
    const store = await storeOn(warm.backend, options, beside);
    await append(store, event(1));
    await append(store, event(2), OPERATORS, { ...event(4), actor: { kind: 'daypass' } });
    await append(store, event(5));
    await append(store, event(6));
    const kept = await store.transaction((tx) => tx.audit.head());
    head = { ...(kept ?? { number: 0, hash: '' }), from: 'a note' };
    await store[Symbol.asyncDispose]();
  });
  afterAll(async () => {
    await warm.giveBack();
  });

  /** What is found where somebody who owns the database has done this; it is undone afterwards. */
  async function foundAfter(tampering: string, heads: readonly AskedHead[] = []): Promise<string[]> {
    let verdict: string[] = [];
    const trying = db.transaction().execute(async (trx) => {
      await sql.raw(`alter table audit_event disable trigger all; ${tampering}`).execute(trx);
      verdict = found(await checked(trx, heads));
      throw new Error(BACK);
    });
    await expect(trying).rejects.toThrow(BACK);
    return verdict;
  }

  it('is one chain without a gap, whose last event is the head', async () => {
    const verdict = await db.transaction().execute((trx) => checked(trx, [head]));
    expect(verdict).toMatchObject({ events: 6, first: 1, last: { number: 6, hash: head.hash }, holds: true });
    expect(verdict.heads).toEqual([{ ...head, holds: true }]);
  });

  const swap = (a: number, b: number) =>
    `update audit_event set id = 0 where id = ${a}; update audit_event set id = ${a} where id = ${b};
     update audit_event set id = ${b} where id = 0`;
  const put = (id: number) =>
    `insert into audit_event select ${id}, type, at, actor_kind, actor_person_id, facts, prev, hash from audit_event where id = 2`;
  it.each<[string, string, string[]]>([
    ['the number', 'update audit_event set id = 7 where id = 2', ['2 missing', '7 edited', '7 added']],
    ['the type', `update audit_event set type = 'key_retired' where id = 2`, ['2 edited']],
    ['the time', `update audit_event set at = at + interval '1 second' where id = 2`, ['2 edited']],
    [
      'the time by less than Daypass writes',
      `update audit_event set at = at + interval '1 microsecond' where id = 2`,
      ['2 unreadable'],
    ],
    [
      'the time to one before Christ',
      `update audit_event set at = '2030-05-02 12:00:02 BC' where id = 2`,
      ['2 unreadable'],
    ],
    ['who it was', `update audit_event set actor_person_id = '${personId(2)}' where id = 2`, ['2 edited']],
    [
      'what kind of actor',
      `update audit_event set actor_kind = 'daypass', actor_person_id = null where id = 2`,
      ['2 edited'],
    ],
    [
      'a person where there is none',
      `alter table audit_event drop constraint audit_event_check; update audit_event set actor_person_id = '${personId(2)}' where id = 4`,
      ['4 unreadable'],
    ],
    [
      'the operator',
      `update audit_event set facts = replace(facts::text, 'root', 'toor')::json where id = 3`,
      ['3 edited'],
    ],
    ['a fact', `update audit_event set facts = replace(facts::text, '2', '3')::json where id = 2`, ['2 edited']],
    [
      'a fact that is there twice',
      `update audit_event set facts = replace(facts::text, '{', '{"n":9,')::json where id = 2`,
      ['2 unreadable'],
    ],
    ['the hash', `update audit_event set hash = repeat('a', 64) where id = 2`, ['2 edited']],
    [
      'the hash to something else',
      `alter table audit_event drop constraint audit_event_hash_check; update audit_event set hash = E'\\e[2J' where id = 2`,
      ['2 unreadable'],
    ],
    [
      'the type to nothing',
      'alter table audit_event alter type drop not null; update audit_event set type = null where id = 2',
      ['2 edited'],
    ],
    [
      'the facts to nothing',
      'alter table audit_event alter facts drop not null; update audit_event set facts = null where id = 2',
      ['2 unreadable'],
    ],
    ['the hash before it', `update audit_event set prev = repeat('a', 64) where id = 2`, ['2 edited']],
    ['both hashes away', 'update audit_event set prev = null, hash = null where id = 2', ['2 edited']],
    ['the first one away', 'delete from audit_event where id = 1', ['1 missing']],
    ['one in the middle away', 'delete from audit_event where id = 3', ['3 missing']],
    ['the last one away', 'delete from audit_event where id = 6', ['6 missing']],
    ['all of them away', 'delete from audit_event', ['1 missing']],
    ['the order of two', swap(2, 5), ['2 edited', '5 edited']],
    ['one in at the end', put(7), ['7 edited', '7 added']],
    ['one in between', `alter table audit_event drop constraint audit_event_pkey; ${put(2)}`, ['2 misplaced']],
    ['the head back', `update audit_head set number = 5`, ['6 added']],
    ['the head away', `delete from audit_head`, ['1 added']],
    ['the hash of the head', `update audit_head set hash = repeat('a', 64)`, ['6 replaced']],
  ])('shows who changed %s', async (_, tampering, expected) => {
    expect(await foundAfter(tampering)).toEqual(expected);
  });

  it('shows to nobody but the holder of a head that its end was taken away with everything about it', async () => {
    const cut = `delete from audit_event where id > 4;
      update audit_head set number = 4, hash = (select hash from audit_event where id = 4)`;
    expect(await foundAfter(cut)).toEqual([]);
    expect(await foundAfter(cut, [head])).toEqual(['5 missing']);
  });
});

describe.each(STORE_KINDS)('an audit log from before there were hashes on %s', (kind) => {
  it('stays as it is, and what follows vouches for it', async () => {
    await using place = await storePlace(kind);
    const all = await readMigrations();
    const begun = all.findIndex(({ name }) => /_audit_chain\.sql$/.test(name));
    const backend = await openBackend(place.options);
    const db = new Kysely<Tables>({ dialect: dialectOf(backend) });
    await migrateTo(db, all.slice(0, begun));
    const old = `insert into audit_event (type, at, actor_kind, actor_person_id, facts) overriding system value
      select 'code_issued', '2030-05-02 12:00:00.25+00', 'person', '${personId(1)}', '{"n":1}' from generate_series(1, 5000)`;
    await sql
      .raw(`${old}; alter table audit_event disable trigger all; delete from audit_event where id in (7, 5000);
      update audit_event set actor_kind = 'operator', actor_person_id = null where id < 3; alter table audit_event enable always trigger append_only`)
      .execute(db);
    await migrateTo(db, all);
    const store = await storeOn({ ...backend, close: async () => {} }, place.options, beside);
    await append(store, event(1));
    const [last, first] = await store.transaction((tx) => tx.audit.list(2));
    expect([last?.type, first]).toEqual([
      'code_issued',
      {
        ...{ type: 'audit_chain_begun', actor: { kind: 'daypass' } },
        at: expect.any(Date),
        facts: { events: 4_998, digest: expect.any(String) },
      },
    ]);
    const events = await store.transaction((tx) => tx.audit.after(4_998, 9));
    expect(events.map(({ id, prev }) => [id, prev === null])).toEqual([
      [4_999, true],
      [5_000, false],
      [5_001, false],
    ]);
    expect(await db.transaction().execute((trx) => checked(trx))).toMatchObject({
      ...{ events: 2, first: 5_000, earlier: { events: 4_998, isChecked: true }, holds: true },
    });
    await sql
      .raw(`alter table audit_event disable trigger all; update audit_event set facts = '{"n":2}' where id = 4000`)
      .execute(db);
    expect(found(await db.transaction().execute((trx) => checked(trx)))).toEqual(['5000 earlier']);
    await store[Symbol.asyncDispose]();
    await db.destroy();
  });
});

describe.each(STORE_KINDS)('appending on %s', (kind) => {
  it('leaves no gap where control is killed between the append and the commit', async () => {
    await using place = await storePlace(kind);
    {
      await using store = await openBeside(place.options);
      await append(store, event(1));
    }
    const { dataDir, databaseUrl } = place.options;
    const child = spawn(process.execPath, ['--import', 'tsx', STUCK, dataDir, databaseUrl ?? '-'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface(child.stdout), 'line');
    expect(line).toBe('written');
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    await using store = await openBeside(place.options);
    await append(store, event(2));
    const events = await store.transaction((tx) => tx.audit.after(0, 9));
    expect(events.map(({ id, facts }) => [id, facts['n']])).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  it('in a transaction shows what it appended, which has its number only with the commit', async () => {
    await using store = await openTestStore(kind);
    const revoked = { ...event(2), type: 'grant_revoked', facts: { grant: grantId(1) } } as const;
    const created = { ...revoked, type: 'grant_created' } as const;
    await append(store, created);
    await store.transaction(async (tx) => {
      const before = await tx.audit.head();
      await tx.audit.append(revoked);
      expect(await tx.audit.list(1)).toEqual([revoked]);
      expect(await tx.audit.list(9)).toEqual([revoked, created]);
      expect(await tx.audit.enderOf('grant', grantId(1))).toEqual(revoked.actor);
      expect(await tx.audit.after(1, 9)).toEqual([]);
      expect([before?.number, await tx.audit.last(), await tx.audit.head()]).toEqual([1, 1, before]);
    });
    await store.transaction(async (tx) => {
      expect(await tx.audit.head()).toMatchObject({ number: 2 });
      expect(await tx.audit.headOfGrant(grantId(1))).toMatchObject({ number: 1 });
      expect(await tx.audit.headOfGrant(grantId(2))).toBeNull();
      expect(await tx.audit.enderOf('grant', grantId(1))).toEqual(revoked.actor);
    });
  });

  it('takes any number of events at once', async () => {
    await using store = await openTestStore(kind);
    await append(store, ...Array.from({ length: 1_234 }, (_, n) => event(n)));
    expect(await store.transaction((tx) => tx.audit.head())).toMatchObject({ number: 1_234 });
  });
});

describe('two controls’ connections that append at the same time', () => {
  it('make one chain without a gap, each transaction in one piece', async () => {
    await using place = await storePlace('postgres');
    await using one = await openBeside(place.options);
    await using other = await openBeside(place.options);
    const transactions = Array.from({ length: 60 }, (_, n) =>
      append(n % 2 === 0 ? one : other, ...Array.from({ length: 1 + (n % 3) }, () => event(n))),
    );
    await Promise.all(transactions);
    const events = await one.transaction((tx) => tx.audit.after(0, 500));
    expect(events.map(({ id }) => id)).toEqual(Array.from({ length: 120 }, (_, n) => n + 1));
    const runs = events.filter(({ facts }, index) => facts['n'] !== events[index - 1]?.facts['n']);
    expect(runs).toHaveLength(60);
    const db = new Kysely<Tables>({ dialect: dialectOf(await openBackend(place.options)) });
    expect(await db.transaction().execute((trx) => checked(trx))).toMatchObject({ events: 120, holds: true });
    await db.destroy();
  });
});

describe.each(STORE_KINDS)('the audit log of a data folder with %s', (kind) => {
  it('is read whole and as it is, also beside a control on PostgreSQL', async () => {
    await using place = await storePlace(kind);
    const control = await openStore(place.options, { leaseMs: 60_000, lost: () => {} });
    await append(control, event(1), event(2));
    if (kind === 'embedded') await control[Symbol.asyncDispose]();
    const check = new ChainCheck('database', []);
    const last = await readAuditLog(place.options, (each) => check.take(each));
    expect(check.end(last)).toMatchObject({ events: 2, holds: true });
    await control[Symbol.asyncDispose]();
  });
});
