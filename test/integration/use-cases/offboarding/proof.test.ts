import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { evidenceOf, type Offboarding } from '../../../../src/access/offboarding.ts';
import { grantId } from '../../../support/samples/samples.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { GrantedWorld } from '../../../support/worlds/granted-world.ts';
import { offboarding } from '../../../support/worlds/offboard-world.ts';
import { sessionEnd, sessionId } from '../../../support/worlds/world.ts';

let world: GrantedWorld;
let task: ReturnType<typeof offboarding>;
let begun: Offboarding;
beforeEach(async () => {
  world = await GrantedWorld.open();
  task = offboarding(world);
  const grant = await world.grant();
  await world.session(1, grant);
  begun = granted(await task.offboard());
  await delivered();
  await world.traces();
});
afterEach(() => world[Symbol.asyncDispose]());

/** Slack has what waited: what is told from now on is a message of its own. */
const delivered = () => world.store.sql(`update outbox set status = 'delivered'`);
const stored = () => task.stored(begun.id);
const over = () => world.store.transaction((tx) => tx.sessions.end(sessionId(1), sessionEnd()));
const left = async () => (await stored()).left;

describe('that nothing is left', () => {
  it('is proved by what every worker answers of this person, and told once', async () => {
    await over();
    expect([await task.prove(), await task.prove()]).toEqual([1, 0]);
    expect(task.gateways.asked).toEqual([{ personId: world.contractor.id, engagementIds: null }]);
    expect(await left()).toEqual({ at: world.now, workers: 2, answered: 2, sessions: 0, grants: 0 });
    const { events, notices } = await world.traces();
    expect(events).toMatchObject([{ type: 'offboarding_proved', facts: { offboarding: begun.id, workers: 2 } }]);
    expect(notices.map(([lane]) => lane).sort()).toEqual(['security', world.thread].sort());
  });

  it.each([
    ['while one worker does not answer', { workers: 2, answered: 1, sessions: [] }],
    ['while one carries a session', { workers: 2, answered: 2, sessions: [sessionId(7)] }],
    ['while there is no worker to ask', { workers: 0, answered: 0, sessions: [] }],
  ])('is not proved %s, is shown as such, and is asked again until it is', async (_, answer) => {
    await over();
    task.gateways.answer = answer;
    expect(await task.prove()).toBe(0);
    expect(await left()).toMatchObject({ ...answer, sessions: answer.sessions.length });
    expect((await world.traces()).notices).toHaveLength(2);
    await delivered();
    // The same answer is not told twice.
    expect(await task.prove()).toBe(0);
    expect((await world.traces()).notices).toEqual([]);
    task.gateways.answer = { workers: 2, answered: 2, sessions: [] };
    expect(await task.prove()).toBe(1);
  });

  it('is not proved while the end of a session is not written down', async () => {
    expect(await task.prove()).toBe(0);
    expect(await left()).toMatchObject({ answered: 2, sessions: 1 });
    await over();
    expect(await task.prove()).toBe(1);
  });

  it('is not proved by what another person has', async () => {
    await over();
    const other = await world.access.person('UOTHER', 'guest');
    const grant = await world.access.engagement([other], [world.reviewer]);
    expect(grant.memberIds).toEqual([other.id]);
    await world.session(
      2,
      (await world.store.transaction((tx) => tx.grants.ofPerson(world.contractor.id)))[0] as never,
      {
        personId: other.id,
      },
    );
    expect(await task.prove()).toBe(1);
  });

  it('comes after what was given at the very moment was ended too, and counts it', async () => {
    await over();
    // As by a decision that was under way when it began: the person’s state alone keeps nobody from having a row.
    const request = await secondRequest();
    await world.store.sql(
      `insert into access_grant (id, request_id, engagement_id, person_id, not_before, not_after, terms, digest, mac)
       select $1, $2, engagement_id, person_id, not_before, not_after, terms, digest, mac from access_grant`,
      [grantId(9), request],
    );
    expect(await task.prove()).toBe(1);
    expect((await stored()).parts).toMatchObject([{ grants: 2, sessions: 1 }]);
    const grants = await world.store.transaction((tx) => tx.grants.ofPerson(world.contractor.id));
    expect(grants.filter(({ end }) => end === null)).toEqual([]);
  });
});

