import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeEnded } from '../../../../src/use-cases/offboarding/close-engagement.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { DAYPASS, GrantedWorld } from '../../../support/worlds/granted-world.ts';
import { offboarding } from '../../../support/worlds/offboard-world.ts';

let world: GrantedWorld;
let task: ReturnType<typeof offboarding>;
beforeEach(async () => {
  world = await GrantedWorld.open();
  task = offboarding(world);
});
afterEach(() => world[Symbol.asyncDispose]());

const engagement = () => world.store.transaction((tx) => tx.engagements.byId(world.engagement.id));
const ended = () => closeEnded(world.deps)();
/** Its last day, as the database has it. */
const lastDay = async (day: string): Promise<void> => {
  const { id } = world.engagement;
  await world.store.sql('update engagement set last_day = $1 where id = $2', [day, id]);
  await world.store.transaction(async (tx) => {
    // Sealed anew, as if it had been opened so.
    await tx.engagements.offboard(id, world.contractor.id, world.now);
    await tx.engagements.readmit(id, world.contractor.id, world.now);
  });
};

describe('an engagement that is closed', () => {
  it('ends what everybody has in it, for good, and its root says so', async () => {
    const grant = await world.grant();
    await world.session(1, grant);
    const request = await task.asked();
    await world.traces();
    const begun = granted(await task.close({ by: world.sponsor.id, reason: 'Done early' }));
    expect(begun).toMatchObject({
      ...{ personId: null, engagementIds: [world.engagement.id], why: 'closed', reason: 'Done early', keys: 0 },
      parts: [{ engagementId: world.engagement.id, grants: 1, requests: 1, sessions: 1 }],
    });
    expect(await engagement()).toMatchObject({ closedAt: world.now, closedBy: world.sponsor.id });
    expect(await world.store.transaction((tx) => tx.requests.byId(request.id))).toMatchObject({ status: 'withdrawn' });
    const { events } = await world.traces();
    expect(events.map(({ type }) => type)).toEqual([
      ...['engagement_closed', 'request_withdrawn', 'grant_revoked', 'person_offboarded'],
    ]);
    expect(await world.store.sql(`select lane from outbox where kind = 'engagement_updated'`)).toEqual([
      { lane: world.thread },
    ]);
    // Who asks is a member, and is told why all the same.
    expect(await task.ask()).toMatchObject({ rejection: { code: 'engagement_closed', at: world.now } });
    expect(await task.close()).toMatchObject({ rejection: { code: 'already_closed', at: world.now } });
  });

  it.each([
    ['its sponsor', () => ({ by: world.sponsor.id }), true],
    ['security', () => ({ by: world.stranger.id, isSecurity: true }), true],
    ['an operator', () => ({}), true],
    ['a reviewer', () => ({ by: world.reviewer.id }), false],
    ['a member', () => ({ by: world.contractor.id }), false],
    ['a stranger', () => ({ by: world.stranger.id }), false],
  ] as const)('may be by %s', async (_, input, may) => {
    const closed = await task.close(input());
    expect(closed.ok ? true : closed.rejection.code).toBe(may || 'may_not_close');
    expect((await engagement())?.closedAt).toEqual(may ? world.now : null);
  });
});

describe('the last day of an engagement', () => {
  it('closes it once it is over, once, however long nobody was there to do it', async () => {
    await lastDay('2030-05-02');
    await world.grant({ seconds: 600 });
    expect(await ended()).toBe(0);
    world.now = world.later(40 * 86_400);
    await world.access.channelRead('C1', [world.contractor]);
    await world.traces();
    expect([await ended(), await ended()]).toEqual([1, 0]);
    expect(await engagement()).toMatchObject({ closedAt: world.now, closedBy: null });
    const { events } = await world.traces();
    expect(events.map(({ type, actor }) => [type, actor])).toEqual([
      ['engagement_closed', DAYPASS],
      ['person_offboarded', DAYPASS],
    ]);
    const [begun] = await world.store.transaction((tx) => tx.offboardings.list(10));
    expect(begun).toMatchObject({ why: 'last_day', engagementIds: [world.engagement.id] });
  });

  it('is no task where it was over before there were such tasks', async () => {
    await lastDay('2030-05-01');
    await world.store.sql('update engagement set ended_before = true');
    expect(await ended()).toBe(0);
  });
});
