import { copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { isActive } from '../../../src/access/grant.ts';
import { GrantId } from '../../../src/access/ids.ts';
import { type OpenStore, openForCommand, openStore } from '../../../src/store/store.ts';
import { confirmGrants } from '../../../src/use-cases/grants/confirm-grants.ts';
import { endGrant } from '../../../src/use-cases/grants/end-grant.ts';
import { grant, grantId, requestId } from '../../support/samples/samples.ts';
import { runSql } from '../../support/worlds/postgres.ts';
import { bareFolder, type StorePlace } from '../../support/worlds/store.ts';
import { insertWorld } from '../../support/worlds/world.ts';

const clock = { now: () => new Date() };
let place: StorePlace;
let name: string;

beforeEach(async () => {
  place = await bareFolder('postgres');
  name = new URL(place.options.databaseUrl ?? '').pathname.slice(1);
  await using store = await control();
  await insertWorld(store);
  const at = (ms: number): string => new Date(Date.now() + ms).toISOString();
  const terms = { ...grant(2).terms, notBefore: at(-60_000), notAfter: at(3_600_000) };
  await store.transaction((tx) => tx.grants.insert({ ...grant(2), requestId: requestId(2), terms }));
});
afterEach(async () => {
  await sql(`drop database if exists ${name}_backup`);
  await place[Symbol.asyncDispose]();
});

const control = (): Promise<OpenStore> => openStore(place.options, { leaseMs: 60_000, lost: () => {} });
const sql = (text: string): Promise<void> => runSql(inject('postgresUrl'), text);
const backUp = (): Promise<void> => sql(`create database ${name}_backup template ${name}`);
const restore = async (): Promise<void> => {
  await sql(`drop database ${name} with (force)`);
  await sql(`alter database ${name}_backup rename to ${name}`);
};
const decisions = (): string => join(place.options.dataDir, 'decisions.jsonl');
const suspension = (store: OpenStore) => store.transaction(async (tx) => tx.suspension()?.why ?? null);
const isLive = (store: OpenStore, n: number) =>
  store.transaction(async (tx) => {
    const found = await tx.grants.byId(grantId(n));
    return found !== null && isActive(found, new Date());
  });
const revoke = async (store: OpenStore, n: number): Promise<void> => {
  const ended = { by: { account: 'root' }, grantId: GrantId.parse(grantId(n)), comment: null, isSecurity: false };
  expect(await endGrant({ store, clock })(ended)).toMatchObject({ ok: true });
};
const told = async (store: OpenStore) =>
  (await store.transaction((tx) => tx.audit.list(20)))
    .map(({ type }) => type)
    .filter((type) => type.includes('grants_'));

describe('a database that is the one last written to', () => {
  it('is believed, also after control was killed between writing the file and the commit', async () => {
    {
      await using store = await control();
      expect(await suspension(store)).toBeNull();
      expect(await isLive(store, 2)).toBe(true);
    }
    const text = await readFile(decisions(), 'utf8');
    const { written } = JSON.parse(text.split('\n')[0] ?? '') as { written: number };
    await writeFile(decisions(), `${text}${JSON.stringify({ n: written + 1, over: [] })}\n{"done":`);
    await using store = await control();
    expect(await suspension(store)).toBeNull();
  });
});

describe('a database that is an older one', () => {
  it('suspends every grant until an operator confirms, and what was revoked since stays revoked', async () => {
    await backUp();
    {
      await using store = await control();
      await revoke(store, 2);
    }
    await restore();
    await using store = await control();
    expect(await suspension(store)).toBe('older_database');
    expect([await isLive(store, 1), await isLive(store, 2)]).toEqual([false, false]);
    expect(await told(store)).toEqual(['grants_suspended']);
    expect(await confirmGrants({ store, clock })({ account: 'root' })).toEqual({ lifted: 'older_database' });
    expect(await confirmGrants({ store, clock })({ account: 'root' })).toEqual({ lifted: null });
    expect(await isLive(store, 2)).toBe(false);
    expect(await told(store)).toEqual(['grants_confirmed', 'grants_suspended']);
  });

  it('stays suspended over restarts, and lets grants be revoked meanwhile', async () => {
    await backUp();
    {
      await using store = await control();
      await insertCode(store);
    }
    await restore();
    for (let n = 0; n < 2; n += 1) {
      await using store = await control();
      expect(await suspension(store)).toBe('older_database');
      expect(await isLive(store, 2)).toBe(false);
    }
    await using store = await control();
    await revoke(store, 2);
    await confirmGrants({ store, clock })({ account: 'root' });
    expect(await isLive(store, 2)).toBe(false);
  });
});

const insertCode = (store: OpenStore): Promise<void> =>
  store.transaction(async (tx) => {
    const [person] = await tx.persons.all();
    if (!person) throw new Error('no person');
    const code = { codeDigest: '0'.repeat(64) as never, personId: person.id, expiresAt: new Date(), usedAt: null };
    await tx.keys.insertCode(code);
  });

describe('a file of decisions', () => {
  it.each([
    // In its place, so that it is the same file: what it says after its heading is gone.
    ['older_file', async () => writeFile(decisions(), `${(await readFile(decisions(), 'utf8')).split('\n')[0]}\n`)],
    ['no_file', () => rm(decisions())],
    [
      'copied_file',
      async () => {
        await copyFile(decisions(), `${decisions()}.kept`);
        await rename(`${decisions()}.kept`, decisions());
      },
    ],
  ] as const)('that is not the one that was written last suspends every grant: %s', async (why, exchange) => {
    {
      await using store = await control();
      await insertCode(store);
    }
    await exchange();
    await using store = await control();
    expect(await suspension(store)).toBe(why);
    expect(await isLive(store, 2)).toBe(false);
    await confirmGrants({ store, clock })({ account: 'root' });
    expect(await isLive(store, 2)).toBe(true);
  });

  it('that is damaged keeps control from starting, and says what to do', async () => {
    await writeFile(decisions(), 'nothing of ours\n{}\n');
    await expect(control()).rejects.toMatchObject({
      code: 'decisions_unreadable',
      message: expect.stringMatching(/line 1 is damaged.*Move it somewhere else.*daypass grants confirm/),
    });
  });
});

describe('a database from before there were seals', () => {
  it('is sealed as it is by the first start that knows them, and by no later one', async () => {
    const url = place.options.databaseUrl ?? '';
    const tables = ['slack_account', 'registered_key', 'registration_code', 'engagement', 'access_request', 'review'];
    const drops = tables.map((table) => `alter table ${table} drop column mac;`).join(' ');
    const undo = `${drops} drop table seal_head; drop table pledge; drop table review_signature; drop table request_comment;
      alter table access_request drop column assurance, drop column replaced_by, drop column reminded_at; drop function keep_replaced cascade;
      alter table engagement drop column labels, drop column channel_read_at, drop column channel_refused,
        drop column channel_told_at;
      drop index audit_event_ended_grant; drop index audit_event_ended_session; drop index audit_event_created_grant;
      drop table audit_head;
      alter table audit_event drop column prev, drop column hash, alter column id add generated always as identity;
      drop table engagement_change; drop index access_grant_engagement;
      alter table engagement drop column logins, drop column first_day, drop column hours, drop column reference;
      alter table engagement drop column closed_at, drop column closed_by, drop column ended_before;
      alter table engagement_person drop column offboarded_at;
      alter table person drop column offboarded_at, drop column offboarded_mac;
      drop table offboarding; drop function keep_offboarding;
      delete from schema_migration where name >= (select name from schema_migration where name like '%_seals.sql')`;
    const seen = (store: OpenStore) =>
      store.transaction(async (tx) => ({
        engagements: (await tx.engagements.all()).length,
        request: (await tx.requests.byId(requestId(1)))?.status,
        accounts: (await tx.persons.all()).flatMap(({ accounts }) => accounts).length,
        keys: (await Promise.all((await tx.persons.all()).map(({ id }) => tx.keys.ofPerson(id)))).flat().length,
        broken: tx.broken(),
      }));
    const whole = { engagements: 1, request: 'pending', accounts: 4, keys: 1, broken: null };
    await runSql(url, undo);
    await rm(decisions());
    {
      await using store = await control();
      expect(await seen(store)).toEqual(whole);
      expect(await suspension(store)).toBeNull();
    }
    // The same once more, by somebody who can write to the database and to nothing else.
    await runSql(url, undo);
    await using store = await control();
    expect(await seen(store)).toMatchObject({ engagements: 0, accounts: 0, keys: 0, broken: expect.anything() });
    expect(await suspension(store)).not.toBeNull();
  });
});

describe('the number of the last sealed change', () => {
  it('that was written by somebody else suspends every grant', async () => {
    await runSql(place.options.databaseUrl ?? '', 'update seal_head set mac = md5(mac)');
    await using store = await control();
    expect(await suspension(store)).toBe('head_changed');
  });
});

describe('a command, where no control runs', () => {
  it('reads without changing anything, and changes only while no control can start', async () => {
    const before = await readFile(decisions(), 'utf8');
    {
      await using reading = await openForCommand(place.options, false);
      expect(await isLive(reading, 2)).toBe(true);
    }
    expect(await readFile(decisions(), 'utf8')).toBe(before);
    await using store = await openForCommand(place.options, true);
    await expect(control()).rejects.toMatchObject({ code: 'control_running' });
    await revoke(store, 2);
    expect(await isLive(store, 2)).toBe(false);
  });
});
