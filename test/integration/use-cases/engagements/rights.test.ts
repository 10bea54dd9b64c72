import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Engagement } from '../../../../src/access/engagement.ts';
import type { Grant } from '../../../../src/access/grant.ts';
import type { Fingerprint, RequestId } from '../../../../src/access/ids.ts';
import type { Person } from '../../../../src/access/person.ts';
import { Policy } from '../../../../src/access/policy.ts';
import { Target } from '../../../../src/access/target.ts';
import { confirmEngagement } from '../../../../src/use-cases/engagements/confirm-engagement.ts';
import { openEngagement } from '../../../../src/use-cases/engagements/open-engagement.ts';
import { seeGroup } from '../../../../src/use-cases/engagements/reviewer-facts.ts';
import { endGrant } from '../../../../src/use-cases/grants/end-grant.ts';
import { endGrantIn } from '../../../../src/use-cases/grants/ending.ts';
import { holdSessionsToGrants } from '../../../../src/use-cases/grants/hold-sessions.ts';
import { messageKey } from '../../../../src/use-cases/notice.ts';
import { listKeys, retireKey } from '../../../../src/use-cases/people/retire-key.ts';
import type { Gateways } from '../../../../src/use-cases/ports.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../../src/use-cases/requests/review-request.ts';
import { selfService } from '../../../../src/use-cases/sessions/self-service.ts';
import { viewRequest } from '../../../../src/use-cases/views/views.ts';
import { SshKey } from '../../../support/peers/signing-key.ts';
import { AccessWorld, granted } from '../../../support/worlds/access-world.ts';
import { testSeals } from '../../../support/worlds/beside.ts';
import { openTestStore, type TestStore } from '../../../support/worlds/store.ts';

const RULES = [{ name: 'one', max_duration: 'PT8H' }];

let store: TestStore;
let world: AccessWorld;
let n = 0;
let contractor: Person;
let reviewer: Person;
let sponsor: Person;
let engagement: Engagement;
let key: SshKey;

beforeAll(async () => {
  store = await openTestStore('postgres');
  world = AccessWorld.over(store);
});
afterAll(() => world[Symbol.asyncDispose]());

beforeEach(async () => {
  n += 1;
  const host_keys = [world.keys.gatewayHostPublicKey];
  const made = ['web-01', 'db-01', 'app-01'].map((id) =>
    Target.parse({ id, name: id, address: '127.0.0.1', host_keys, logins: [world.login], labels: { host: id } }),
  );
  world.targets.splice(0, 10, ...made);
  contractor = await world.person(`UCON${n}`, 'guest');
  reviewer = await world.person(`UREVIEW${n}`);
  sponsor = await world.person('USPONSOR');
  engagement = await world.engagement([contractor], [reviewer]);
  key = await registered(contractor);
});

const authorize = (proof: ReturnType<SshKey['proof']>) => world.connected(proof);
/** Why the gateway leads to no target, for who asks it itself. */
const noTargets = async () => {
  const decided = await world.connect(key.proof('daypass', null), { kind: 'jump' });
  return decided.ok && decided.value.kind === 'jump' ? decided.value.noTargets : decided;
};
const register = async (who: SshKey, owner: Person) =>
  authorize(who.proof(`register-${await world.code(owner.id)}`, null));
async function registered(owner: Person): Promise<SshKey> {
  const made = new SshKey();
  expect(await register(made, owner)).toBe('registered');
  return made;
}
const enter = async (grant: Grant, who = key, target = 'web-01') => {
  const issued = await store.transaction((tx) => tx.grants.certificates(grant.id));
  const own = issued.find((each) => each.fingerprint === who.fingerprint);
  return authorize(who.proof(`${world.login}+${target}`, own?.certificate ?? ''));
};
const ended = async (): Promise<string[]> => {
  const mine = (await store.transaction((tx) => tx.sessions.live())).filter(
    ({ personId }) => personId === contractor.id,
  );
  const said: string[] = [];
  const terminate: Gateways['terminate'] = ([id], { message }) => {
    if (mine.some((session) => session.id === id)) said.push(message);
  };
  await holdSessionsToGrants({ ...world.deps, gateways: { carried: () => [], terminate, extend: () => false } })();
  return said;
};
const ask = async (change: Partial<Parameters<ReturnType<typeof requestAccess>>[0]> = {}) =>
  requestAccess(world.deps)({
    ...{ by: contractor.id, engagementId: engagement.id, targetIds: ['web-01'], login: world.login },
    ...{ scope: 'shell', durationSeconds: 3_600, reason: 'Work', ticket: null, ...change },
  });
