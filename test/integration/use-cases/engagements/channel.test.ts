import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engagement } from '../../../../src/access/engagement.ts';
import type { Person } from '../../../../src/access/person.ts';
import { missChannel, tellOfUnreadChannels } from '../../../../src/use-cases/engagements/channel-in-doubt.ts';
import { openEngagement } from '../../../../src/use-cases/engagements/open-engagement.ts';
import { seeChannel } from '../../../../src/use-cases/engagements/see-channel.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { DAYPASS, GrantedWorld } from '../../../support/worlds/granted-world.ts';

let world: GrantedWorld;
let second: Person;
let engagement: Engagement;
beforeEach(async () => {
  world = await GrantedWorld.open('web-01');
  second = await world.access.person('USECOND', 'guest');
  engagement = await open('C7');
  await world.traces();
});
afterEach(() => world[Symbol.asyncDispose]());

const SECURITY = 'security';
const open = async (channelId: string, lastDay = '2999-12-31') =>
  granted(
    await openEngagement(world.deps)({
      ...{ by: world.sponsor.id, name: 'Other', vendor: 'Acme', channelId, scopes: ['shell'], timeZone: 'UTC' },
      ...{ memberIds: [world.contractor.id, second.id], targetIds: ['web-01'], reviewerIds: [world.reviewer.id] },
      lastDay,
    }),
  );
/** Slack says who is in the channel, asked at this moment or so many seconds before. */
const see = (userIds: readonly string[], { left = [] as readonly string[], ago = 0, channelId = 'C7' } = {}) =>
  seeChannel(world.deps)({
    ...{ channelId, at: world.later(-ago), userIds: new Set(userIds), leftUserIds: new Set(left) },
  });
const leftOf = async ({ id }: Engagement) =>
  (await world.store.transaction((tx) => tx.engagements.byId(id)))?.leftIds ?? [];
const events = async () => (await world.traces()).events;
const member = (type: string, { id }: Person, of = engagement) => ({
  ...{ type, actor: DAYPASS, facts: { engagement: of.id, person: id } },
});

describe('a channel that is read', () => {
  it('has its members, who leave once they were there, and come back', async () => {
    const { contractor } = world;
    // Who never was there has not left.
    await see(['UCON', 'USOMEBODY']);
    expect(await leftOf(engagement)).toEqual([]);
    expect(await events()).toEqual([]);
    await see([]);
    expect(await leftOf(engagement)).toEqual([contractor.id]);
    expect(await events()).toEqual([member('member_left', contractor)]);
    await see([]);
    expect(await events()).toEqual([]);
    await see(['UCON', 'USECOND']);
    expect(await leftOf(engagement)).toEqual([]);
    expect(await events()).toEqual([member('member_returned', contractor)]);
    await see(['UCON']);
    expect(await events()).toEqual([member('member_left', second)]);
  });

  it('says itself who left, and who is there is there all the same', async () => {
    await see(['UCON'], { left: ['UCON', 'USECOND'] });
    expect(await leftOf(engagement)).toEqual([second.id]);
    expect(await events()).toEqual([member('member_left', second)]);
  });

  it('takes what was granted in it from who left, and from nobody else', async () => {
    const { contractor, access, reviewer } = world;
    const here = await world.grant({}, engagement);
    const there = await world.grant();
    await access.registered(second);
    const theirs = await access.grant(second, reviewer, engagement);
    await see(['UCON', 'USECOND']);
    await world.traces();
    await see(['USECOND']);
    const end = async ({ id }: typeof here) => (await world.store.transaction((tx) => tx.grants.byId(id)))?.end;
    expect(await end(here)).toEqual({
      ...{ how: 'revoked', at: world.now, by: null, comment: 'no longer in the channel of the engagement' },
    });
    expect([await end(there), await end(theirs)]).toEqual([null, null]);
    const { notices } = await world.traces();
    expect(notices.filter(([lane]) => lane === SECURITY).map(([, notice]) => notice)).toEqual([
      {
        ...{ kind: 'person_gone', personId: contractor.id, why: 'left_channel', engagementId: engagement.id },
        ...{ at: world.now.toISOString(), grants: 1, sessions: 0 },
      },
    ]);
  });

  it('is what Slack was asked for last, whichever answer comes last, and of work that is not over', async () => {
    await see(['UCON']);
    await see([], { ago: 10 });
    expect(await leftOf(engagement)).toEqual([]);
    const today = await open('C8', '2030-05-02');
    await see(['UCON'], { channelId: 'C8' });
    world.now = new Date('2030-05-03T00:00:00Z');
    await world.traces();
    await see([], { channelId: 'C8' });
    expect(await leftOf(today)).toEqual([]);
    expect(await world.traces()).toEqual({ events: [], notices: [] });
  });

  it('is told to be read again, where security had heard that it was not', async () => {
    const more = await open('C7');
    await missChannel(world.deps)({ channelId: 'C7', error: 'not_in_channel' });
    await world.traces();
    await see(['UCON']);
    const [one, two] = [engagement.id, more.id];
    expect(await world.traces()).toEqual({
      events: [
        {
          ...{ type: 'channel_read_again', actor: DAYPASS },
          facts: { engagements: expect.arrayContaining([one, two]) },
        },
      ],
      notices: [
        [
          SECURITY,
          {
            ...{ kind: 'channel_read_again', at: world.now.toISOString(), count: 2 },
            engagementIds: expect.arrayContaining([one, two]),
          },
        ],
      ],
    });
    await see(['UCON']);
    expect(await world.traces()).toEqual({ events: [], notices: [] });
  });
});

