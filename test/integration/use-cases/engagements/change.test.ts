import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EngagementChange, termsOf } from '../../../../src/access/engagement-change.ts';
import type { Person } from '../../../../src/access/person.ts';
import { Policy } from '../../../../src/access/policy.ts';
import { expireChanges } from '../../../../src/use-cases/engagements/expire-changes.ts';
import { type ProposeChangeInput, proposeChange } from '../../../../src/use-cases/engagements/propose-change.ts';
import { type ReviewChangeInput, reviewChange } from '../../../../src/use-cases/engagements/review-change.ts';
import { messageKey } from '../../../../src/use-cases/notice.ts';
import { offboardPerson } from '../../../../src/use-cases/offboarding/offboard.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { withdrawRequest } from '../../../../src/use-cases/requests/withdraw-request.ts';
import { viewChange } from '../../../../src/use-cases/views/engagement-view.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { GrantedWorld } from '../../../support/worlds/granted-world.ts';

let world: GrantedWorld;
beforeEach(async () => {
  world = await GrantedWorld.open('web-01', 'db-01');
  world.access.addTargets('app-01');
  await world.traces();
});
afterEach(() => world[Symbol.asyncDispose]());

const STRICT = { openers: [{ people: ['USPONSOR'] }], reviewers: { people: ['UREVIEW', 'USECOND'] } };
const under = (engagements: object = STRICT, rule: object = {}) => ({
  ...world.deps,
  inventory: {
    ...world.deps.inventory,
    policy: Policy.parse({ rules: [{ name: 'one', max_duration: 'PT8H', ...rule }], engagements }),
  },
});
const now = async () => {
  const engagement = await world.store.transaction((tx) => tx.engagements.byId(world.engagement.id));
  if (!engagement) throw new Error('no engagement');
  return engagement;
};
const wanted = async (change: Partial<ProposeChangeInput>): Promise<ProposeChangeInput> => ({
  ...{ by: world.sponsor.id, engagementId: world.engagement.id, isSecurity: false },
  ...termsOf(await now()),
  ...change,
});
const propose = async (change: Partial<ProposeChangeInput>, deps = under()) =>
  proposeChange(deps)(await wanted(change));
const refusal = async (...input: Parameters<typeof propose>): Promise<string | null> => {
  const proposed = await propose(...input);
  return proposed.ok ? null : proposed.rejection.code;
};
const waiting = async (...input: Parameters<typeof propose>): Promise<EngagementChange> => {
  const { waiting: change } = granted(await propose(...input));
  if (!change) throw new Error('nothing waits');
  return change;
};
/** As if the card had been posted, and its button pressed. */
async function press(change: EngagementChange, by: Person, more: Partial<ReviewChangeInput> = {}, deps = under()) {
  const card = { channelId: 'C1', ts: change.id };
  const key = messageKey({ kind: 'change_card', changeId: change.id, to: null });
  await world.store.transaction((tx) => tx.messages.put({ key, ...card }));
  const { id: changeId, digest } = change;
  return reviewChange(deps)({ by: by.id, changeId, digest, card, verdict: 'approve', comment: null, ...more });
}
const pressed = async (...input: Parameters<typeof press>): Promise<string> => {
  const reviewed = await press(...input);
  return reviewed.ok ? reviewed.value.status : reviewed.rejection.code;
};

