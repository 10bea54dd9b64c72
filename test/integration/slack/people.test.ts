import { webApi } from '@slack/bolt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Target } from '../../../src/access/target.ts';
import { createLog } from '../../../src/log.ts';
import { PeopleWatch } from '../../../src/slack/readings/people.ts';
import { type Found, SlackUnavailable } from '../../../src/slack/workspace/directory.ts';
import { openEngagement } from '../../../src/use-cases/engagements/open-engagement.ts';
import { AccessWorld, granted } from '../../support/worlds/access-world.ts';
import { openTestStore, type TestStore } from '../../support/worlds/store.ts';

const COUNT = 12;
const QUICK = { eachMs: 1, burst: 100, roundMs: 3_600_000, restFirstMs: 10, restMaxMs: 20, askAgainMs: 50 };

const refusedWith = (error: string) => new webApi.WebAPIPlatformError({ ok: false, error });

describe('the readings of people', () => {
  let store: TestStore;
  let world: AccessWorld;
  let now: Date;
  let asked: string[];
  let answers: (userId: string) => 'active' | 'deactivated' | 'not shown' | 'of another workspace' | Error;
  let members: string[];
  let watch: PeopleWatch | null;
  let shown: () => Promise<object>;
  let info: () => Promise<object>;

  const found = (userId: string, active: boolean, teamId = 'T1'): Found => ({
    account: { teamId, userId, enterpriseId: null },
    profile: { name: userId, standing: 'guest', active },
    timeZone: 'UTC',
  });
  const start = (): PeopleWatch => {
    const find = async (userId: string): Promise<Found | null> => {
      asked.push(userId);
      const answer = answers(userId);
      if (answer instanceof Error) throw new SlackUnavailable(answer);
      if (answer === 'of another workspace') return found(userId, true, 'T2');
      return answer === 'not shown' ? null : found(userId, answer === 'active');
    };
    const web = { conversations: { members: async () => ({ ok: true, ...(await shown()) }), info } };
    const edge = { ...world.deps, directory: { find, lookup: async () => null }, web, log: createLog('silent') };
    watch = new PeopleWatch(edge as unknown as ConstructorParameters<typeof PeopleWatch>[0], QUICK);
    return watch;
  };
  const isActive = async (userId: string): Promise<boolean> =>
    (await world.store.transaction((tx) => tx.persons.byUserId(userId)))[0]?.active ?? false;
  const channelReadAt = async (): Promise<Date | undefined> =>
    (await store.transaction((tx) => tx.engagements.all()))[0]?.channelReadAt;
  const all = Array.from({ length: COUNT }, (_, n) => `U${n + 1}`);

  beforeEach(async () => {
    now = new Date();
    asked = [];
    answers = () => 'active';
    members = [...all];
    watch = null;
    shown = async () => ({ members });
    info = async () => Promise.reject(refusedWith('channel_not_found'));
    store = await openTestStore('postgres');
    world = AccessWorld.over(store, { now: () => now });
    const host_keys = [world.keys.gatewayHostPublicKey];
    world.targets.push(Target.parse({ id: 'w', name: 'w', address: '127.0.0.1', host_keys, logins: ['deploy'] }));
    const people = [];
    for (const userId of all) {
      now = new Date(now.getTime() + 1);
      people.push(await world.person(userId, 'guest'));
    }
    now = new Date(now.getTime() + 1);
    const sponsor = await world.person('USPONSOR');
    now = new Date(now.getTime() + 1);
    const reviewer = await world.person('UREVIEW');
    granted(
      await openEngagement(world.deps)({
        ...{ by: sponsor.id, name: 'Migration', vendor: 'Acme', channelId: 'C1', targetIds: ['w'], scopes: ['shell'] },
        memberIds: people.map((person) => person.id),
        ...{ reviewerIds: [reviewer.id], lastDay: '2999-12-31', timeZone: 'UTC' },
      }),
    );
  });
  afterEach(async () => {
    await watch?.[Symbol.asyncDispose]();
    await world[Symbol.asyncDispose]();
  });

  it('go on where Slack asked for a rest, and ask everybody once', async () => {
    let refused = 0;
    answers = (userId) => {
      if (userId !== 'U5' || refused === 2) return 'active';
      refused += 1;
      return new webApi.WebAPIRateLimitedError(0.05);
    };
    start();
    await expect.poll(() => asked.length, { timeout: 10_000 }).toBe(COUNT + 2 + 2);
    expect(asked).toEqual([...all.slice(0, 5), 'U5', 'U5', ...all.slice(5), 'USPONSOR', 'UREVIEW']);
  });

  it('are not held up by one account that Slack cannot say anything about', async () => {
    answers = (userId) => (userId === 'U1' ? new Error('internal') : userId === 'U9' ? 'deactivated' : 'active');
    start();
    await expect.poll(() => isActive('U9'), { timeout: 10_000 }).toBe(false);
    expect(await isActive('U1')).toBe(true);
  });

  it.each(['not shown', 'of another workspace'] as const)(
    'ask again about who is %s, and then believe it',
    async (how) => {
      answers = (userId) => {
        if (userId !== 'U3') return 'active';
        now = new Date(now.getTime() + 15_000);
        return how;
      };
      start();
      await expect.poll(() => isActive('U3'), { timeout: 10_000 }).toBe(false);
      expect(asked.filter((userId) => userId === 'U3').length).toBe(3);
    },
  );

  it('of a channel find who left it, and ask about who is not in it', async () => {
    start();
    await expect.poll(() => asked.length, { timeout: 10_000 }).toBe(COUNT + 2);
    asked = [];
    members = all.slice(1);
    answers = (userId) => (userId === 'U1' ? 'deactivated' : 'active');
    await watch?.readChannel('C1', null);
    await expect.poll(() => isActive('U1'), { timeout: 10_000 }).toBe(false);
    expect(asked).toEqual(['U1']);
    const [engagement] = await world.store.transaction((tx) => tx.engagements.inChannel('C1'));
    expect(engagement?.leftIds).toHaveLength(1);
  });

  const told = async (): Promise<readonly object[]> =>
    (await store.sql("select notice from outbox where kind like 'channel%' order by id")).map(
      (row) => row['notice'] as object,
    );

  it.each(['channel_not_found', 'not_in_channel', 'is_archived', 'access_denied', 'missing_scope'])(
    'of a channel that is refused with %s tell security once, and go on with others',
    async (error) => {
      shown = async () => Promise.reject(refusedWith(error));
      const reading = start();
      await expect.poll(() => asked.length, { timeout: 10_000 }).toBe(COUNT + 2);
      await expect.poll(told, { timeout: 10_000 }).toMatchObject([{ kind: 'channel_refused', error }]);
      await reading.readChannel('C1', null);
      shown = async () => ({ members });
      await reading.readChannel('C1', null);
      await expect.poll(told, { timeout: 10_000 }).toMatchObject([{ error }, { kind: 'channel_read_again' }]);
    },
  );

  it('of a channel with more members than are read tell security, and do not count it as read', async () => {
    let pages = 0;
    shown = async () => {
      pages += 1;
      return { members: [`UMANY${pages}`], response_metadata: { next_cursor: 'more' } };
    };
    const before = await channelReadAt();
    start();
    await expect
      .poll(told, { timeout: 10_000 })
      .toMatchObject([{ kind: 'channel_refused', error: 'too_many_members' }]);
    expect(pages).toBe(40);
    expect(await channelReadAt()).toEqual(before);
  });

  it('of a channel that has another id by now, which nobody heard of, go on there and tell nobody', async () => {
    let refused = 0;
    info = async () => ({ ok: true, channel: { id: 'C1NOW' } });
    shown = async () => {
      if (refused > 0) return { members };
      refused += 1;
      throw refusedWith('channel_not_found');
    };
    now = new Date(now.getTime() + 60_000);
    start();
    await expect.poll(channelReadAt, { timeout: 10_000 }).toEqual(now);
    const [engagement] = await store.transaction((tx) => tx.engagements.all());
    expect(engagement?.channelId).toBe('C1NOW');
    expect(await told()).toEqual([]);
  });

  it('spend nothing on channels in which there is no engagement', async () => {
    let calls = 0;
    shown = async () => {
      calls += 1;
      return { members };
    };
    const reading = start();
    await expect.poll(() => asked.length, { timeout: 10_000 }).toBe(COUNT + 2);
    for (let n = 0; n < 60; n += 1) await reading.readChannel(`CSTRANGE${n}`, null);
    await reading.readChannel('C1', null);
    await expect.poll(() => calls, { timeout: 10_000 }).toBe(2);
  });

  it('spend nothing on strangers, however many events speak of them', async () => {
    const reading = start();
    await expect.poll(() => asked.length, { timeout: 10_000 }).toBe(COUNT + 2);
    for (let n = 0; n < 60; n += 1) await reading.read(`USTRANGER${n}`);
    await reading.read('U2');
    await expect.poll(() => asked.length, { timeout: 10_000 }).toBe(COUNT + 3);
    expect(asked.at(-1)).toBe('U2');
  });
});