describe('a channel that Slack does not show', () => {
  it('is told to security at once, once, with the moment from which on access rests', async () => {
    world.now = world.later(600);
    const read = world.now;
    await see(['UCON']);
    world.now = world.later(60);
    const miss = () => missChannel(world.deps)({ channelId: 'C7', error: 'not_in_channel' });
    await open('C7', '2030-05-02');
    await world.traces();
    await miss();
    const at = world.now.toISOString();
    const found = await world.traces();
    expect(found.events).toMatchObject([{ type: 'channel_refused', facts: { error: 'not_in_channel' } }]);
    expect(found.notices).toMatchObject([
      [
        SECURITY,
        {
          ...{ kind: 'channel_refused', at, error: 'not_in_channel', count: 2 },
          restsAt: new Date(read.getTime() + 5_400_000).toISOString(),
        },
      ],
    ]);
    await miss();
    expect(await world.traces()).toEqual({ events: [], notices: [] });
    await missChannel(world.deps)({ channelId: 'C9', error: 'not_in_channel' });
    expect(await world.traces()).toEqual({ events: [], notices: [] });
  });

  it('is of no matter where the work in it is over', async () => {
    await open('C8', '2030-05-02');
    world.now = new Date('2030-05-03T00:00:00Z');
    await world.traces();
    await missChannel(world.deps)({ channelId: 'C8', error: 'not_in_channel' });
    expect(await world.traces()).toEqual({ events: [], notices: [] });
  });

  it('for too long is told once, where there is something that rests', async () => {
    const tell = tellOfUnreadChannels(world.deps);
    const grant = await world.grant({ seconds: 8 * 3_600 }, engagement);
    for (const n of [1, 2]) await world.session(n, grant);
    const short = await world.grant({ seconds: 60 });
    await world.session(3, short);
    world.now = world.later(5_400);
    await world.traces();
    expect(await tell()).toBe(0);
    world.now = world.later(1);
    await see(['UCON'], { channelId: 'C1' });
    expect(await tell()).toBe(1);
    const at = world.now.toISOString();
    const facts = { engagements: [engagement.id], sessions: 2, seconds: 5_400 };
    const { events, notices } = await world.traces();
    expect(events).toEqual([{ type: 'channels_in_doubt', actor: DAYPASS, facts }]);
    expect(notices).toEqual([
      [
        SECURITY,
        {
          ...{ kind: 'channels_in_doubt', at, engagementIds: [engagement.id], count: 1, sessions: 2 },
          doubtSeconds: 5_400,
        },
      ],
    ]);
    expect(await tell()).toBe(0);
    expect(await world.traces()).toEqual({ events: [], notices: [] });
  });

  it('is told of where nothing but a session is left in it', async () => {
    const grant = await world.grant({ seconds: 60 }, engagement);
    await world.session(1, grant);
    world.now = world.later(5_401);
    expect(await tellOfUnreadChannels(world.deps)()).toBe(1);
  });
});