const approve = async (
  request: { readonly id: RequestId; readonly digest: string },
  by = reviewer,
  verdict: 'approve' | 'deny' = 'approve',
) => {
  const { id: requestId, digest } = request;
  const card = { channelId: 'C1', ts: requestId };
  const posted = messageKey({ kind: 'review_card', requestId, to: null });
  await store.transaction((tx) => tx.messages.put({ key: posted, ...card }));
  return reviewRequest(world.deps)({ by: by.id, requestId, digest, card, verdict, comment: null });
};
const state = (grant: Grant) => store.transaction((tx) => tx.grants.byId(grant.id));
const print = (who: SshKey) => who.fingerprint as Fingerprint;

describe('a key', () => {
  const retire = (by: Person | null, who = key, isSecurity = false) =>
    retireKey(world.deps)({ by: by?.id ?? { account: 'root' }, fingerprint: print(who), isSecurity });

  it('that was retired opens nothing, ends its sessions and the grants that have no other, and its owner is told', async () => {
    const second = await registered(contractor);
    const alone = granted(await ask({ keys: [key.fingerprint] }));
    granted(await approve(alone));
    const both = granted(await ask({ keys: [key.fingerprint, second.fingerprint] }));
    granted(await approve(both));
    const [first, shared] = await store.transaction((tx) =>
      Promise.all([tx.grants.byRequest(alone.id), tx.grants.byRequest(both.id)]),
    );
    if (!first || !shared) throw new Error('no grants');
    expect(await enter(first)).toBe('session');
    expect(await enter(shared)).toBe('session');
    expect(await enter(shared, second)).toBe('session');
    granted(await retire(contractor));
    expect(await enter(shared)).toBe('key_retired');
    expect(await ended()).toHaveLength(2);
    expect((await state(first))?.end).toMatchObject({ how: 'revoked', by: contractor.id });
    expect((await state(shared))?.end).toBeNull();
    expect(await enter(shared, second)).toBe('session');
    const told = await store.sql("select notice from outbox where kind = 'key_retired'");
    expect(told.map((row) => row['notice'])).toContainEqual({
      ...{ kind: 'key_retired', fingerprint: key.fingerprint, to: contractor.id },
    });
    const caller = { personId: contractor.id, fingerprint: print(key) };
    expect(await selfService(world.deps)(caller, { verb: 'cert', grant: null })).toMatchObject({
      why: { code: 'key_removed' },
    });
    expect(await retire(contractor)).toMatchObject({ ok: false, rejection: { code: 'key_retired' } });
  });

  it('that was retired is registered again by nobody, and cannot be brought back in the database', async () => {
    granted(await retire(contractor));
    expect(await register(key, contractor)).toBe('key_retired');
    expect(await register(key, reviewer)).toBe('key_taken');
    const forged = store.sql('update registered_key set retired_at = null where fingerprint = $1', [key.fingerprint]);
    await expect(forged).rejects.toThrow(/retired for good/);
    await expect(store.sql('delete from registered_key where fingerprint = $1', [key.fingerprint])).rejects.toThrow();
  });

  it('that is retired while a request waits gets nothing by a later Approve', async () => {
    const request = granted(await ask());
    granted(await retire(contractor));
    expect(await approve(request)).toMatchObject({ ok: false, rejection: { code: 'key_retired' } });
    expect(await ask()).toMatchObject({ ok: false, rejection: { code: 'no_registered_key' } });
  });

  it('is retired by its owner, a sponsor of the owner’s, security and operators, and by nobody else', async () => {
    const stranger = await world.person(`USTRANGER${n}`);
    for (const by of [stranger, reviewer]) {
      expect(await retire(by)).toMatchObject({ ok: false, rejection: { code: 'may_not_retire_key' } });
    }
    const list = (person: Person, isSecurity = false) =>
      listKeys(world.deps)({ personId: person.id, isSecurity, find: null }).then(({ others }) =>
        others.some((each) => each.key.fingerprint === key.fingerprint),
      );
    expect(await list(reviewer)).toBe(false);
    granted(await retire(sponsor));
    for (const [by, isSecurity] of [
      [stranger, true],
      [null, false],
      [contractor, false],
    ] as const) {
      granted(await retire(by, await registered(contractor), isSecurity));
    }
  });

  it('of a request is the newest, or those that were chosen of one’s own', async () => {
    const second = await registered(contractor);
    expect(granted(await ask()).ask.keyFingerprints).toEqual([second.fingerprint]);
    expect(granted(await ask({ keys: [key.fingerprint] })).ask.keyFingerprints).toEqual([key.fingerprint]);
    const foreign = await registered(reviewer);
    for (const keys of [[foreign.fingerprint], [key.fingerprint, foreign.fingerprint], ['SHA256:']]) {
      expect(await ask({ keys })).toMatchObject({ ok: false, rejection: { code: 'unknown_own_key' } });
    }
  });
});

