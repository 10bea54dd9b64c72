import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engagement } from '../../../../src/access/engagement.ts';
import { openEngagement } from '../../../../src/use-cases/engagements/open-engagement.ts';
import { readmitPerson } from '../../../../src/use-cases/offboarding/readmit.ts';
import { issueRegistrationCode } from '../../../../src/use-cases/people/issue-registration-code.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { actorOfPerson, GrantedWorld } from '../../../support/worlds/granted-world.ts';
import { offboarding, ROOT } from '../../../support/worlds/offboard-world.ts';

let world: GrantedWorld;
let task: ReturnType<typeof offboarding>;
beforeEach(async () => {
  world = await GrantedWorld.open();
  task = offboarding(world);
});
afterEach(() => world[Symbol.asyncDispose]());

/** Another engagement of the contractor, opened by somebody else. */
const openElsewhere = (by = world.stranger) =>
  openEngagement(world.deps)({
    ...{ by: by.id, name: 'Elsewhere', vendor: 'Northwind', channelId: 'C9', memberIds: [world.contractor.id] },
    ...{ targetIds: ['web-01'], scopes: ['shell'], reviewerIds: [world.reviewer.id], lastDay: '2999-12-31' },
    timeZone: 'UTC',
  });
const elsewhere = async (): Promise<Engagement> => granted(await openElsewhere());
const person = () => world.store.transaction((tx) => tx.persons.byId(world.contractor.id));
const engagement = () => world.store.transaction((tx) => tx.engagements.byId(world.engagement.id));
const grants = () => world.store.transaction((tx) => tx.grants.ofPerson(world.contractor.id));
const keys = () => world.store.transaction((tx) => tx.keys.ofPerson(world.contractor.id));

describe('somebody who is offboarded everywhere', () => {
  it('has nothing left: grants, requests, keys and sessions end, threads and security are told, and it is proved', async () => {
    const grant = await world.grant();
    await world.session(1, grant);
    const request = await task.asked();
    await world.traces();
    const begun = granted(await task.offboard({ reason: 'The contract is over' }));
    expect(begun).toMatchObject({
      ...{ personId: world.contractor.id, engagementIds: null, why: 'asked', reason: 'The contract is over' },
      ...{ by: { kind: 'operator', ...ROOT }, keys: 1, left: null, completed: null },
      parts: [{ engagementId: world.engagement.id, grants: 1, requests: 1, sessions: 1 }],
    });
    expect(await grants()).toMatchObject([{ end: { how: 'revoked', comment: 'you were offboarded' } }]);
    expect(await world.store.transaction((tx) => tx.requests.byId(request.id))).toMatchObject({ status: 'withdrawn' });
    expect(await keys()).toEqual([]);
    expect(await person()).toMatchObject({ offboardedAt: world.now });
    const { events, notices } = await world.traces();
    expect(events.map(({ type }) => type)).toEqual([
      ...['request_withdrawn', 'grant_revoked', 'key_retired', 'person_offboarded'],
    ]);
    expect(events.at(-1)?.facts).toEqual({
      ...{ offboarding: begun.id, person: world.contractor.id, engagements: null },
      ...{ grants: 1, requests: 1, sessions: 1, keys: 1 },
    });
    const { id: offboardingId } = begun;
    expect(notices).toContainEqual([
      world.thread,
      { kind: 'offboarding_line', offboardingId, engagementId: world.engagement.id },
    ]);
    expect(notices).toContainEqual(['security', { kind: 'offboarding_card', offboardingId }]);
    expect(world.changes).toContainEqual({ kind: 'rights_changed' });
    expect(await task.stored(begun.id)).toEqual(begun);
  });

  it('gets nothing more, wherever they ask', async () => {
    granted(await task.offboard());
    const refused = { ok: false, rejection: { code: 'person_offboarded', since: world.now } };
    expect(await task.ask()).toEqual(refused);
    expect(await issueRegistrationCode(world.deps)({ by: world.contractor.id })).toEqual(refused);
    expect(await task.offboard()).toMatchObject({ rejection: { code: 'already_offboarded', at: world.now } });
    expect(await openElsewhere()).toMatchObject({
      rejection: { field: 'members', people: [{ personId: world.contractor.id, why: 'offboarded' }] },
    });
    await world.seen(world.contractor, { active: true });
    expect(await person()).toMatchObject({ active: true, offboardedAt: world.now });
  });

  it('does nothing to others: neither reviews nor ends their access', async () => {
    await world.grant();
    granted(await task.offboard({ personId: world.reviewer.id }));
    expect(await task.ask()).toMatchObject({ rejection: { code: 'no_reviewer', found: 0 } });
    const by = { by: world.reviewer.id, isSecurity: true };
    expect(await task.offboard(by)).toMatchObject({ rejection: { code: 'may_not_offboard' } });
    expect(await task.close(by)).toMatchObject({ rejection: { code: 'may_not_close' } });
  });

  it('comes back by an operator alone, once it is proved that nothing was left, and has nothing by that', async () => {
    await world.grant();
    granted(await task.offboard());
    const readmit = () => readmitPerson(world.deps)({ by: ROOT, personId: world.contractor.id, engagementId: null });
    expect(await readmit()).toMatchObject({ rejection: { code: 'offboarding_unproved' } });
    await task.prove();
    await world.traces();
    expect(await readmit()).toMatchObject({ ok: true });
    expect(await readmit()).toMatchObject({ rejection: { code: 'not_offboarded' } });
    const { events, notices } = await world.traces();
    expect(events).toEqual([
      {
        ...{ type: 'person_readmitted', actor: { kind: 'operator', ...ROOT } },
        facts: { person: world.contractor.id, engagement: null },
      },
    ]);
    expect(notices).toMatchObject([['security', { kind: 'person_readmitted', account: 'root' }]]);
    expect([await person(), await keys()]).toMatchObject([{ offboardedAt: null }, []]);
    expect(await task.ask()).toMatchObject({ rejection: { code: 'no_registered_key' } });
    await world.access.registered(world.contractor);
    expect(await task.ask()).toMatchObject({ ok: true });
  });
});

