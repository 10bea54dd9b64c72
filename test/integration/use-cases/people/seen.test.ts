import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Person } from '../../../../src/access/person.ts';
import { openEngagement } from '../../../../src/use-cases/engagements/open-engagement.ts';
import { channelsToRead, peopleToConfirm, tellOfDoubts } from '../../../../src/use-cases/people/people-in-doubt.ts';
import { missPerson, seePerson } from '../../../../src/use-cases/people/see-person.ts';
import type { Profile } from '../../../../src/use-cases/ports/directory.ts';
import { requestId } from '../../../support/samples/samples.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { DAYPASS, GrantedWorld } from '../../../support/worlds/granted-world.ts';

let world: GrantedWorld;
beforeEach(async () => {
  world = await GrantedWorld.open('web-01');
  await world.traces();
});
afterEach(() => world[Symbol.asyncDispose]());

const SECURITY = 'security';
const see = (userId: string, profile: Partial<Profile> = {}) =>
  seePerson(world.deps)({
    account: { teamId: 'T1', userId, enterpriseId: null },
    profile: { name: 'Robin', standing: 'member', active: true, ...profile },
  });
const nameOf = ({ id }: Person) => world.store.transaction((tx) => tx.persons.name(id));
const stored = ({ id }: Person) => world.store.transaction((tx) => tx.persons.byId(id));

describe('somebody whom Slack shows', () => {
  it('for the first time becomes a person, of whom the least is believed', async () => {
    const robin = await see('UROBIN');
    expect(robin).toMatchObject({
      ...{ accounts: [{ teamId: 'T1', userId: 'UROBIN', enterpriseId: null }], standing: 'member', active: true },
      ...{ confirmedAt: world.now, unseenSince: null, offboardedAt: null },
    });
    expect([await stored(robin), await nameOf(robin)]).toEqual([robin, 'Robin']);
    const nameless = await see('UNAMELESS', { name: null, standing: null, active: false });
    expect([nameless.standing, nameless.active, await nameOf(nameless)]).toEqual(['guest', false, 'UNAMELESS']);
    const facts = { team: 'T1', standing: 'member', active: true };
    expect(await world.traces()).toEqual({
      events: [
        { type: 'person_seen', actor: DAYPASS, facts: { ...facts, person: robin.id, user: 'UROBIN' } },
        {
          ...{ type: 'person_seen', actor: DAYPASS },
          facts: { team: 'T1', standing: 'guest', active: false, person: nameless.id, user: 'UNAMELESS' },
        },
      ],
      notices: [],
    });
  });

  it('again is the same, with what changed', async () => {
    const robin = await see('UROBIN');
    await world.traces();
    world.now = world.later(60);
    expect(await see('UROBIN')).toEqual({ ...robin, confirmedAt: world.now });
    expect((await world.traces()).events).toEqual([]);
    const changed = await see('UROBIN', { name: 'Robin Roe', standing: 'guest' });
    expect([await stored(robin), await nameOf(robin)]).toEqual([{ ...changed, standing: 'guest' }, 'Robin Roe']);
    expect((await world.traces()).events).toEqual([
      { type: 'person_changed', actor: DAYPASS, facts: { person: robin.id, standing: 'guest', active: true } },
    ]);
    // What Slack leaves out stays, and who is not active is confirmed by it no more.
    const before = world.now;
    world.now = world.later(60);
    const gone = await see('UROBIN', { name: null, standing: null, active: false });
    expect(gone).toEqual({ ...changed, active: false, confirmedAt: before });
    expect([await stored(robin), await nameOf(robin)]).toEqual([gone, 'Robin Roe']);
    expect(await world.traces()).toEqual({
      events: [
        { type: 'person_changed', actor: DAYPASS, facts: { person: robin.id, standing: 'guest', active: false } },
      ],
      // Nobody had work with them.
      notices: [],
    });
  });

  it.each([
    [
      'is deactivated',
      'deactivated',
      'the Slack account was deactivated',
      () => world.seen(world.contractor, { active: false }),
    ],
    [
      'is not shown for longer than a moment',
      'unseen',
      'Slack no longer shows the account',
      async () => {
        const miss = missPerson(world.deps);
        expect(await miss(world.contractor.id)).toBe('ask_again');
        expect(await stored(world.contractor)).toMatchObject({ active: true, unseenSince: world.now });
        const since = world.now;
        world.now = new Date(since.getTime() + 19_999);
        expect(await miss(world.contractor.id)).toBe('ask_again');
        expect(await stored(world.contractor)).toMatchObject({ active: true, unseenSince: since });
        world.now = new Date(since.getTime() + 20_000);
        expect(await miss(world.contractor.id)).toBe('over');
        expect(await miss(world.contractor.id)).toBe('over');
      },
    ],
  ] as const)('and then %s loses what there is, and security is told', async (_, why, comment, how) => {
    const { contractor } = world;
    const grants = [await world.grant(), await world.grant()];
    for (const n of [1, 2]) await world.session(n, grants[0] as (typeof grants)[0]);
    await world.grant({ seconds: 1 });
    world.now = world.later(1);
    await world.traces();
    world.changes.splice(0);
    await how();
    expect(await stored(contractor)).toMatchObject({ active: false });
    for (const { id } of grants) {
      const grant = await world.store.transaction((tx) => tx.grants.byId(id));
      expect(grant?.end).toEqual({ how: 'revoked', at: world.now, by: null, comment });
    }
    const { events, notices } = await world.traces();
    expect(events.map(({ type }) => type)).toEqual([
      ...(why === 'unseen' ? ['person_unseen'] : []),
      ...['person_changed', 'grant_revoked', 'grant_revoked'],
    ]);
    expect(events.find(({ type }) => type === 'person_changed')?.facts).toEqual({
      ...{ person: contractor.id, standing: 'guest', active: false },
    });
    expect(notices.filter(([lane]) => lane === SECURITY)).toEqual([
      [
        SECURITY,
        {
          ...{ kind: 'person_gone', personId: contractor.id, why, engagementId: null },
          ...{ at: world.now.toISOString(), grants: 2, sessions: 2 },
        },
      ],
    ]);
    await expect.poll(() => world.changes).toContainEqual({ kind: 'rights_changed' });
  });

  it('and who has nothing to lose is told of where they have work', async () => {
    const gone = async (person: Person) => {
      await world.seen(person, { active: false });
      return (await world.traces()).notices.filter(([lane]) => lane === SECURITY).map(([, notice]) => notice);
    };
    expect(await gone(world.contractor)).toMatchObject([{ kind: 'person_gone', grants: 0, sessions: 0 }]);
    expect(await gone(world.stranger)).toEqual([]);
    await world.seen(world.contractor, { active: true });
    world.now = new Date('3000-01-01T00:00:00Z');
    expect(await gone(world.contractor)).toEqual([]);
  });

  it('is not missed where there is nobody', async () => {
    expect(await missPerson(world.deps)(requestId(9) as never)).toBe('over');
    expect(await world.traces()).toEqual({ events: [], notices: [] });
  });
});