describe('who has asked and waits', () => {
  it('is told so on the terminal, and not to ask, also where earlier access has ended', async () => {
    const cert = () =>
      selfService(world.deps)(
        { personId: contractor.id, fingerprint: key.fingerprint as Fingerprint },
        { verb: 'cert', grant: null },
      );
    expect(await noTargets()).toEqual({ code: 'no_live_grant' });
    expect(await cert()).toMatchObject({ why: { code: 'no_live_grant' } });
    const earlier = await world.grant(contractor, reviewer, engagement);
    await world.revoke(earlier);
    const { id: requestId } = granted(await ask());
    expect(await noTargets()).toEqual({ code: 'request_waits', requestId });
    expect(await cert()).toMatchObject({ why: { code: 'request_waits', requestId } });
    expect(await enter(earlier)).toBe('request_waits');
  });
});

describe('a login that is decided while a revocation is being written', () => {
  it('waits for it, looks again, and is refused', async () => {
    const grant = await world.grant(contractor, reviewer, engagement);
    let commit = (): void => {};
    const written = new Promise<void>((resolve) => {
      commit = resolve;
    });
    let isWritten = (): void => {};
    const begun = new Promise<void>((resolve) => {
      isWritten = resolve;
    });
    const revoking = store.transaction(async (tx) => {
      const end = { how: 'revoked', by: null, comment: null } as const;
      granted(await endGrantIn(tx, grant.id, end, { kind: 'operator', account: 'root' }, new Date()));
      isWritten();
      await written;
    });
    await begun;
    let decided: string | null = null;
    const entering = enter(grant).then((outcome) => {
      decided = outcome;
      return outcome;
    });
    const waits = async (): Promise<boolean> => {
      const [row] = await store.sql(
        "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return decided !== null || Number(row?.['n']) > 0;
    };
    await expect.poll(waits, { timeout: 20_000 }).toBe(true);
    expect(decided).toBeNull();
    commit();
    await revoking;
    expect(await entering).toBe('grant_revoked');
    expect(await store.transaction((tx) => tx.sessions.liveOfGrant(grant.id))).toEqual([]);
  });
});

describe('what was asked for', () => {
  it.each([
    ['address', { address: '127.0.0.9' }],
    ['port', { port: 2222 }],
    ['host key', { host_keys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMrrvHhxLbWDLBzyLEMkNkxxKLyxKJXp8pTeYVqXcUUx'] }],
  ])('is not approved for a target whose %s is another by then', async (_, change) => {
    const request = granted(await ask());
    const [web] = world.targets;
    if (!web) throw new Error('no target');
    world.targets[0] = { ...web, ...change };
    expect(await approve(request)).toEqual({ ok: false, rejection: { code: 'target_changed', targetId: 'web-01' } });
    expect(await store.transaction((tx) => tx.grants.byRequest(request.id))).toBeNull();
    world.targets[0] = web;
    expect(await approve(request)).toMatchObject({ ok: true });
  });

  it('waits for as many approvals as today’s policy wants, and its card says so', async () => {
    const { policy } = world.inventory;
    const second = await world.person(`USECOND${n}`);
    engagement = await world.engagement([contractor], [reviewer, second]);
    const request = granted(await ask());
    const shown = async () => (await viewRequest(world.deps)({ requestId: request.id }))?.request;
    expect(await shown()).toMatchObject({ approvals: 1, rule: 'one reviewer approves' });
    try {
      policy.rules.unshift({ name: 'two now', approvals: 2, max_duration: 28_800 });
      expect(await shown()).toMatchObject({ approvals: 2, rule: 'two now' });
      expect(await approve(request)).toMatchObject({ ok: true, value: { status: 'pending', approvals: 2 } });
      expect(await store.transaction((tx) => tx.grants.byRequest(request.id))).toBeNull();
      policy.rules.unshift({ name: 'short', approvals: 1, max_duration: 900 });
      const why = { kind: 'duration', maxSeconds: 900, rule: 'short' };
      expect(await approve(request, second)).toEqual({ ok: false, rejection: { code: 'no_longer_allowed', why } });
      policy.rules.shift();
      expect(await approve(request, second)).toMatchObject({ ok: true, value: { status: 'approved' } });
    } finally {
      policy.rules.splice(0, policy.rules.length - 1);
    }
  });

  it('can be denied although it could not be approved any more', async () => {
    const request = granted(await ask());
    world.targets.shift();
    expect(await approve(request, reviewer, 'deny')).toMatchObject({ ok: true, value: { status: 'denied' } });
  });

  it('is not approved for a target that is gone', async () => {
    const request = granted(await ask());
    world.targets.shift();
    expect(await approve(request)).toMatchObject({ ok: false, rejection: { code: 'target_changed' } });
  });
});

/** What the seal of an engagement covered before its labels were kept. */
const sealedBefore = ({ leftIds: _left, labels: _labels, channelReadAt: _read, ...rest }: Engagement): object => ({
  ...rest,
  createdAt: rest.createdAt.toISOString(),
  confirmedAt: rest.confirmedAt?.toISOString() ?? null,
});

describe('a tampered grant', () => {
  it.each([
    ['its MAC', "mac = 'AAAA'"],
    ['its digest', `digest = '${'0'.repeat(64)}'`],
    ['its terms', 'terms = replace(terms::text, \'"web-01"\', \'"db-01"\')::json'],
  ])('gets no certificate by self-service, alone or among others: %s', async (_, set) => {
    const good = await world.grant(contractor, reviewer, engagement, { targets: ['app-01'] });
    const bad = await world.grant(contractor, reviewer, engagement, { targets: ['web-01'] });
    await store.sql('alter table access_grant disable trigger all');
    await store.sql(`update access_grant set ${set} where id = $1`, [bad.id]);
    await store.sql('alter table access_grant enable trigger all');
    const caller = { personId: contractor.id, fingerprint: print(key) };
    const cert = (grant: string | null) => selfService(world.deps)(caller, { verb: 'cert', grant });
    const why = { code: 'grant_tampered', grantId: bad.id };
    expect(await cert(bad.id)).toEqual({ kind: 'refused', why });
    const [own] = await store.transaction((tx) => tx.grants.certificates(good.id));
    expect(await cert(null)).toMatchObject({ kind: 'certificate', line: own?.certificate });
    await world.revoke(good);
    expect(await cert(null)).toEqual({ kind: 'refused', why });
    expect(await selfService(world.deps)(caller, { verb: 'list' })).toMatchObject({ grants: [], notes: [why] });
    const serials = await store.sql('select serial from certificate where grant_id = $1', [bad.id]);
    expect(serials).toHaveLength(1);
  });
});

describe('a revocation', () => {
  const end = (by: Person, grant: Grant) =>
    endGrant(world.deps)({ by: by.id, grantId: grant.id, comment: null, isSecurity: false });

  it('ends whatever the person has on these targets, and says what is left', async () => {
    const first = await world.grant(contractor, reviewer, engagement, { targets: ['web-01'] });
    const wider = await world.grant(contractor, reviewer, engagement, { targets: ['web-01', 'db-01'], seconds: 600 });
    const apart = await world.grant(contractor, reviewer, engagement, { targets: ['app-01'] });
    const done = granted(await end(reviewer, first));
    expect(done.grant.id).toBe(first.id);
    expect(done.also.map((each) => each.id)).toEqual([wider.id]);
    expect(done.left.map((each) => each.id)).toEqual([apart.id]);
    expect(await enter(first)).toBe('target_not_granted');
    expect(await enter(wider)).toBe('target_not_granted');
    expect(await enter(apart, key, 'app-01')).toBe('session');
  });

  it('leaves and names what the one who revokes may not end', async () => {
    const foreign = await world.person(`UFOREIGN${n}`);
    const elsewhere = granted(
      await openEngagement(world.deps)({
        ...{ by: foreign.id, name: 'Other', vendor: 'Acme', channelId: 'C2', memberIds: [contractor.id] },
        ...{ targetIds: ['web-01'], scopes: ['shell'], reviewerIds: [foreign.id], lastDay: '2999-12-31' },
        timeZone: 'UTC',
      }),
    );
    const other = await world.grant(contractor, foreign, elsewhere);
    const grant = await world.grant(contractor, reviewer, engagement, { targets: ['web-01'] });
    expect(granted(await end(reviewer, grant))).toMatchObject({ also: [], left: [{ id: other.id }] });
  });

  it('by who holds it is that one alone', async () => {
    const first = await world.grant(contractor, reviewer, engagement, { targets: ['web-01'] });
    const second = await world.grant(contractor, reviewer, engagement, { targets: ['web-01'] });
    expect(granted(await end(contractor, first))).toMatchObject({ also: [], left: [{ id: second.id }] });
  });
});

describe('an engagement', () => {
  const under = (engagements: unknown) => ({
    ...world.deps,
    inventory: { ...world.inventory, policy: Policy.parse({ rules: RULES, engagements }) },
  });
  type Rules = Readonly<Record<string, unknown>> | undefined;
  const open = (rules: Rules, change: Record<string, unknown> = {}) =>
    openEngagement(under(rules))({
      ...{ by: sponsor.id, name: 'New', vendor: 'Northwind', channelId: `C${n}`, memberIds: [contractor.id] },
      ...{ targetIds: ['web-01'], scopes: ['shell'], reviewerIds: [reviewer.id], lastDay: '2999-12-31' },
      timeZone: 'UTC',
      ...change,
    });
  const any = { openers: [{ people: 'any' }], reviewers: { people: 'any' } };

  it('is opened by nobody where policy does not say who may, and only by whom it names for these targets', async () => {
    expect(await open(undefined)).toMatchObject({ ok: false, rejection: { code: 'nobody_may_open' } });
    const named = (people: string[]) => ({ ...any, openers: [{ people, labels: { host: 'web-01' } }] });
    expect(await open(named(['UELSE']))).toMatchObject({ ok: false, rejection: { code: 'may_not_open_engagement' } });
    expect(await open(named(['USPONSOR']), { targetIds: ['web-01', 'db-01'] })).toMatchObject({
      ok: false,
      rejection: { code: 'may_not_open_for', targetId: 'db-01', field: 'targets' },
    });
    expect(await open(named(['USPONSOR']))).toMatchObject({ ok: true });
    expect(await open(any, { by: contractor.id })).toMatchObject({ rejection: { code: 'may_not_open_engagement' } });
  });

  it('names nobody as its reviewer who opened it, may not review, or is its member by another account', async () => {
    const refused = (rules: Rules, reviewerIds: readonly Person['id'][]) =>
      open(rules, { reviewerIds }).then((opened) => (opened.ok ? null : opened.rejection));
    const code = { code: 'reviewer_not_eligible' };
    expect(await refused(any, [reviewer.id, sponsor.id])).toMatchObject({
      ...code,
      people: [{ personId: sponsor.id, why: 'opener' }],
    });
    expect(await refused({ ...any, own_review: true, second_person: false }, [sponsor.id])).toBeNull();
    const because = (why: string) => ({ ...code, people: [{ personId: reviewer.id, why }] });
    expect(await refused({ ...any, reviewers: { people: ['UELSE'] } }, [reviewer.id])).toEqual({
      ...because('not_named'),
      field: 'reviewers',
    });
    const known = { ...any, one_person: [[`UCON${n}`, `UREVIEW${n}`]] };
    expect(await refused(known, [reviewer.id])).toMatchObject(because('member_account'));
    const own = { ...any, one_person: [['USPONSOR', `UREVIEW${n}`]] };
    expect(await refused(own, [reviewer.id])).toMatchObject(because('opener_account'));
    const guest = await world.person(`UGUEST${n}`, 'guest');
    expect(await refused(any, [guest.id])).toMatchObject({ people: [{ personId: guest.id, why: 'not_full_member' }] });
  });

  it('is not opened where nobody could ever be given access in it', async () => {
    const withRules = (rules: unknown, change: Record<string, unknown> = {}) => {
      const policy = Policy.parse({ rules, engagements: { ...any, second_person: false } });
      const { inventory, ...others } = world.deps;
      return openEngagement({ ...others, inventory: { ...inventory, policy } })({
        ...{ by: sponsor.id, name: 'Rules', vendor: 'Acme', channelId: 'C1', memberIds: [contractor.id] },
        ...{ targetIds: ['web-01'], scopes: ['shell'], reviewerIds: [reviewer.id], lastDay: '2999-12-31' },
        timeZone: 'UTC',
        ...change,
      });
    };
    const two = { name: 'two for production', approvals: 2, max_duration: 'PT1H' };
    const one = { name: 'one', scopes: ['files-ro'], max_duration: 'PT1H' };
    const tooFew = { rejection: { code: 'too_few_reviewers', targetId: 'web-01', needed: 2, rule: two.name } };
    expect(await withRules([two])).toMatchObject(tooFew);
    expect(await withRules([one, two], { scopes: ['files-ro', 'shell'] })).toMatchObject(tooFew);
    expect(await withRules([one])).toMatchObject({ rejection: { code: 'nothing_allowed', field: 'scopes' } });
    const second = await world.person(`USECOND${n}`);
    const both = [reviewer.id, second.id];
    expect(await withRules([two], { reviewerIds: both })).toMatchObject({ ok: true });
    expect(await withRules([one, two], { scopes: ['files-ro'] })).toMatchObject({ ok: true });
  });

  it('that is the first on a label waits for a second person, and the next one does not', async () => {
    const [web] = world.targets;
    if (!web) throw new Error('no target');
    world.targets.push(Target.parse({ ...web, id: 'new-01', labels: { team: 'new' } }));
    const onNew = { targetIds: ['new-01'] };
    const rules = { ...any, one_person: [[`UALSO${n}`, 'USPONSOR']] };
    expect(await open({ ...any, own_review: true }, { ...onNew, reviewerIds: [sponsor.id] })).toMatchObject({
      rejection: { code: 'nobody_to_confirm' },
    });
    const opened = granted(await open(rules, onNew));
    expect(opened.confirmedAt).toBeNull();
    const asked = await store.sql("select notice from outbox where kind = 'engagement_confirm'");
    expect(asked.map((row) => row['notice'])).toContainEqual({
      ...{ kind: 'engagement_confirm', engagementId: opened.id, to: reviewer.id },
    });
    expect(await ask({ engagementId: opened.id })).toMatchObject({ rejection: { code: 'engagement_unconfirmed' } });
    const also = await world.person(`UALSO${n}`);
    const confirm = (by: Person) => confirmEngagement(under(rules))({ by: by.id, engagementId: opened.id });
    for (const nobody of [sponsor, contractor, also]) {
      expect(await confirm(nobody)).toMatchObject({ ok: false, rejection: { code: 'may_not_confirm' } });
    }
    const both = await Promise.all([confirm(reviewer), confirm(reviewer)]);
    expect(both.filter((each) => each.ok)).toHaveLength(1);
    expect(await ask({ engagementId: opened.id, ...onNew })).toMatchObject({ ok: true });
    expect(granted(await open(rules, onNew)).confirmedAt).not.toBeNull();
  });

  it('waits for a second person on a label that targets of an earlier one were given only afterwards', async () => {
    const [web] = world.targets;
    if (!web) throw new Error('no target');
    const labelled = (id: string, team: string) => Target.parse({ ...web, id, labels: { team: `${team}${n}` } });
    world.targets.push(labelled('one-01', 'looked-at'), labelled('one-02', 'unseen'));
    const rules = { ...any, openers: [{ people: ['USPONSOR'], labels: { team: `looked-at${n}` } }] };
    const first = granted(await open(rules, { targetIds: ['one-01'] }));
    granted(await confirmEngagement(under(rules))({ by: reviewer.id, engagementId: first.id }));
    const isConfirmed = async (targetIds: string[]) => granted(await open(any, { targetIds })).confirmedAt !== null;
    expect(await isConfirmed(['one-01'])).toBe(true);
    world.targets.splice(-2, 1, labelled('one-01', 'unseen'));
    expect(await isConfirmed(['one-02'])).toBe(false);
    expect(await isConfirmed(['one-01'])).toBe(false);
    expect((await store.transaction((tx) => tx.engagements.byId(first.id)))?.labels).toEqual([`team=looked-at${n}`]);
  });

  it('from before labels were kept makes none known, and keeps its seal', async () => {
    const before = granted(await open({ ...any, second_person: false }));
    await store.sql(`update engagement set labels = '[]'`);
    await store.sql('update engagement set mac = $1 where id = $2', [
      testSeals.seal('engagement', sealedBefore(before)),
      before.id,
    ]);
    expect(await store.transaction((tx) => tx.engagements.byId(before.id))).toMatchObject({ labels: [] });
    expect(granted(await open(any)).confirmedAt).toBeNull();
  });

  it('that waits is not confirmed once policy does not let its opener open it any more', async () => {
    const [web] = world.targets;
    if (!web) throw new Error('no target');
    world.targets.push(Target.parse({ ...web, id: 'two-01', labels: { env: `e${n}` } }));
    const rules = { ...any, openers: [{ people: 'any', labels: { env: `e${n}` } }] };
    const opened = granted(await open(rules, { targetIds: ['two-01'] }));
    const confirm = () => confirmEngagement(under(rules))({ by: reviewer.id, engagementId: opened.id });
    const [target] = world.targets.splice(-1, 1, Target.parse({ ...web, id: 'two-01', labels: { env: 'other' } }));
    expect(await confirm()).toEqual({ ok: false, rejection: { code: 'opener_may_not', targetId: 'two-01' } });
    world.targets.splice(-1, 1, target as Target);
    expect(await confirm()).toMatchObject({ ok: true, value: { labels: [`env=e${n}`] } });
  });

  it('is reviewed by who is in a group since a day, as it was read', async () => {
    const rules = { ...any, reviewers: { groups: ['S0REVIEW'] }, second_person: false };
    const see = (userIds: string[]) => seeGroup(world.deps)({ groupId: 'S0REVIEW', userIds });
    await see([`UREVIEW${n}`]);
    expect(await open(rules)).toMatchObject({ ok: true });
    const late = await world.person(`ULATE${n}`);
    await see([`UREVIEW${n}`, `ULATE${n}`]);
    expect(await open(rules, { reviewerIds: [late.id] })).toMatchObject({
      rejection: { code: 'reviewer_not_eligible' },
    });
    await see([`ULATE${n}`]);
    expect(await open(rules)).toMatchObject({ rejection: { code: 'reviewer_not_eligible' } });
  });
});
