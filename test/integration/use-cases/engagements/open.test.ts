import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Person } from '../../../../src/access/person.ts';
import { Policy } from '../../../../src/access/policy.ts';
import { confirmEngagement } from '../../../../src/use-cases/engagements/confirm-engagement.ts';
import { type OpenEngagementInput, openEngagement } from '../../../../src/use-cases/engagements/open-engagement.ts';
import { seeGroup } from '../../../../src/use-cases/engagements/reviewer-facts.ts';
import { requestId } from '../../../support/samples/samples.ts';
import { ANYBODY, granted } from '../../../support/worlds/access-world.ts';
import { actorOfPerson, GrantedWorld } from '../../../support/worlds/granted-world.ts';

let world: GrantedWorld;
beforeEach(async () => {
  world = await GrantedWorld.open('web-01', 'db-01');
  world.access.addTargets('app-01');
  const [web, db, app] = world.access.targets;
  if (!web || !db || !app) throw new Error('no targets');
  world.access.targets.splice(0, 3, { ...web, labels: { env: 'a' } }, { ...db, labels: { env: 'b' } }, app);
  await world.traces();
});
afterEach(() => world[Symbol.asyncDispose]());

const RULES = [{ name: 'one', max_duration: 'PT8H' }];
const OPEN = { openers: [{ people: 'any' }], reviewers: { people: 'any' } } as const;
const under = (engagements: unknown, rules: readonly object[] = RULES) => ({
  ...world.deps,
  inventory: { ...world.deps.inventory, policy: Policy.parse({ rules, engagements }) },
});
const open = (change: Partial<OpenEngagementInput> = {}, deps = under(ANYBODY)) =>
  openEngagement(deps)({
    ...{ by: world.sponsor.id, name: ' New ', vendor: ' Northwind ', channelId: 'C7' },
    ...{ memberIds: [world.contractor.id], targetIds: ['web-01'], scopes: ['shell'] },
    ...{ reviewerIds: [world.reviewer.id], lastDay: '2030-06-30', timeZone: 'UTC' },
    ...change,
  });
const refusal = async (...input: Parameters<typeof open>): Promise<unknown> => {
  const opened = await open(...input);
  return opened.ok ? null : opened.rejection;
};
const stored = (id: Parameters<ReturnType<typeof confirmEngagement>>[0]['engagementId']) =>
  world.store.transaction((tx) => tx.engagements.byId(id));