describe('a change that gives more', () => {
  it('waits for a reviewer, changes nothing until then, and is in force once approved', async () => {
    const before = await now();
    const change = await waiting({ targetIds: ['web-01', 'db-01', 'app-01'], lastDay: '3000-01-31' });
    expect(change).toMatchObject({ approvals: 1, status: 'pending' });
    expect(await now()).toEqual(before);
    expect((await world.traces()).notices).toEqual([
      [world.thread, { kind: 'change_card', changeId: change.id, to: null }],
      [world.dm(world.reviewer), { kind: 'change_card', changeId: change.id, to: world.reviewer.id }],
    ]);
    expect(await pressed(change, world.reviewer)).toBe('approved');
    expect(await now()).toMatchObject({ targetIds: ['web-01', 'db-01', 'app-01'], lastDay: '3000-01-31' });
    expect((await world.traces()).events.map(({ type }) => type)).toEqual([
      'engagement_change_reviewed',
      'engagement_changed',
    ]);
  });

  it.each<[string, () => Partial<ProposeChangeInput>]>([
    ['a member', () => ({ memberIds: [world.contractor.id, world.stranger.id] })],
    ['a target', () => ({ targetIds: ['web-01', 'db-01', 'app-01'] })],
    ['a scope', () => ({ scopes: ['shell', 'files-rw', 'files-ro'] })],
    ['a day', () => ({ lastDay: '3000-01-31' })],
  ])('%s: nothing of it can be used before', async (_, more) => {
    await waiting(more());
    const asked = await requestAccess(under())({
      ...{ by: world.stranger.id, engagementId: world.engagement.id, targetIds: ['app-01'], scope: 'files-ro' },
      ...{ login: world.access.login, durationSeconds: 3_600, reason: 'Move the database', ticket: null },
    });
    expect(asked.ok).toBe(false);
  });

  it('needs as many approvals as the strictest rule for what it would allow', async () => {
    const second = await world.access.person('USECOND');
    granted(await press(await waiting({ reviewerIds: [world.reviewer.id, second.id] }), world.reviewer));
    const change = await waiting({ lastDay: '3000-01-31' }, under(STRICT, { approvals: 2 }));
    expect(change.approvals).toBe(2);
    expect(await pressed(change, world.reviewer)).toBe('pending');
    expect(await pressed(change, world.reviewer)).toBe('already_reviewed');
    expect((await now()).lastDay).toBe('2999-12-31');
    expect(await pressed(change, second)).toBe('approved');
    expect((await now()).lastDay).toBe('3000-01-31');
  });

  it('needs as many as policy wants when it is approved, where that is more than when it was proposed', async () => {
    const second = await world.access.person('USECOND');
    granted(await press(await waiting({ reviewerIds: [world.reviewer.id, second.id] }), world.reviewer));
    const change = await waiting({ lastDay: '3000-01-31' });
    const stricter = under(STRICT, { approvals: 2 });
    const shown = async (deps: ReturnType<typeof under>) =>
      (await viewChange(deps)({ changeId: change.id }))?.change.approvals;
    expect([await shown(under()), await shown(stricter)]).toEqual([1, 2]);
    expect(await pressed(change, world.reviewer, {}, stricter)).toBe('pending');
    expect((await now()).lastDay).toBe('2999-12-31');
    expect(await pressed(change, second, {}, under())).toBe('approved');
    expect((await now()).lastDay).toBe('3000-01-31');
    expect(await shown(stricter)).toBe(1);
  });

  it('is denied by one reviewer, and the engagement stays as it is', async () => {
    const before = await now();
    const change = await waiting({ lastDay: '3000-01-31' });
    expect(await pressed(change, world.reviewer, { verdict: 'deny', comment: 'Not yet' })).toBe('denied');
    expect(await pressed(change, world.reviewer)).toBe('change_decided');
    expect(await now()).toEqual(before);
  });

  it('is not reviewed by anybody who would gain by it, proposed it, or is no reviewer', async () => {
    const { sponsor, stranger, contractor } = world;
    const change = await waiting({ memberIds: [contractor.id, stranger.id] });
    expect(await pressed(change, sponsor)).toBe('own_change');
    expect(await pressed(change, stranger)).toBe('not_a_reviewer');
    expect(await pressed(change, contractor)).toBe('not_a_reviewer');
    const one = { ...STRICT, one_person: [['UREVIEW', 'USPONSOR']] };
    expect(await pressed(change, world.reviewer, {}, under(one))).toBe('own_change');
    const members = { ...STRICT, one_person: [['UREVIEW', 'USTRANGER']] };
    expect(await pressed(change, world.reviewer, {}, under(members))).toBe('not_a_reviewer');
  });

  it('binds the click to what the card shows', async () => {
    const change = await waiting({ lastDay: '3000-01-31' });
    const other = await waiting({ lastDay: '3000-02-28' });
    expect(await pressed(change, world.reviewer)).toBe('change_decided');
    expect(await pressed(other, world.reviewer, { digest: change.digest })).toBe('digest_mismatch');
    expect(await pressed(other, world.reviewer, { card: { channelId: 'C1', ts: 'elsewhere' } })).toBe('unknown_card');
    await world.store.sql(
      `update engagement_change set to_terms = (to_terms::jsonb || '{"lastDay":"3999-12-31"}')::json`,
    );
    expect(await pressed(other, world.reviewer)).toBe('digest_mismatch');
  });

  it.each([
    ['its status', "update engagement_change set status = 'pending', decided_at = null"],
    ['its approvals', 'update engagement_change set approvals = 0'],
    ['a review', `update engagement_change set reviews = '[]'`],
  ])('whose row was edited counts for nothing: %s', async (_, edit) => {
    const change = await waiting({ lastDay: '3000-01-31' });
    await pressed(change, world.reviewer, { verdict: 'deny' });
    await world.store.sql(edit);
    expect(await pressed(change, world.reviewer)).toBe('record_tampered');
  });

  it('that was decided and whose old row was put back whole counts for nothing', async () => {
    const change = await waiting({ lastDay: '3000-01-31' });
    const [row] = await world.store.sql('select status, reviews::text, mac from engagement_change');
    await pressed(change, world.reviewer, { verdict: 'deny' });
    await world.store.sql('update engagement_change set status = $1, reviews = $2, decided_at = null, mac = $3', [
      ...[row?.['status'], row?.['reviews'], row?.['mac']],
    ]);
    expect(await pressed(change, world.reviewer)).toBe('record_tampered');
  });

  it('expires, and is void once the engagement is another', async () => {
    const change = await waiting({ lastDay: '3000-01-31' });
    world.now = world.later(86_400);
    for (const person of [world.sponsor, world.reviewer]) await world.seen(person, { active: true });
    expect(await pressed(change, world.reviewer)).toBe('change_decided');
    expect(await expireChanges(under())()).toBe(1);
    expect(await expireChanges(under())()).toBe(0);
    const stale = await waiting({ lastDay: '3000-01-31' });
    await world.store.transaction((tx) =>
      tx.engagements.change(world.engagement.id, { ...stale.from, name: 'Other' }, []),
    );
    expect(await pressed(stale, world.reviewer)).toBe('engagement_changed');
  });

  it('is refused where nobody could approve it, or who proposes it may not', async () => {
    const { reviewer, stranger, contractor } = world;
    const more = { lastDay: '3000-01-31' };
    expect(await refusal(more, under({ ...STRICT, reviewers: { people: ['USECOND'] } }))).toBe('no_reviewer');
    expect(await refusal({ ...more, by: reviewer.id })).toBe('may_not_change_engagement');
    expect(await refusal({ ...more, by: stranger.id })).toBe('may_not_change_engagement');
    expect(await refusal({ ...more, by: stranger.id, isSecurity: true })).toBe('may_not_change_engagement');
    expect(await refusal({ ...more, by: contractor.id })).toBe('may_not_change_engagement');
    expect(await refusal({ memberIds: [contractor.id, reviewer.id] })).toBe('reviewer_not_eligible');
    const web = { openers: [{ people: ['USPONSOR'], targets: ['web-01', 'db-01'] }], reviewers: STRICT.reviewers };
    expect(await refusal({ targetIds: ['web-01', 'db-01', 'app-01'] }, under(web))).toBe('may_not_open_for');
    expect(await refusal({})).toBe('nothing_changed');
    const before = await now();
    const both = { targetIds: ['web-01'], lastDay: '3000-01-31' };
    expect(await refusal(both, under({ ...STRICT, reviewers: { people: ['USECOND'] } }))).toBe('no_reviewer');
    expect(await now()).toEqual(before);
  });
});

