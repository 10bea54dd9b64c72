import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { termsOf } from '../../../../src/access/engagement-change.ts';
import { parseHours } from '../../../../src/access/hours-text.ts';
import { holdSessionsToGrants } from '../../../../src/use-cases/grants/hold-sessions.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { actorOfPerson, GrantedWorld } from '../../../support/worlds/granted-world.ts';

/** It is noon on a Thursday in UTC, and 14:00 in Berlin. */
let world: GrantedWorld;
beforeEach(async () => {
  world = await GrantedWorld.open('web-01');
});
afterEach(() => world[Symbol.asyncDispose]());

type Days = { hours?: string; firstDay?: string; lastDay?: string };
const becomes = ({ hours, ...days }: Days): Promise<void> =>
  world.store.transaction((tx) => {
    const terms = { ...termsOf(world.engagement), ...days, hours: hours ? parseHours(hours, 'Europe/Berlin') : null };
    return tx.engagements.change(world.engagement.id, terms, []);
  });
const ask = async (): Promise<object | null> => {
  const asked = await requestAccess(world.deps)({
    ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['web-01'], scope: 'shell' },
    ...{ login: world.access.login, durationSeconds: 3_600, reason: 'Move the database', ticket: null },
  });
  return asked.ok ? null : asked.rejection;
};
const at = (iso: string): Date => new Date(iso);
/** What control tells the worker that carries this session. */
async function held(): Promise<string> {
  let order = 'lives';
  const gateways = {
    carried: () => [],
    terminate: (_: readonly string[], { because }: { because: string }) => {
      order = because;
    },
    extend: () => false,
  };
  await holdSessionsToGrants({ ...world.deps, gateways })();
  return order;
}

describe('outside of its days and hours', () => {
  const NOT_BEGUN = { code: 'engagement_not_begun', beginsAt: at('2030-05-03T00:00:00Z'), field: 'engagement' };
  const SHUT = { code: 'outside_engagement_hours', opensAt: at('2030-05-02T13:00:00Z'), field: 'engagement' };
  const OVER = { code: 'engagement_over', endedAt: at('2030-05-02T00:00:00Z'), field: 'engagement' };

  it.each<[string, Days, object | null]>([
    ['before its first day', { firstDay: '2030-05-03' }, NOT_BEGUN],
    ['on its first day', { firstDay: '2030-05-02' }, null],
    ['after its last day', { lastDay: '2030-05-01' }, OVER],
    ['before its hours', { hours: 'thu 15-17' }, SHUT],
    ['in its hours', { hours: 'thu 14-17' }, null],
    ['just after its hours', { hours: 'thu 13-14, thu 15-16' }, SHUT],
  ])('%s nobody asks', async (_, days, refused) => {
    await becomes(days);
    expect(await ask()).toEqual(refused);
  });

  it.each<[string, Days, string]>([
    ['its first day was moved', { firstDay: '2030-05-03' }, 'engagement_not_begun'],
    ['its last day was moved', { lastDay: '2030-05-01' }, 'engagement_over'],
    ['its hours are over', { hours: 'thu 13-14' }, 'outside_engagement_hours'],
    ['none of that', { hours: 'thu 13-18' }, 'lives'],
  ])('a grant that was given before opens nothing, and its session ends: %s', async (_, days, then) => {
    const key = await world.access.registered(world.contractor);
    const grant = await world.grant();
    const issued = await world.store.transaction((tx) => tx.grants.certificates(grant.id));
    const certificate = issued.find(({ fingerprint }) => fingerprint === key.fingerprint)?.certificate ?? null;
    const logsIn = () => world.access.connected(key.proof(`${world.access.login}+web-01`, certificate));
    expect(await logsIn()).toBe('session');
    await world.session(1, grant);
    expect(await held()).toBe('lives');
    await becomes(days);
    expect(await held()).toBe(then);
    expect(await logsIn()).toBe(then === 'lives' ? 'session' : then);
  });
});

describe('a grant', () => {
  it.each<[string, Days, string]>([
    ['the hours close', { hours: 'thu 13:00-14:30' }, '2030-05-02T12:30:00.000Z'],
    ['the last day is over', { lastDay: '2030-05-02', hours: 'thu 14-24, fri 0-24' }, '2030-05-03T00:00:00.000Z'],
    ['it was asked for', { hours: 'thu 13-18' }, '2030-05-02T15:00:00.000Z'],
  ])('ends when %s, if that comes first', async (_, days, until) => {
    await becomes(days);
    const engagement = await world.store.transaction((tx) => tx.engagements.byId(world.engagement.id));
    if (!engagement) throw new Error('no engagement');
    const seconds = until === '2030-05-02T15:00:00.000Z' ? 3 * 3_600 : 8 * 3_600;
    if (days.lastDay) world.now = at('2030-05-02T20:00:00Z');
    await world.access.channelRead(engagement.channelId, [world.contractor]);
    for (const person of [world.contractor, world.reviewer]) await world.seen(person, { active: true });
    const grant = await world.grant({ seconds }, engagement);
    expect(grant.terms.notAfter).toBe(until);
    const issued = await world.store.transaction((tx) => tx.grants.certificates(grant.id));
    expect(issued).toHaveLength(1);
  });

  it('is not given once the hours are over, although it was asked for in them', async () => {
    const request = granted(
      await requestAccess(world.deps)({
        ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['web-01'], scope: 'shell' },
        ...{ login: world.access.login, durationSeconds: 3_600, reason: 'Move the database', ticket: null },
      }),
    );
    await becomes({ hours: 'thu 13-14' });
    await expect(world.access.approved(request, world.reviewer)).rejects.toThrow('outside_engagement_hours');
    expect((await world.traces()).events.at(-1)?.actor).toEqual(actorOfPerson(world.contractor));
  });
});
