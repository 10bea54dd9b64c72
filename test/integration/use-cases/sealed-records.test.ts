import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engagement } from '../../../src/access/engagement.ts';
import type { Grant } from '../../../src/access/grant.ts';
import { Fingerprint, type PersonId, type RequestId } from '../../../src/access/ids.ts';
import type { Person } from '../../../src/access/person.ts';
import { Target } from '../../../src/access/target.ts';
import { messageKey } from '../../../src/use-cases/notice.ts';
import { closeEngagement } from '../../../src/use-cases/offboarding/close-engagement.ts';
import { offboardPerson } from '../../../src/use-cases/offboarding/offboard.ts';
import type { Tx } from '../../../src/use-cases/ports/store.ts';
import { requestAccess } from '../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../src/use-cases/requests/review-request.ts';
import { selfService } from '../../../src/use-cases/sessions/self-service.ts';
import { SshKey } from '../../support/peers/signing-key.ts';
import { AccessWorld, granted } from '../../support/worlds/access-world.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../support/worlds/store.ts';

/** Somebody with the database's password, who may also switch its triggers off, and knows every row that ever was. */
describe.each(STORE_KINDS)('what somebody writes into the %s database without control', (kind) => {
  let store: TestStore;
  let world: AccessWorld;
  let contractor: Person;
  let reviewer: Person;
  let stranger: Person;
  let engagement: Engagement;
  let key: SshKey;

  beforeEach(async () => {
    store = await openTestStore(kind);
    world = AccessWorld.over(store);
    const host_keys = [world.keys.gatewayHostPublicKey];
    const place = { name: 'Web', address: '127.0.0.1', host_keys, logins: [world.login] };
    world.targets.push(Target.parse({ id: 'web-01', ...place }));
    world.inventory.policy.rules[0] = { ...world.inventory.policy.rules[0], approvals: 2 } as never;
    contractor = await world.person('UCON', 'guest');
    reviewer = await world.person('UREVIEW');
    stranger = await world.person('USTRANGER');
    engagement = await world.engagement([contractor], [reviewer, await world.person('USECOND')]);
    key = new SshKey();
    await insertKey(key, contractor.id);
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const insertKey = (who: SshKey, personId: PersonId) =>
    store.transaction((tx) =>
      tx.keys.insert({
        fingerprint: Fingerprint.parse(who.fingerprint),
        publicKey: `ssh-ed25519 ${Buffer.from(who.blob).toString('base64')}`,
        personId,
        registeredAt: new Date(),
      }),
    );
  const tamper = async (...statements: string[]): Promise<void> => {
    const tables = ['access_grant', 'access_request', 'review'];
    const triggers = (how: string): string =>
      tables.map((table) => `alter table ${table} ${how} trigger user;`).join('');
    await store.sql(`${triggers('disable')} ${statements.join(';')}; ${triggers('enable')}`);
  };
  const ask = async (): Promise<RequestId> =>
    granted(
      await requestAccess(world.deps)({
        ...{ by: contractor.id, engagementId: engagement.id, targetIds: ['web-01'], login: world.login },
        ...{ scope: 'shell', durationSeconds: 3_600, reason: 'Move the database', ticket: null },
      }),
    ).id;
  const review = async (by: PersonId, requestId: RequestId, verdict: 'approve' | 'deny' = 'approve') => {
    const card = { channelId: 'C1', ts: requestId };
    const { digest } = (await store.sql('select digest from access_request where id = $1', [requestId]))[0] as {
      digest: string;
    };
    await store.transaction((tx) =>
      tx.messages.put({ key: messageKey({ kind: 'review_card', requestId, to: null }), ...card }),
    );
    const decided = await reviewRequest(world.deps)({ by, requestId, digest, card, verdict, comment: null });
    return decided.ok ? decided.value.status : decided.rejection.code;
  };
  const grants = () => store.transaction((tx) => tx.grants.ofPerson(contractor.id));
  const approvedGrant = async (): Promise<Grant> => {
    const id = await ask();
    expect(await review(reviewer.id, id)).toBe('pending');
    expect(await review(engagement.reviewerIds[1] as PersonId, id)).toBe('approved');
    const [grant] = await grants();
    if (!grant) throw new Error('approved, and no grant');
    return grant;
  };
  const enter = async (grant: Grant) => {
    const [issued] = await store.transaction((tx) => tx.grants.certificates(grant.id));
    return world.connected(key.proof(`${world.login}+web-01`, issued?.certificate ?? ''));
  };
  const told = async () =>
    (await store.transaction((tx) => tx.audit.list(50)))
      .filter(({ type }) => type === 'seal_broken')
      .map(({ facts }) => facts['what']);

  it('brings no revoked grant back: its end is remembered elsewhere, and that it was taken out is told once', async () => {
    const grant = await approvedGrant();
    const [before] = await store.sql('select * from access_grant');
    expect(await enter(grant)).toBe('session');
    await world.revoke(grant);
    await tamper('update access_grant set ended_how = null, ended_at = null, ended_by = null, end_comment = null');
    expect((await store.sql('select * from access_grant'))[0]).toEqual(before);
    expect(await enter(grant)).toBe('grant_revoked');
    expect(await enter(grant)).toBe('grant_revoked');
    expect(await grants()).toMatchObject([{ end: { how: 'revoked' } }]);
    expect(await told()).toEqual(['grant']);
  });

  it('makes nobody a reviewer or a member', async () => {
    const id = await ask();
    await tamper(`insert into engagement_person values ('${engagement.id}', 'reviewer', '${stranger.id}', 7)`);
    for (const by of [stranger.id, reviewer.id]) expect(await review(by, id)).toBe('record_tampered');
    expect(await told()).toEqual(['engagement']);
    await tamper(`delete from engagement_person where person_id = '${stranger.id}'`);
    expect(await review(reviewer.id, id)).toBe('pending');
  });

  it.each([
    `update access_request set approvals = 1`,
    `update access_request set rule = 'another'`,
    `update access_request set expires_at = expires_at + interval '1 day'`,
    `update access_request set mac = (select mac from engagement)`,
    `update access_request set mac = null`,
  ])('lowers no approvals: %s', async (statement) => {
    const id = await ask();
    await tamper(statement);
    expect(await review(reviewer.id, id)).toBe('record_tampered');
    expect(await grants()).toEqual([]);
    expect(await told()).toEqual(['request']);
  });

  it('approves for nobody', async () => {
    const id = await ask();
    const second = engagement.reviewerIds[1];
    await tamper(`insert into review (request_id, ordinal, reviewer_id, verdict, reviewed_at, mac)
      values ('${id}', 0, '${second}', 'approve', now(), repeat('a', 64))`);
    expect(await review(reviewer.id, id)).toBe('record_tampered');
    expect(await grants()).toEqual([]);
  });

  it('takes no denial back', async () => {
    const id = await ask();
    expect(await review(reviewer.id, id)).toBe('pending');
    const second = engagement.reviewerIds[1] as PersonId;
    expect(await review(second, id, 'deny')).toBe('denied');
    await tamper(
      `delete from review where verdict = 'deny'`,
      `update access_request set status = 'pending', decided_at = null`,
    );
    expect(await review(second, id)).toBe('record_tampered');
    expect(await grants()).toEqual([]);
  });

  it('makes no click another person’s', async () => {
    await tamper(`insert into slack_account values ('T1', 'UEVIL', null, '${reviewer.id}', 3, repeat('a', 64))`);
    expect(await store.transaction((tx) => tx.persons.byAccount('T1', 'UEVIL'))).toBeNull();
    await tamper(`update slack_account set person_id = '${reviewer.id}' where user_id = 'USTRANGER'`);
    expect(await store.transaction((tx) => tx.persons.byAccount('T1', 'USTRANGER'))).toBeNull();
    expect(await told()).toEqual(expect.arrayContaining(['account']));
  });

  it('registers no key, and no code that would register one', async () => {
    const other = new SshKey();
    const line = `ssh-ed25519 ${Buffer.from(other.blob).toString('base64')}`;
    await tamper(
      `insert into registered_key values ('${other.fingerprint}', '${line}', '${contractor.id}', now(), null)`,
    );
    const id = await ask();
    const request = await store.transaction((tx) => tx.requests.byId(id));
    expect(request?.ask.keyFingerprints).toEqual([key.fingerprint]);
    const digest = world.authority.digest({ registrationCode: 'guessed' });
    await tamper(
      `insert into registration_code values ('${digest}', '${contractor.id}', now() + interval '1 hour', null, null)`,
    );
    expect(await store.transaction((tx) => tx.keys.lockCode(digest))).toBeNull();
    expect(await told()).toEqual(expect.arrayContaining(['key', 'code']));
  });

  it('uses no code twice', async () => {
    const code = await world.code(contractor.id);
    const digest = world.authority.digest({ registrationCode: code });
    await store.transaction((tx) => tx.keys.useCode(digest, new Date()));
    await tamper('update registration_code set used_at = null');
    expect(await store.transaction((tx) => tx.keys.lockCode(digest))).toBeNull();
  });

  it('readmits nobody who was offboarded, and opens no engagement that was closed', async () => {
    const grant = await approvedGrant();
    const [before] = await store.sql('select mac from engagement');
    const where = { by: { account: 'root' }, reason: null, isSecurity: false };
    granted(await offboardPerson(world.deps)({ ...where, personId: contractor.id, engagementId: engagement.id }));
    await tamper(
      `update engagement_person set offboarded_at = null`,
      `update engagement set mac = '${before?.['mac']}'`,
    );
    expect(await store.transaction((tx) => tx.engagements.byId(engagement.id))).toBeNull();
    granted(await offboardPerson(world.deps)({ ...where, personId: contractor.id, engagementId: null }));
    for (const changed of ['offboarded_mac = offboarded_mac', 'offboarded_mac = null', `offboarded_mac = 'x'`]) {
      await tamper(`update person set offboarded_at = null, ${changed} where id = '${contractor.id}'`);
      const person = await store.transaction((tx) => tx.persons.byId(contractor.id));
      expect(person?.offboardedAt).toBeInstanceOf(Date);
    }
    expect(await enter(grant)).toBe('key_retired');
    expect(await told()).toEqual(expect.arrayContaining(['engagement', 'person']));
  });

  it('lets nobody believe an engagement that was opened again, or an offboarding that was made up', async () => {
    const [before] = await store.sql('select mac from engagement');
    const closed = granted(
      await closeEngagement(world.deps)({
        ...{ by: { account: 'root' }, engagementId: engagement.id, reason: null, isSecurity: false },
      }),
    );
    await tamper(`update engagement set closed_at = null, closed_by = null, mac = '${before?.['mac']}'`);
    expect(await store.transaction((tx) => tx.engagements.byId(engagement.id))).toBeNull();
    for (const changed of [`reason = 'other'`, `items = '[]'`, `parts = '[]'`, `begun_at = now() - interval '1 day'`]) {
      await store.sql(`update offboarding set ${changed}`);
      expect(await store.transaction((tx) => tx.offboardings.byId(closed?.id as never))).toBeNull();
    }
    expect(await told()).toEqual(expect.arrayContaining(['engagement', 'offboarding']));
  });

  it('is why a key that was registered gets nothing at the gateway itself', async () => {
    const caller = { personId: contractor.id, fingerprint: Fingerprint.parse(key.fingerprint) };
    await store.sql(`alter table registered_key disable trigger user; update registered_key set mac = repeat('0', 64)`);
    for (const verb of ['list', 'config'] as const)
      expect(await selfService(world.deps)(caller, { verb })).toMatchObject({
        ...{ kind: 'refused', why: { code: 'record_tampered', what: 'key' } },
      });
  });

  it('that suspends grants is told by the gateway itself, beside what one has', async () => {
    const grant = await approvedGrant();
    const caller = { personId: contractor.id, fingerprint: Fingerprint.parse(key.fingerprint) };
    const suspended = {
      ...store,
      transaction: <T>(work: (tx: Tx) => Promise<T>) =>
        store.transaction((tx) => {
          const ofPerson = async (id: PersonId) =>
            (await tx.grants.ofPerson(id)).map((each) => ({ ...each, suspended: true as const }));
          return work({ ...tx, grants: { ...tx.grants, ofPerson } });
        }),
    };
    const serve = selfService({ ...world.deps, store: suspended });
    const why = { code: 'grants_suspended' };
    for (const named of [null, grant.id])
      expect(await serve(caller, { verb: 'cert', grant: named })).toEqual({ kind: 'refused', why });
    expect(await serve(caller, { verb: 'list' })).toMatchObject({ grants: [], notes: [why] });
  });

  it('gets no certificate signed, nor one that is there already handed out, for a grant that was changed', async () => {
    const grant = await approvedGrant();
    const caller = { personId: contractor.id, fingerprint: Fingerprint.parse(key.fingerprint) };
    const cert = () => selfService(world.deps)(caller, { verb: 'cert', grant: null });
    expect(await cert()).toMatchObject({ kind: 'certificate' });
    const issued = (await store.sql('select count(*)::int as n from certificate'))[0];
    await tamper(`update access_grant set terms = replace(terms::text, '"name":"shell"', '"name":"ide"')::json`);
    expect(await cert()).toMatchObject({ kind: 'refused', why: { code: 'grant_tampered' } });
    expect(await enter(grant)).toBe('grant_tampered');
    expect((await store.sql('select count(*)::int as n from certificate'))[0]).toEqual(issued);
  });
});