describe('an engagement', () => {
  it('is opened as it was written, each name once, and its thread begins', async () => {
    const { contractor, reviewer, sponsor } = world;
    const second = await world.access.person('USECOND');
    await world.traces();
    const opened = granted(
      await open({
        ...{ memberIds: [contractor.id, contractor.id], targetIds: ['db-01', 'web-01', 'web-01'] },
        ...{ scopes: ['files-rw', 'shell', 'shell'], reviewerIds: [reviewer.id, second.id, reviewer.id] },
      }),
    );
    expect(opened).toEqual({
      ...{ id: opened.id, name: 'New', vendor: 'Northwind', channelId: 'C7', sponsorId: sponsor.id },
      ...{ memberIds: [contractor.id], leftIds: [], targetIds: ['web-01', 'db-01'], scopes: ['files-rw', 'shell'] },
      ...{ reviewerIds: [reviewer.id, second.id], lastDay: '2030-06-30', timeZone: 'UTC' },
      ...{ logins: null, firstDay: null, hours: null, reference: null },
      ...{ createdAt: world.now, confirmedAt: world.now, channelReadAt: world.now, labels: ['env=a', 'env=b'] },
      ...{ offboardedIds: [], closedAt: null, closedBy: null },
    });
    const kept = await stored(opened.id);
    expect({ ...kept, reviewerIds: new Set(kept?.reviewerIds) }).toEqual({
      ...opened,
      reviewerIds: new Set(opened.reviewerIds),
    });
    expect(await world.traces()).toEqual({
      events: [
        {
          ...{ type: 'engagement_opened', actor: actorOfPerson(sponsor) },
          facts: {
            ...{ engagement: opened.id, members: [contractor.id], reviewers: [reviewer.id, second.id] },
            ...{ targets: ['web-01', 'db-01'], scopes: ['files-rw', 'shell'], lastDay: '2030-06-30', confirmed: true },
          },
        },
      ],
      notices: [[`thread:${opened.id}`, { kind: 'engagement_opened', engagementId: opened.id }]],
    });
  });

  it('has its name for a vendor where none is given', async () => {
    expect(granted(await open({ vendor: '  ' })).vendor).toBe('New');
  });

  const PEOPLE = (field: string) => ({ code: 'unknown_person', field });
  it.each<[string, () => Partial<OpenEngagementInput>, object | null]>([
    ['no name', () => ({ name: ' \n' }), { code: 'name_missing', field: 'name' }],
    ['a name too long', () => ({ name: 'x'.repeat(81) }), { code: 'name_missing', field: 'name' }],
    ['a name as long as may be', () => ({ name: ` ${'x'.repeat(80)} ` }), null],
    ['no target', () => ({ targetIds: [] }), { code: 'no_targets', field: 'targets' }],
    [
      'a target that is none',
      () => ({ targetIds: ['web-01', 'zz-01'] }),
      { code: 'unknown_target', targetId: 'zz-01', field: 'targets' },
    ],
    ['no scope', () => ({ scopes: [] }), { code: 'unknown_scope', scope: '', field: 'scopes' }],
    [
      'a scope that is none',
      () => ({ scopes: ['shell', 'exec:x'] }),
      { code: 'unknown_scope', scope: 'exec:x', field: 'scopes' },
    ],
    ['no day', () => ({ lastDay: 'soon' }), { code: 'last_day_past', field: 'last_day' }],
    ['no time zone', () => ({ timeZone: 'Mars/Olympus' }), { code: 'last_day_past', field: 'last_day' }],
    ['a day that is over', () => ({ lastDay: '2030-05-01' }), { code: 'last_day_past', field: 'last_day' }],
    ['today', () => ({ lastDay: '2030-05-02' }), null],
    ['no member', () => ({ memberIds: [] }), PEOPLE('members')],
    [
      'a member whom nobody knows',
      () => ({ memberIds: [world.contractor.id, requestId(9) as never] }),
      PEOPLE('members'),
    ],
    ['no reviewer', () => ({ reviewerIds: [] }), PEOPLE('reviewers')],
    [
      'a reviewer whom nobody knows',
      () => ({ reviewerIds: [world.reviewer.id, requestId(9) as never] }),
      PEOPLE('reviewers'),
    ],
    ['an opener whom nobody knows', () => ({ by: requestId(9) as never }), { code: 'person_inactive' }],
    ['a guest for its opener', () => ({ by: world.contractor.id }), { code: 'may_not_open_engagement' }],
  ])('with %s is opened or refused', async (_, change, expected) => {
    expect(await refusal(change())).toEqual(expected);
    if (expected !== null) expect(await world.traces()).toEqual({ events: [], notices: [] });
  });

  it('is for who may open one, for these targets', async () => {
    const named = (openers: readonly object[]) => under({ ...ANYBODY, openers });
    expect(await refusal({}, under(undefined))).toEqual({ code: 'nobody_may_open' });
    expect(await refusal({}, named([{ people: ['UOTHER'] }]))).toEqual({ code: 'may_not_open_engagement' });
    const some = named([{ people: ['USPONSOR'], labels: { env: 'a' } }]);
    expect(await refusal({}, some)).toBeNull();
    expect(await refusal({ targetIds: ['web-01', 'db-01'] }, some)).toEqual({
      ...{ code: 'may_not_open_for', targetId: 'db-01', field: 'targets' },
    });
    const since = world.now;
    world.now = world.later(5_401);
    expect(await refusal()).toEqual({ code: 'person_unconfirmed', since });
  });

  it('is for who is in a group since a day', async () => {
    const grouped = under({ ...ANYBODY, openers: [{ groups: ['S1A'] }] });
    const see = (...userIds: readonly string[]) => seeGroup(world.deps)({ groupId: 'S1A', userIds });
    expect(await refusal({}, grouped)).toEqual({ code: 'may_not_open_engagement' });
    // Who is in it when it is read for the first time was in it before.
    await see('USPONSOR');
    expect(await refusal({}, grouped)).toBeNull();
    await see('USPONSOR', 'USTRANGER');
    expect(await refusal({ by: world.stranger.id }, grouped)).toEqual({ code: 'may_not_open_engagement' });
    world.now = world.later(86_400);
    for (const person of [world.stranger, world.reviewer]) await world.seen(person, { active: true });
    expect(await refusal({ by: world.stranger.id }, grouped)).toBeNull();
  });

  it('names reviewers who may be, and says of each other why not', async () => {
    const { reviewer, sponsor, contractor, stranger } = world;
    const guest = await world.access.person('UGUEST', 'guest');
    const also = await world.access.person('UALSO');
    const deps = under({ ...OPEN, second_person: false, one_person: [['UALSO', 'UCON']] });
    const reviewerIds = [reviewer.id, sponsor.id, contractor.id, guest.id, also.id, stranger.id];
    const rejection = (await refusal({ reviewerIds }, deps)) as { people: readonly object[] };
    expect(rejection).toMatchObject({ code: 'reviewer_not_eligible', field: 'reviewers' });
    expect(new Set(rejection.people)).toEqual(
      new Set([
        { personId: sponsor.id, why: 'opener' },
        { personId: contractor.id, why: 'member' },
        { personId: guest.id, why: 'not_full_member' },
        { personId: also.id, why: 'member_account' },
      ]),
    );
  });

  it('is not reviewed by a colleague, through whichever account they are one', async () => {
    const colleague = await world.access.person('UCOLLEAGUE');
    const theirs = await world.access.person('UTHEIRS', 'guest');
    granted(await open({ memberIds: [theirs.id], vendor: 'Northwind' }));
    const reviewerIds = [colleague.id];
    const deps = (one_person: readonly string[][]) => under({ ...ANYBODY, one_person });
    const ask = { reviewerIds, vendor: 'north wind' };
    expect(await refusal(ask, deps([]))).toBeNull();
    expect(await refusal(ask, deps([['UX', 'UY']]))).toBeNull();
    expect(
      await refusal(
        ask,
        deps([
          ['UX', 'UY'],
          ['UTHEIRS', 'UCOLLEAGUE'],
        ]),
      ),
    ).toMatchObject({
      people: [{ personId: colleague.id, why: 'vendor' }],
    });
    expect(await refusal({ ...ask, vendor: 'Other' }, deps([['UTHEIRS', 'UCOLLEAGUE']]))).toBeNull();
  });

  it('is refused where nothing in it could ever be granted', async () => {
    const second = await world.access.person('USECOND');
    const two = { name: 'two', labels: { env: 'b' }, approvals: 2, max_duration: 'PT1H' };
    const files = { name: 'files', scopes: ['files-rw'], max_duration: 'PT1H' };
    expect(await refusal({}, under(ANYBODY, [files]))).toEqual({ code: 'nothing_allowed', field: 'scopes' });
    expect(await refusal({ scopes: ['shell', 'files-rw'] }, under(ANYBODY, [files]))).toBeNull();
    const both = { targetIds: ['web-01', 'db-01'], scopes: ['files-rw', 'shell'] };
    const tooFew = {
      ...{
        code: 'too_few_reviewers',
        targetId: 'db-01',
        scope: 'files-rw',
        rule: 'two',
        needed: 2,
        field: 'reviewers',
      },
    };
    expect(await refusal(both, under(ANYBODY, [two, ...RULES]))).toEqual(tooFew);
    const reviewerIds = [world.reviewer.id, second.id];
    expect(await refusal({ ...both, reviewerIds }, under(ANYBODY, [two, ...RULES]))).toBeNull();
    const one = under({ ...ANYBODY, one_person: [['USECOND', 'UREVIEW']] }, [two, ...RULES]);
    expect(await refusal({ ...both, reviewerIds }, one)).toEqual(tooFew);
  });
});

