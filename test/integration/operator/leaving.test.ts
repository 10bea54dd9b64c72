import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engagement } from '../../../src/access/engagement.ts';
import type { Grant } from '../../../src/access/grant.ts';
import { OffboardingId, RequestId } from '../../../src/access/ids.ts';
import type { Person } from '../../../src/access/person.ts';
import { engagementCalled, personCalled } from '../../../src/cli/called.ts';
import { createLog } from '../../../src/log.ts';
import { localOperators, type Operator } from '../../../src/operator/operator.ts';
import { type AdminSocket, remoteOperator, serveAdminSocket } from '../../../src/operator/socket.ts';
import { proveOffboardings } from '../../../src/use-cases/offboarding/prove.ts';
import { requestAccess } from '../../../src/use-cases/requests/request-access.ts';
import { AccessWorld, granted } from '../../support/worlds/access-world.ts';
import { AskedGateways, ROOT } from '../../support/worlds/offboard-world.ts';
import { openTestStore } from '../../support/worlds/store.ts';

let world: AccessWorld;
let socket: AdminSocket;
let operator: Operator;
let contractor: Person;
let engagement: Engagement;
let grant: Grant;

beforeEach(async () => {
  world = AccessWorld.over(await openTestStore('postgres'));
  world.addTargets('web-01');
  contractor = await world.person('UCON', 'guest');
  const reviewer = await world.person('UREVIEW');
  await world.registered(contractor);
  engagement = await world.engagement([contractor], [reviewer]);
  grant = await world.grant(contractor, reviewer, engagement);
  const local = localOperators({ ...world.deps, control: null });
  socket = await serveAdminSocket(join(world.folder, 'control.sock'), local, createLog('silent'));
  operator = remoteOperator(socket.path, ROOT);
});
afterEach(async () => {
  await socket[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

const prove = () => proveOffboardings({ ...world.deps, gateways: new AskedGateways() })();
const ask = async () =>
  granted(
    await requestAccess(world.deps)({
      ...{ by: contractor.id, engagementId: engagement.id, targetIds: ['web-01'], login: world.login },
      ...{ scope: 'shell', durationSeconds: 3_600, reason: 'Move the database', ticket: null },
    }),
  );

describe('over the admin socket, an operator', () => {
  it('sees people, one of them with all that they have', async () => {
    const rows = await operator.people({ find: 'ucon', limit: 10 });
    expect(rows).toEqual([
      {
        ...{ id: contractor.id, name: 'UCON', accounts: ['T1/UCON'], standing: 'guest', state: 'active' },
        ...{ confirmedAt: contractor.confirmedAt.toISOString(), offboardedAt: null, keys: 1, liveGrants: 1 },
      },
    ]);
    expect(await operator.people({ find: null, limit: 10 })).toHaveLength(3);
    expect(await operator.person(contractor.id)).toMatchObject({
      person: rows[0],
      engagements: [{ id: engagement.id, role: 'member', isOver: false, offboarded: false }],
      keys: [{ person: 'UCON' }],
      grants: [{ id: grant.id }],
    });
  });

  it('sees engagements, one of them with its people, and closes it', async () => {
    const { id } = engagement;
    const open = [{ id, state: 'open', sponsor: 'USPONSOR', members: 1, liveGrants: 1, pendingRequests: 0 }];
    expect(await operator.engagements({ all: false, limit: 10 })).toMatchObject(open);
    expect(await operator.engagement(id)).toMatchObject({
      ...{ channel: 'C1', targets: ['web-01'], closedAt: null },
      people: [
        { name: 'USPONSOR', role: 'sponsor', state: 'in it' },
        { name: 'UCON', role: 'member', state: 'in it' },
        { name: 'UREVIEW', role: 'reviewer', state: 'in it' },
      ],
    });
    const closed = granted(await operator.closeEngagement(id, 'Done early'));
    expect(await operator.closeEngagement(id, null)).toMatchObject({
      rejection: { code: 'already_closed', at: expect.any(Date) },
    });
    expect(await operator.engagements({ all: false, limit: 10 })).toEqual([]);
    expect(await operator.engagements({ all: true, limit: 10 })).toMatchObject([
      { id, state: 'closed', liveGrants: 0 },
    ]);
    expect(await operator.offboarding(OffboardingId.parse(closed.id))).toMatchObject({
      offboarding: { person: null, engagements: ['Migration'], why: 'closed', grants: 1 },
      evidence: { reason: 'Done early', by: { kind: 'operator', ...ROOT } },
    });
  });

  it('sees requests, one of them with its reason, and withdraws it; who made it is told', async () => {
    const { id } = await ask();
    const row = { id, state: 'pending', person: 'UCON', engagement: 'Migration', approvals: 0, approvalsNeeded: 1 };
    expect(await operator.requests({ all: false, limit: 10 })).toMatchObject([row]);
    expect(await operator.request(id)).toMatchObject({ ...row, reason: 'Move the database', reviews: [] });
    expect(await operator.withdrawRequest(id)).toEqual({ ok: true, value: { id } });
    expect(await operator.withdrawRequest(id)).toMatchObject({
      rejection: { code: 'already_decided', outcome: 'withdrawn', at: expect.any(Date) },
    });
    const unknown = RequestId.parse('cc000000-0000-4000-8000-00000000dead');
    expect(await operator.withdrawRequest(unknown)).toMatchObject({ rejection: { code: 'unknown_request' } });
    expect(await operator.requests({ all: false, limit: 10 })).toEqual([]);
    const all = await operator.requests({ all: true, limit: 10 });
    expect(all.map(({ state }) => state)).toEqual(['withdrawn', 'approved']);
    expect((await operator.request(all[1]?.id as never))?.reviews).toMatchObject([
      { reviewer: 'UREVIEW', verdict: 'approve' },
    ]);
    const [event] = await world.store.transaction((tx) => tx.audit.list(1));
    expect(event).toMatchObject({ type: 'request_withdrawn', actor: { kind: 'operator', ...ROOT } });
  });

  it('offboards somebody, sees the proof, and readmits them', async () => {
    const { id } = granted(await operator.offboard(contractor.id, null, 'The contract is over'));
    const offboardingId = OffboardingId.parse(id);
    expect(await operator.offboard(contractor.id, null, null)).toMatchObject({
      rejection: { code: 'already_offboarded', at: expect.any(Date) },
    });
    const row = { id, state: 'not proved', person: 'UCON', engagements: null, grants: 1, keys: 1, ticked: 0 };
    expect(await operator.offboardings({ limit: 10 })).toMatchObject([row]);
    expect(await operator.readmit(contractor.id, null)).toMatchObject({ rejection: { code: 'offboarding_unproved' } });
    await prove();
    expect(await operator.offboarding(offboardingId)).toMatchObject({
      offboarding: { ...row, state: 'checklist open', left: { workers: 2, answered: 2, sessions: 0, grants: 0 } },
      ...{ digest: null, names: { [contractor.id]: 'UCON' } },
    });
    expect(await operator.people({ find: contractor.id, limit: 1 })).toMatchObject([{ state: 'offboarded', keys: 0 }]);
    expect(await operator.readmit(contractor.id, null)).toEqual({ ok: true, value: { id: contractor.id } });
    expect(await operator.people({ find: contractor.id, limit: 1 })).toMatchObject([{ state: 'active' }]);
  });

  it('is told what does not exist, or is not so', async () => {
    const nobody = 'ff000000-0000-4000-8000-00000000dead';
    expect(await operator.offboarding(OffboardingId.parse(nobody))).toBeNull();
    expect(await operator.person(nobody as never)).toBeNull();
    expect(await operator.engagement(nobody as never)).toBeNull();
    expect(await operator.request(nobody as never)).toBeNull();
    expect(await operator.offboard(nobody as never, null, null)).toMatchObject({
      rejection: { code: 'may_not_offboard' },
    });
    expect(await operator.offboard(contractor.id, nobody as never, null)).toMatchObject({
      rejection: { code: 'not_in_engagement' },
    });
    expect(await operator.readmit(contractor.id, null)).toMatchObject({ rejection: { code: 'not_offboarded' } });
    expect(await operator.closeEngagement(nobody as never, null)).toMatchObject({
      rejection: { code: 'may_not_close' },
    });
  });
});

describe('who is meant', () => {
  it.each([
    ['a Slack user id', () => 'UCON'],
    ['a Daypass id', () => contractor.id],
  ])('is told by %s', async (_, given) => {
    expect(await personCalled(operator, given())).toBe(contractor.id);
  });

  it('is never told by a name alone, not even one that is another’s id', async () => {
    await world.store.transaction((tx) => tx.persons.rename(contractor.id, 'Casey \u001b[2JLind'));
    const byName = /No person has the id Casey.*By name there is Casey \?\[2JLind: UCON\./;
    await expect(personCalled(operator, 'Casey')).rejects.toThrow(byName);
    const other = await world.person('UOTHER');
    await world.store.transaction((tx) => tx.persons.rename(contractor.id, 'UOTHER'));
    expect(await personCalled(operator, 'UOTHER')).toBe(other.id);
    await expect(personCalled(operator, 'nobody')).rejects.toThrow(/To list people: daypass people list/);
  });

  it('is an engagement by the beginning of its id', async () => {
    expect(await engagementCalled(operator, engagement.id.slice(0, 8).toUpperCase())).toBe(engagement.id);
    await expect(engagementCalled(operator, 'Migration')).rejects.toThrow(/No engagement starts with migration/);
  });
});