describe('a change that takes away', () => {
  const grantOn = (targets: string[], scope = 'shell') => world.grant({ targets, scope });
  const isLive = async (id: Awaited<ReturnType<typeof grantOn>>['id']) =>
    (await world.store.transaction((tx) => tx.grants.byId(id)))?.end === null;

  it('is in force at once, and ends what depended on it and nothing else', async () => {
    const [web, db] = [await grantOn(['web-01']), await grantOn(['web-01', 'db-01'])];
    const { applied, waiting: more } = granted(await propose({ targetIds: ['web-01'] }));
    expect([applied?.status, applied?.approvals, more]).toEqual(['approved', 0, null]);
    expect((await now()).targetIds).toEqual(['web-01']);
    expect([await isLive(web.id), await isLive(db.id)]).toEqual([true, false]);
  });

  it.each<[string, () => Partial<ProposeChangeInput>]>([
    ['a scope', () => ({ scopes: ['files-rw'] })],
    ['a member', () => ({ memberIds: [world.stranger.id] })],
  ])('%s takes the access of those who had it', async (_, less) => {
    granted(await press(await waiting({ memberIds: [world.contractor.id, world.stranger.id] }), world.reviewer));
    const grant = await grantOn(['web-01']);
    granted(await propose(less()));
    expect(await isLive(grant.id)).toBe(false);
  });

  it('comes at once also where the same form gives something, which waits', async () => {
    const both = { memberIds: [world.stranger.id], targetIds: ['web-01', 'app-01'] };
    granted(await press(await waiting({ memberIds: [world.contractor.id, world.stranger.id] }), world.reviewer));
    const { applied, waiting: more } = granted(await propose(both));
    expect(applied?.to).toMatchObject({ memberIds: [world.stranger.id], targetIds: ['web-01'] });
    expect(await now()).toMatchObject({ memberIds: [world.stranger.id], targetIds: ['web-01'] });
    expect(more?.to.targetIds).toEqual(['web-01', 'app-01']);
  });

  it('may come from a reviewer or from security, and from no member or stranger', async () => {
    const { reviewer, stranger, contractor } = world;
    const less = { targetIds: ['web-01'] };
    expect(await refusal({ ...less, by: stranger.id })).toBe('may_not_change_engagement');
    expect(await refusal({ ...less, by: contractor.id })).toBe('may_not_change_engagement');
    expect(await refusal({ ...less, by: reviewer.id })).toBeNull();
    expect(await refusal({ scopes: ['shell'], by: stranger.id, isSecurity: true })).toBeNull();
  });

  it('brings nobody back who was offboarded, also where they are taken off the list and put on it again', async () => {
    granted(await press(await waiting({ memberIds: [world.contractor.id, world.stranger.id] }), world.reviewer));
    granted(
      await offboardPerson(world.deps)({
        ...{ by: world.sponsor.id, personId: world.contractor.id, engagementId: world.engagement.id },
        ...{ reason: null, isSecurity: false },
      }),
    );
    expect(await refusal({ memberIds: [world.stranger.id] })).toBe('nothing_changed');
    expect(await refusal({ memberIds: [world.stranger.id, world.contractor.id] })).toBe('nothing_changed');
    expect(await now()).toMatchObject({ offboardedIds: [world.contractor.id] });
    granted(await propose({ memberIds: [world.stranger.id], targetIds: ['web-01'] }));
    expect(await now()).toMatchObject({ offboardedIds: [world.contractor.id], targetIds: ['web-01'] });
  });

  it('leaves no request that could still be approved for what is gone', async () => {
    const asked = granted(
      await requestAccess(world.deps)({
        ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['db-01'], scope: 'shell' },
        ...{ login: world.access.login, durationSeconds: 3_600, reason: 'Move the database', ticket: null },
      }),
    );
    granted(await propose({ targetIds: ['web-01'] }));
    await expect(world.access.approved(asked, world.reviewer)).rejects.toThrow('no_longer_allowed');
  });
});