describe('who may offboard whom', () => {
  it('a sponsor: in the engagements that they opened, and there for good; keys and other access stay', async () => {
    const other = await elsewhere();
    await world.grant();
    const kept = await world.grant({}, other);
    const begun = granted(await task.offboard({ by: world.sponsor.id }));
    expect(begun).toMatchObject({
      ...{ engagementIds: [world.engagement.id], by: actorOfPerson(world.sponsor), keys: 0 },
      parts: [{ engagementId: world.engagement.id, grants: 1 }],
    });
    expect((await grants()).filter(({ end }) => end === null).map(({ id }) => id)).toEqual([kept.id]);
    expect([await keys(), await person()]).toMatchObject([[{}], { offboardedAt: null }]);
    expect(await engagement()).toMatchObject({ offboardedIds: [world.contractor.id] });
    // Being in the channel makes nobody a member again.
    await world.access.channelRead('C1', [world.contractor]);
    expect(await task.ask()).toMatchObject({ rejection: { code: 'not_a_member' } });
    expect(await task.ask(other)).toMatchObject({ ok: true });
    expect(await task.offboard({ by: world.sponsor.id })).toMatchObject({ rejection: { code: 'may_not_offboard' } });
    await task.prove();
    const where = { by: ROOT, personId: world.contractor.id, engagementId: world.engagement.id };
    granted(await readmitPerson(world.deps)(where));
    expect(await task.ask()).toMatchObject({ ok: true });
  });

  it.each([
    ['security: everywhere', () => ({ by: world.stranger.id, isSecurity: true }), null],
    ['an operator: everywhere', () => ({}), null],
    ['an operator: in one engagement', () => ({ engagementId: world.engagement.id }), 'one'],
    ['the sponsor: in one engagement', () => ({ by: world.sponsor.id, engagementId: world.engagement.id }), 'one'],
    ['a reviewer: nobody', () => ({ by: world.reviewer.id }), 'may_not_offboard'],
    ['a stranger: nobody', () => ({ by: world.stranger.id }), 'may_not_offboard'],
    ['a member: not even themselves', () => ({ by: world.contractor.id }), 'may_not_offboard'],
  ] as const)('%s', async (_, input, expected) => {
    const done = await task.offboard(input());
    const got = done.ok ? (done.value.engagementIds?.length === 1 ? 'one' : null) : done.rejection.code;
    expect(got).toBe(expected);
  });

  it('nobody in an engagement that the person does not work in', async () => {
    const engagementId = world.engagement.id;
    const { id: personId } = world.stranger;
    expect(await task.offboard({ engagementId, personId })).toMatchObject({ rejection: { code: 'not_in_engagement' } });
    const bySponsor = { engagementId, personId, by: world.sponsor.id };
    expect(await task.offboard(bySponsor)).toMatchObject({ rejection: { code: 'may_not_offboard' } });
  });

  it('nobody with a secret in the reason: nothing is done then, and nothing stored', async () => {
    await world.grant();
    const reason = 'password=Tr0ub4dor&3';
    expect(await task.offboard({ reason })).toMatchObject({ rejection: { code: 'secret_found', field: 'reason' } });
    expect(await task.close({ reason })).toMatchObject({ rejection: { code: 'secret_found', field: 'reason' } });
    expect(await grants()).toMatchObject([{ end: null }]);
  });
});
