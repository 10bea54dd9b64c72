import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fingerprint, grantId, later, NOON, pending, personId, requestId } from '../../support/samples/samples.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../support/worlds/store.ts';
import { insertWorld } from '../../support/worlds/world.ts';

describe.each(STORE_KINDS)('rows on %s', (kind) => {
  let store: TestStore;
  beforeAll(async () => {
    store = await openTestStore(kind);
    await insertWorld(store);
    await store.transaction(async (tx) => {
      await tx.audit.append({
        type: 'grant_created',
        at: NOON,
        actor: { kind: 'operator', account: 'root' },
        facts: {},
      });
      const signature = {
        ...{ fingerprint: fingerprint(1), publicKey: 'ssh-ed25519 AAAA', at: NOON },
        ...{ signed: new Uint8Array([1]), signature: new Uint8Array([2]) },
      };
      const reviews = [{ reviewerId: personId(2), verdict: 'approve', comment: null, at: NOON, signature }] as const;
      await tx.requests.save({ ...pending(), reviews, status: 'approved', decidedAt: NOON });
    });
  });
  afterAll(() => store[Symbol.asyncDispose]());

  const refused = (sql: string): Promise<void> => expect(run(sql)).rejects.toMatchObject({ cause: { code: '23000' } });
  const run = async (sql: string): Promise<unknown> => {
    try {
      return await store.sql(sql);
    } catch (error) {
      throw new Error(sql, { cause: error });
    }
  };

  it.each([
    `update audit_event set at = at`,
    `update audit_event set facts = '{"forged":true}'`,
    'delete from audit_event',
    'truncate audit_event',
    'truncate audit_event cascade',
    `update review set verdict = 'deny'`,
    'delete from review',
    'truncate review cascade',
    `update review_signature set public_key = 'other'`,
    'delete from review_signature',
    'truncate review_signature',
  ])('that are append-only stay: %s', (sql) => refused(sql));

  it('that are append-only stay where ordinary triggers are switched off', async () => {
    await refused(`begin; set local session_replication_role = replica; delete from audit_event; commit`);
    await store.sql('rollback');
  });

  it.each([
    `update access_grant set terms = replace(terms::text, 'deploy', 'root')::json`,
    `update access_grant set terms = (terms::text || ' ')::json`,
    `update access_grant set digest = repeat('a', 64)`,
    `update access_grant set mac = 'other'`,
    `update access_grant set not_after = not_after + interval '1 day'`,
    `update access_grant set request_id = '${requestId(2)}'`,
    `update access_request set ask = replace(ask::text, 'deploy', 'root')::json where id = '${requestId(2)}'`,
    `update access_request set digest = repeat('a', 64) where id = '${requestId(2)}'`,
    `update access_request set approvals = 2 where id = '${requestId(2)}'`,
    `update access_request set assurance = 'fido' where id = '${requestId(2)}'`,
    `update access_request set assurance = null where id = '${requestId(2)}'`,
    `update access_request set expires_at = expires_at + interval '1 day' where id = '${requestId(2)}'`,
    `update access_request set status = 'denied' where id = '${requestId(1)}'`,
    `update access_request set status = 'pending', decided_at = null where id = '${requestId(1)}'`,
  ])('keep what was asked and approved: %s', (sql) => refused(sql));

  it('let a grant expire once', async () => {
    await store.transaction((tx) => tx.grants.noteExpiry(grantId(1), later(50)));
    await refused('update access_grant set expiry_noted_at = null');
    await refused(`update access_grant set expiry_noted_at = expiry_noted_at + interval '1 day'`);
  });

  it('let a grant end once', async () => {
    const end = { how: 'revoked', at: later(60), by: personId(2), comment: 'done' } as const;
    await store.transaction((tx) => tx.grants.end(grantId(1), end));
    await refused(`update access_grant set ended_how = null, ended_at = null, ended_by = null, end_comment = null`);
    await refused(`update access_grant set ended_at = ended_at + interval '1 day'`);
    const again = store.transaction((tx) => tx.grants.end(grantId(1), end));
    await expect(again).rejects.toMatchObject({ code: 'missing_row' });
    expect((await store.transaction((tx) => tx.grants.byId(grantId(1))))?.end).toEqual(end);
  });

  it('that hold what Daypass does not write are a fault, not a value', async () => {
    await store.sql(`insert into access_grant (id, request_id, engagement_id, person_id, not_before, not_after, terms, digest, mac)
      select '${grantId(2)}', '${requestId(2)}', engagement_id, person_id, not_before, not_after,
             replace(terms::text, '"login":"deploy"', '"login":"deploy","sudo":true')::json, digest, mac from access_grant`);
    const reading = store.transaction((tx) => tx.grants.byId(grantId(2)));
    await expect(reading).rejects.toMatchObject({
      code: 'corrupt_row',
      message: expect.stringContaining(`access_grant ${grantId(2)}: terms`),
    });
  });
});