describe('two changes at once', () => {
  it('leave one that waits, whoever comes first', async () => {
    const [one, two] = await Promise.all([propose({ lastDay: '3000-01-31' }), propose({ lastDay: '3000-02-28' })]);
    granted(one);
    granted(two);
    const rows = await world.store.sql('select status from engagement_change order by status');
    expect(rows.map(({ status }) => status)).toEqual(['pending', 'withdrawn']);
  });

  it('an approval of access and a change that takes it away: nothing outlives the change', async () => {
    for (let round = 0; round < 10; round += 1) {
      const asked = granted(
        await requestAccess(world.deps)({
          ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['db-01'], scope: 'shell' },
          ...{ login: world.access.login, durationSeconds: 3_600, reason: `Move database ${round}`, ticket: null },
        }),
      );
      const [, narrower] = await Promise.all([
        world.access.approved(asked, world.reviewer).catch(() => null),
        propose({ targetIds: ['web-01'] }),
      ]);
      granted(narrower);
      const live = await world.store.transaction((tx) => tx.grants.activeIn(world.engagement.id, world.now));
      expect(live).toEqual([]);
      // Where the change came first, the request still waits.
      await withdrawRequest(world.deps)({ by: world.contractor.id, requestId: asked.id });
      await world.store.transaction((tx) => tx.engagements.change(world.engagement.id, termsOf(world.engagement), []));
    }
  });

  it('an approval and a narrower change: the narrower one holds, or the approval came first', async () => {
    const change = await waiting({ targetIds: ['web-01', 'db-01', 'app-01'] });
    const [approved, narrower] = await Promise.all([
      pressed(change, world.reviewer),
      propose({ targetIds: ['web-01'] }),
    ]);
    granted(narrower);
    expect(['approved', 'change_decided', 'engagement_changed']).toContain(approved);
    expect((await now()).targetIds).toEqual(['web-01']);
  });
});
