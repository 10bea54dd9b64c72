import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Engagement } from '../../../../src/access/engagement.ts';
import type { Person } from '../../../../src/access/person.ts';
import { Policy } from '../../../../src/access/policy.ts';
import { Target } from '../../../../src/access/target.ts';
import { confirmEngagement } from '../../../../src/use-cases/engagements/confirm-engagement.ts';
import { openEngagement } from '../../../../src/use-cases/engagements/open-engagement.ts';
import { seeGroup } from '../../../../src/use-cases/engagements/reviewer-facts.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { testSeals } from '../../../support/worlds/beside.ts';
import { RightsWorld } from '../../../support/worlds/rights-world.ts';
import { openTestStore, type TestStore } from '../../../support/worlds/store.ts';

const RULES = [{ name: 'one', max_duration: 'PT8H' }];

let store: TestStore;
let world: RightsWorld;

beforeAll(async () => {
  store = await openTestStore('postgres');
  world = RightsWorld.on(store);
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(() => world.begin());

/** What the seal of an engagement covered before its labels were kept. */
const sealedBefore = ({ labels: _labels, channelReadAt: _read, ...engagement }: Engagement): object => {
  const { leftIds: _left, offboardedIds: _offboarded, closedAt: _at, closedBy: _by, ...all } = engagement;
  const { logins: _logins, firstDay: _first, hours: _hours, reference: _reference, ...rest } = all;
  return {
    ...rest,
    createdAt: rest.createdAt.toISOString(),
    confirmedAt: rest.confirmedAt?.toISOString() ?? null,
  };
};

describe('an engagement', () => {
  const under = (engagements: unknown) => ({
    ...world.deps,
    inventory: { ...world.inventory, policy: Policy.parse({ rules: RULES, engagements }) },
  });
  type Rules = Readonly<Record<string, unknown>> | undefined;
  const open = (rules: Rules, change: Record<string, unknown> = {}) =>
    openEngagement(under(rules))({
      ...{
        by: world.sponsor.id,
        name: 'New',
        vendor: 'Northwind',
        channelId: `C${world.round}`,
        memberIds: [world.contractor.id],
      },
      ...{ targetIds: ['web-01'], scopes: ['shell'], reviewerIds: [world.reviewer.id], lastDay: '2999-12-31' },
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
    expect(await open(any, { by: world.contractor.id })).toMatchObject({
      rejection: { code: 'may_not_open_engagement' },
    });
  });

  it('names nobody as its reviewer who opened it, may not review, or is its member by another account', async () => {
    const refused = (rules: Rules, reviewerIds: readonly Person['id'][]) =>
      open(rules, { reviewerIds }).then((opened) => (opened.ok ? null : opened.rejection));
    const code = { code: 'reviewer_not_eligible' };
    expect(await refused(any, [world.reviewer.id, world.sponsor.id])).toMatchObject({
      ...code,
      people: [{ personId: world.sponsor.id, why: 'opener' }],
    });
    expect(await refused({ ...any, own_review: true, second_person: false }, [world.sponsor.id])).toBeNull();
    const because = (why: string) => ({ ...code, people: [{ personId: world.reviewer.id, why }] });
    expect(await refused({ ...any, reviewers: { people: ['UELSE'] } }, [world.reviewer.id])).toEqual({
      ...because('not_named'),
      field: 'reviewers',
    });
    const known = { ...any, one_person: [[`UCON${world.round}`, `UREVIEW${world.round}`]] };
    expect(await refused(known, [world.reviewer.id])).toMatchObject(because('member_account'));
    const own = { ...any, one_person: [['USPONSOR', `UREVIEW${world.round}`]] };
    expect(await refused(own, [world.reviewer.id])).toMatchObject(because('opener_account'));
    const guest = await world.person(`UGUEST${world.round}`, 'guest');
    expect(await refused(any, [guest.id])).toMatchObject({ people: [{ personId: guest.id, why: 'not_full_member' }] });
  });

  it('is not opened where nobody could ever be given access in it', async () => {
    const withRules = (rules: unknown, change: Record<string, unknown> = {}) => {
      const policy = Policy.parse({ rules, engagements: { ...any, second_person: false } });
      const { inventory, ...others } = world.deps;
      return openEngagement({ ...others, inventory: { ...inventory, policy } })({
        ...{ by: world.sponsor.id, name: 'Rules', vendor: 'Acme', channelId: 'C1', memberIds: [world.contractor.id] },
        ...{ targetIds: ['web-01'], scopes: ['shell'], reviewerIds: [world.reviewer.id], lastDay: '2999-12-31' },
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
    const second = await world.person(`USECOND${world.round}`);
    const both = [world.reviewer.id, second.id];
    expect(await withRules([two], { reviewerIds: both })).toMatchObject({ ok: true });
    expect(await withRules([one, two], { scopes: ['files-ro'] })).toMatchObject({ ok: true });
  });

  it('that is the first on a label waits for a second person, and the next one does not', async () => {
    const [web] = world.targets;
    if (!web) throw new Error('no target');
    world.targets.push(Target.parse({ ...web, id: 'new-01', labels: { team: 'new' } }));
    const onNew = { targetIds: ['new-01'] };
    const rules = { ...any, one_person: [[`UALSO${world.round}`, 'USPONSOR']] };
    expect(await open({ ...any, own_review: true }, { ...onNew, reviewerIds: [world.sponsor.id] })).toMatchObject({
      rejection: { code: 'nobody_to_confirm' },
    });
    const opened = granted(await open(rules, onNew));
    expect(opened.confirmedAt).toBeNull();
    const asked = await store.sql("select notice from outbox where kind = 'engagement_confirm'");
    expect(asked.map((row) => row['notice'])).toContainEqual({
      ...{ kind: 'engagement_confirm', engagementId: opened.id, to: world.reviewer.id },
    });
    expect(await world.ask({ engagementId: opened.id })).toMatchObject({
      rejection: { code: 'engagement_unconfirmed' },
    });
    const also = await world.person(`UALSO${world.round}`);
    const confirm = (by: Person) => confirmEngagement(under(rules))({ by: by.id, engagementId: opened.id });
    for (const nobody of [world.sponsor, world.contractor, also]) {
      expect(await confirm(nobody)).toMatchObject({ ok: false, rejection: { code: 'may_not_confirm' } });
    }
    const both = await Promise.all([confirm(world.reviewer), confirm(world.reviewer)]);
    expect(both.filter((each) => each.ok)).toHaveLength(1);
    expect(await world.ask({ engagementId: opened.id, ...onNew })).toMatchObject({ ok: true });
    expect(granted(await open(rules, onNew)).confirmedAt).not.toBeNull();
  });

  it('waits for a second person on a label that targets of an earlier one were given only afterwards', async () => {
    const [web] = world.targets;
    if (!web) throw new Error('no target');
    const labelled = (id: string, team: string) =>
      Target.parse({ ...web, id, labels: { team: `${team}${world.round}` } });
    world.targets.push(labelled('one-01', 'looked-at'), labelled('one-02', 'unseen'));
    const rules = { ...any, openers: [{ people: ['USPONSOR'], labels: { team: `looked-at${world.round}` } }] };
    const first = granted(await open(rules, { targetIds: ['one-01'] }));
    granted(await confirmEngagement(under(rules))({ by: world.reviewer.id, engagementId: first.id }));
    const isConfirmed = async (targetIds: string[]) => granted(await open(any, { targetIds })).confirmedAt !== null;
    expect(await isConfirmed(['one-01'])).toBe(true);
    world.targets.splice(-2, 1, labelled('one-01', 'unseen'));
    expect(await isConfirmed(['one-02'])).toBe(false);
    expect(await isConfirmed(['one-01'])).toBe(false);
    expect((await store.transaction((tx) => tx.engagements.byId(first.id)))?.labels).toEqual([
      `team=looked-at${world.round}`,
    ]);
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
    world.targets.push(Target.parse({ ...web, id: 'two-01', labels: { env: `e${world.round}` } }));
    const rules = { ...any, openers: [{ people: 'any', labels: { env: `e${world.round}` } }] };
    const opened = granted(await open(rules, { targetIds: ['two-01'] }));
    const confirm = () => confirmEngagement(under(rules))({ by: world.reviewer.id, engagementId: opened.id });
    const [target] = world.targets.splice(-1, 1, Target.parse({ ...web, id: 'two-01', labels: { env: 'other' } }));
    expect(await confirm()).toEqual({ ok: false, rejection: { code: 'opener_may_not', targetId: 'two-01' } });
    world.targets.splice(-1, 1, target as Target);
    expect(await confirm()).toMatchObject({ ok: true, value: { labels: [`env=e${world.round}`] } });
  });

  it('is reviewed by who is in a group since a day, as it was read', async () => {
    const rules = { ...any, reviewers: { groups: ['S0REVIEW'] }, second_person: false };
    const see = (userIds: string[]) => seeGroup(world.deps)({ groupId: 'S0REVIEW', userIds });
    await see([`UREVIEW${world.round}`]);
    expect(await open(rules)).toMatchObject({ ok: true });
    const late = await world.person(`ULATE${world.round}`);
    await see([`UREVIEW${world.round}`, `ULATE${world.round}`]);
    expect(await open(rules, { reviewerIds: [late.id] })).toMatchObject({
      rejection: { code: 'reviewer_not_eligible' },
    });
    await see([`ULATE${world.round}`]);
    expect(await open(rules)).toMatchObject({ rejection: { code: 'reviewer_not_eligible' } });
  });
});