describe('the first engagement on a label', () => {
  const STRICT = { ...ANYBODY, second_person: true };
  const confirm = (by: Person, engagementId: Parameters<typeof stored>[0], deps = under(STRICT)) =>
    confirmEngagement(deps)({ by: by.id, engagementId });
  const why = async (...input: Parameters<typeof confirm>) => {
    const confirmed = await confirm(...input);
    return confirmed.ok ? null : confirmed.rejection;
  };

  it('waits for a second person, and the next one does not', async () => {
    const { reviewer, sponsor } = world;
    const opened = granted(await open({ targetIds: ['web-01', 'db-01'] }, under(STRICT)));
    expect(opened).toMatchObject({ confirmedAt: null, labels: [] });
    const asked = (kind: string) => [world.dm(reviewer), { kind, engagementId: opened.id, to: reviewer.id }];
    const { events, notices } = await world.traces();
    expect(events).toMatchObject([{ type: 'engagement_opened', facts: { confirmed: false } }]);
    expect(notices).toEqual([asked('engagement_confirm')]);
    world.now = world.later(60);
    const confirmed = { ...opened, confirmedAt: world.now, labels: ['env=a', 'env=b'] };
    expect(await confirm(reviewer, opened.id)).toEqual({ ok: true, value: confirmed });
    expect(await stored(opened.id)).toEqual(confirmed);
    expect(await world.traces()).toEqual({
      events: [{ type: 'engagement_confirmed', actor: actorOfPerson(reviewer), facts: { engagement: opened.id } }],
      notices: [
        [`thread:${opened.id}`, { kind: 'engagement_opened', engagementId: opened.id }],
        asked('engagement_confirm_changed'),
      ],
    });
    expect(await why(reviewer, opened.id)).toEqual({ code: 'already_confirmed', at: world.now });
    expect(granted(await open({ targetIds: ['db-01'] }, under(STRICT))).confirmedAt).toEqual(world.now);
    // A target without labels is its own.
    expect(granted(await open({ targetIds: ['db-01', 'app-01'] }, under(STRICT))).confirmedAt).toBeNull();
    expect(await why(sponsor, opened.id)).toEqual({ code: 'may_not_confirm' });
  });

  it('is not made known by one that waits', async () => {
    granted(await open({}, under(STRICT)));
    expect(granted(await open({}, under(STRICT))).confirmedAt).toBeNull();
  });

  it('is confirmed by reviewers and by whom policy names, who are neither its opener nor its members', async () => {
    const { contractor, reviewer, sponsor, stranger, access } = world;
    const [also, theirs] = [await access.person('UALSO'), await access.person('UTHEIRS')];
    const guest = await access.person('UGUEST', 'guest');
    await world.traces();
    const deps = under({
      ...STRICT,
      one_person: [
        ['UALSO', 'USPONSOR'],
        ['UTHEIRS', 'UCON'],
      ],
    });
    const confirmerIds = [reviewer, sponsor, contractor, also, theirs, guest, stranger].map(({ id }) => id);
    const opened = granted(await open({ confirmerIds }, deps));
    const asked = (await world.traces()).notices.map(([lane]) => lane);
    expect(new Set(asked)).toEqual(new Set([world.dm(reviewer), world.dm(stranger)]));
    expect(asked).toHaveLength(2);
    for (const nobody of [sponsor, contractor, also, theirs, guest]) {
      expect(await why(nobody, opened.id, deps), nobody.accounts[0]?.userId).toEqual({ code: 'may_not_confirm' });
    }
    expect(await why({ ...stranger, id: requestId(9) as never }, opened.id, deps)).toEqual({
      ...{ code: 'unknown_engagement', field: 'engagement' },
    });
    expect(await why(stranger, requestId(9) as never, deps)).toEqual({
      ...{ code: 'unknown_engagement', field: 'engagement' },
    });
    await world.seen(stranger, { active: false });
    expect(await why(stranger, opened.id, deps)).toEqual({ code: 'person_inactive' });
    await world.seen(stranger, { active: true });
    expect(await why(stranger, opened.id, deps)).toBeNull();
  });

  it('is refused where nobody could confirm it', async () => {
    const deps = under({ ...STRICT, own_review: true });
    expect(await refusal({ reviewerIds: [world.sponsor.id] }, deps)).toEqual({
      ...{ code: 'nobody_to_confirm', field: 'targets' },
    });
  });

  it('asks no more than twenty', async () => {
    const some = await Promise.all(Array.from({ length: 21 }, (_, n) => world.access.person(`UMANY${n}`)));
    await world.traces();
    granted(await open({ confirmerIds: some.map(({ id }) => id) }, under(STRICT)));
    expect((await world.traces()).notices).toHaveLength(20);
  });

  it('is not confirmed once its opener may not open it any more', async () => {
    const opened = granted(await open({}, under(STRICT)));
    const now = under({ ...STRICT, openers: [{ people: 'any', labels: { env: 'b' } }] });
    expect(await why(world.reviewer, opened.id, now)).toEqual({ code: 'opener_may_not', targetId: 'web-01' });
    expect((await stored(opened.id))?.confirmedAt).toBeNull();
    granted(await confirm(world.reviewer, opened.id));
    const at = world.now;
    world.now = world.later(60);
    expect(await why(world.reviewer, opened.id, now)).toEqual({ code: 'already_confirmed', at });
  });
});