/** A request that has no grant yet, put beside the first one. */
async function secondRequest(): Promise<string> {
  const id = 'cc000000-0000-4000-8000-000000000099';
  await world.store.sql(
    `insert into access_request select '${id}', engagement_id, person_id, ask, digest, rule, approvals, requested_at, expires_at, status, decided_at, mac from access_request limit 1`,
  );
  return id;
}

describe('the checklist', () => {
  const texts = async () => (await stored()).items.map(({ text }) => text);

  it('names the targets that they had sessions on, and leaves that item out where there are none', async () => {
    expect((await texts()).at(-1)).toBe('Stop what they left running in the background on web-01');
    const unused = await world.access.person('UUNUSED', 'guest');
    const other = granted(await task.offboard({ personId: unused.id }));
    expect(other.items).toHaveLength((await texts()).length - 1);
  });

  it.each([
    ['the sponsor', () => ({}), true],
    ['security', () => ({ by: world.stranger.id, isSecurity: true }), true],
    ['a reviewer', () => ({ by: world.reviewer.id }), false],
    ['who was offboarded', () => ({ by: world.contractor.id, isSecurity: true }), false],
  ] as const)('is ticked by %s', async (_, input, may) => {
    const done = await task.tick(begun, 0, input());
    expect(done.ok ? true : done.rejection.code).toBe(may || 'may_not_tick');
    expect((await stored()).items[0]?.tick !== null).toBe(may);
  });

  it('keeps who ticked an item, when and with which note, once; a note with a secret is refused', async () => {
    const note = 'password=Tr0ub4dor&3';
    expect(await task.tick(begun, 0, { note })).toMatchObject({ rejection: { code: 'secret_found', field: 'note' } });
    granted(await task.tick(begun, 0, { note: ' the role is gone ' }));
    const tick = { by: world.sponsor.id, at: world.now, note: 'the role is gone' };
    expect((await stored()).items[0]).toMatchObject({ tick });
    expect(await task.tick(begun, 0)).toMatchObject({ rejection: { code: 'already_ticked', by: world.sponsor.id } });
    expect(await task.tick(begun, 99)).toMatchObject({ rejection: { code: 'unknown_offboarding' } });
  });

  it.each(['the proof comes last', 'the last tick comes last'])(
    'is complete where %s: the evidence is closed',
    async (order) => {
      await over();
      if (order === 'the last tick comes last') await task.prove();
      for (const index of begun.items.keys()) granted(await task.tick(begun, index));
      if (order === 'the proof comes last') {
        expect((await stored()).completed).toBeNull();
        await task.prove();
      }
      const done = await stored();
      const digest = world.access.authority.digest(evidenceOf(done));
      expect(done.completed).toEqual({ at: world.now, digest });
      const { events, notices } = await world.traces();
      const completed = {
        type: 'offboarding_completed',
        facts: { offboarding: begun.id, digest, items: done.items.length },
      };
      expect(events).toContainEqual(expect.objectContaining(completed));
      const about = { offboardingId: begun.id };
      expect(notices).toContainEqual(['security', { kind: 'offboarding_result', ...about }]);
      const engagementId = world.engagement.id;
      expect(notices).toContainEqual([world.thread, { kind: 'offboarding_done', ...about, engagementId }]);
      await expect(world.store.sql(`update offboarding set reason = 'other'`)).rejects.toMatchObject({ code: '23000' });
      await expect(world.store.sql('delete from offboarding')).rejects.toMatchObject({ code: '23000' });
    },
  );
});