describe('Slack is asked', () => {
  const more = async (name: string, lastDay: string, members: readonly Person[]) =>
    granted(
      await openEngagement(world.deps)({
        ...{ by: world.sponsor.id, name, vendor: 'Acme', channelId: name, memberIds: members.map(({ id }) => id) },
        ...{ targetIds: ['web-01'], scopes: ['shell'], reviewerIds: [world.reviewer.id], lastDay, timeZone: 'UTC' },
      }),
    );

  it('about who has access, then about who works, the longest unconfirmed first', async () => {
    const { contractor, reviewer, sponsor, access } = world;
    const order = async () => (await peopleToConfirm(world.deps)()).map(({ id }) => id);
    for (const person of [sponsor, contractor, reviewer]) {
      world.now = world.later(60);
      await world.seen(person, { active: true });
    }
    expect(await order()).toEqual([sponsor.id, contractor.id, reviewer.id]);
    await world.grant();
    expect(await order()).toEqual([contractor.id, sponsor.id, reviewer.id]);
    world.now = world.later(60);
    const late = await access.person('ULATE', 'guest');
    await more('C7', '2030-05-02', [late]);
    expect(await order()).toEqual([contractor.id, sponsor.id, reviewer.id, late.id]);
    await world.seen(late, { active: false });
    expect(await order()).toEqual([contractor.id, sponsor.id, reviewer.id]);
    await world.seen(late, { active: true });
    world.now = new Date('2030-05-03T00:00:00Z');
    expect(await order()).not.toContain(late.id);
    world.now = new Date('3000-01-01T00:00:00Z');
    expect(await order()).toEqual([]);
  });

  it('about the channels of work that is not over, each once', async () => {
    const channels = channelsToRead(world.deps);
    await more('C1', '2999-12-31', [world.contractor]);
    await more('C7', '2030-05-02', [world.contractor]);
    expect(new Set(await channels())).toEqual(new Set(['C1', 'C7']));
    expect(await channels()).toHaveLength(2);
    world.now = new Date('2030-05-03T00:00:00Z');
    expect(await channels()).toEqual(['C1']);
  });

  it('in vain, and security is told once of whose access rests', async () => {
    const { contractor, reviewer, access } = world;
    const tell = tellOfDoubts(world.deps);
    const second = await access.person('USECOND', 'guest');
    const work = await more('C7', '2999-12-31', [second]);
    await access.registered(second);
    const grant = await world.grant({ seconds: 8 * 3_600 });
    await access.grant(second, reviewer, work, { seconds: 8 * 3_600 });
    for (const n of [1, 2]) await world.session(n, grant);
    world.now = world.later(5_400);
    await world.traces();
    expect(await tell()).toBe(0);
    await world.seen(second, { active: true });
    world.now = world.later(1);
    expect(await tell()).toBe(1);
    const at = world.now.toISOString();
    expect(await world.traces()).toEqual({
      events: [
        { type: 'people_in_doubt', actor: DAYPASS, facts: { people: [contractor.id], sessions: 2, seconds: 5_400 } },
      ],
      notices: [
        [
          SECURITY,
          { kind: 'people_in_doubt', at, personIds: [contractor.id], count: 1, sessions: 2, doubtSeconds: 5_400 },
        ],
      ],
    });
    expect(await tell()).toBe(0);
    expect(await world.traces()).toEqual({ events: [], notices: [] });
  });

  it('in vain about a session whose grant is over by then', async () => {
    const grant = await world.grant({ seconds: 60 });
    await world.session(1, grant);
    world.now = world.later(5_401);
    expect(await tellOfDoubts(world.deps)()).toBe(1);
  });
});
