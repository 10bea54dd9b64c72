import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engagement } from '../../../../src/access/engagement.ts';
import type { Person } from '../../../../src/access/person.ts';
import { Policy } from '../../../../src/access/policy.ts';
import type { PendingRequest } from '../../../../src/access/request.ts';
import type { Target } from '../../../../src/access/target.ts';
import { openEngagement } from '../../../../src/use-cases/engagements/open-engagement.ts';
import { endGrant } from '../../../../src/use-cases/grants/end-grant.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { selfService } from '../../../../src/use-cases/sessions/self-service.ts';
import { listAccess } from '../../../../src/use-cases/views/access-list.ts';
import { viewBurst, viewEnding, viewGrant, viewRequest, viewSession } from '../../../../src/use-cases/views/views.ts';
import { grantId, requestId } from '../../../support/samples/samples.ts';
import { ANYBODY, granted } from '../../../support/worlds/access-world.ts';
import { actorOfPerson, GrantedWorld } from '../../../support/worlds/granted-world.ts';
import { sessionId } from '../../../support/worlds/world.ts';

let world: GrantedWorld;
beforeEach(async () => {
  world = await GrantedWorld.open('web-01', 'db-01');
});
afterEach(() => world[Symbol.asyncDispose]());

const ask = (durationSeconds = 3_600, engagement: Engagement = world.engagement, by = world.contractor) =>
  requestAccess(world.deps)({
    ...{ by: by.id, engagementId: engagement.id, targetIds: ['web-01'], scope: 'shell', durationSeconds },
    ...{ login: world.access.login, reason: 'Move it', ticket: null },
  }).then(granted<PendingRequest>);
const names = (view: { readonly names: ReadonlyMap<Person['id'], string> } | null) => new Set(view?.names.values());
const PEOPLE = new Set(['USPONSOR', 'UREVIEW', 'UCON']);
const ids = (some: readonly { readonly id: string }[] | undefined) => some?.map(({ id }) => id);

describe('a request that is looked at', () => {
  it('has its engagement, keys and people, and its grant once there is one', async () => {
    const { contractor, engagement, deps } = world;
    const [key] = await world.store.transaction((tx) => tx.keys.ofPerson(contractor.id));
    await world.access.registered(world.reviewer);
    const waiting = await ask();
    const view = await viewRequest(deps)({ requestId: waiting.id });
    expect(view).toMatchObject({ request: waiting, engagement: { id: engagement.id }, keys: [key], grant: null });
    expect(view?.keys).toHaveLength(1);
    expect(names(view)).toEqual(PEOPLE);
    const second = await world.access.registered(contractor);
    const grant = await world.grant();
    const decided = await viewRequest(deps)({ requestId: grant.requestId });
    expect(decided).toMatchObject({ request: { status: 'approved' }, grant });
    expect(new Set(decided?.keys.map(({ fingerprint }) => fingerprint))).toEqual(
      new Set([key?.fingerprint, second.fingerprint]),
    );
    expect((await viewRequest(deps)({ requestId: waiting.id }))?.keys).toEqual([key]);
    expect(await viewRequest(deps)({ requestId: requestId(9) })).toBeNull();
  });

  it('is as today’s policy wants it while it waits, and as it was decided afterwards', async () => {
    const { deps } = world;
    const rules = [{ name: 'two now', approvals: 2, max_duration: 'PT30M' }];
    const policy = (change: object) =>
      Policy.parse({ rules: rules.map((rule) => ({ ...rule, ...change })), engagements: ANYBODY });
    const under = (change: object) => ({ ...deps, inventory: { ...deps.inventory, policy: policy(change) } });
    const waiting = await ask();
    const shown = async (change: object) => (await viewRequest(under(change))({ requestId: waiting.id }))?.request;
    expect(await shown({ max_duration: 'PT8H' })).toEqual({ ...waiting, approvals: 2, rule: 'two now' });
    // What could not be asked for any more is shown as it was asked for.
    expect(await shown({})).toEqual(waiting);
    const grant = await world.grant();
    const decided = await viewRequest(under({ max_duration: 'PT8H' }))({ requestId: grant.requestId });
    expect(decided?.request).toMatchObject({ status: 'approved', approvals: 1, rule: 'one reviewer approves' });
  });
});

describe('a grant that is looked at', () => {
  it('is what a request for the same would be more time on, while it waits and once it is decided', async () => {
    const { deps } = world;
    const before = await world.grant({ seconds: 2 * 3_600 });
    world.now = world.later(3_600);
    const waiting = await ask();
    const extension = { until: new Date(before.terms.notAfter), since: new Date(before.terms.notBefore) };
    const shown = async (requestId = waiting.id) => (await viewRequest(deps)({ requestId }))?.extension;
    expect(await shown()).toEqual(extension);
    const after = await world.grant();
    world.now = world.later(1_800);
    expect(await shown(after.requestId)).toEqual(extension);
    expect(await shown(before.requestId)).toBeNull();
    for (const grant of [before, after]) await world.access.revoke(grant);
    expect(await shown()).toBeNull();
    expect(await shown(after.requestId)).toEqual(extension);
  });

  it('that is about to end has what ends with it, and whether there is more time to ask for', async () => {
    const { deps } = world;
    const grant = await world.grant();
    const shown = () => viewEnding(deps)({ grantId: grant.id });
    expect(await shown()).toMatchObject({ due: null, goesOnUntil: null, noExtension: null });
    world.now = new Date(Date.parse(grant.terms.notAfter) - 600_000);
    expect(await shown()).toMatchObject({ due: 15, targets: [{ id: 'db-01' }, { id: 'web-01' }] });
    const longer = await world.grant({ targets: ['web-01'] });
    const until = new Date(longer.terms.notAfter);
    expect(await shown()).toMatchObject({ due: 15, targets: [{ id: 'db-01' }], goesOnUntil: until });
    world.access.targets.pop();
    expect(await shown()).toMatchObject({ noExtension: 'policy' });
    expect(await viewEnding(deps)({ grantId: grantId(9) })).toBeNull();
  });

  it('has its request, certificates, sessions and people', async () => {
    const { contractor, engagement, deps, stranger } = world;
    const grant = await world.grant();
    await world.session(1, grant);
    const keys = await world.store.transaction((tx) => tx.keys.ofPerson(contractor.id));
    const [certificate] = await world.store.transaction((tx) => tx.grants.certificates(grant.id));
    const view = await viewGrant(deps)({ grantId: grant.id });
    expect(view).toMatchObject({
      ...{ grant, endedBy: null, request: { id: grant.requestId }, engagement: { id: engagement.id }, keys },
      ...{ certificates: [certificate], liveSessions: 1 },
    });
    expect(names(view)).toEqual(PEOPLE);
    const created = await world.store.transaction((tx) => tx.audit.headOfGrant(grant.id));
    const latest = await world.store.transaction((tx) => tx.audit.head());
    expect(view?.heads).toEqual({ created, latest });
    expect(created?.number).toBeLessThan(latest?.number ?? 0);
    granted(await endGrant(deps)({ by: stranger.id, grantId: grant.id, comment: null, isSecurity: true }));
    const ended = await viewGrant(deps)({ grantId: grant.id });
    expect(ended?.endedBy).toEqual(actorOfPerson(stranger));
    expect(ended?.heads.created).toEqual(created);
    expect(ended?.heads.latest?.number).toBe((latest?.number ?? 0) + 1);
    expect(names(ended)).toEqual(new Set([...PEOPLE, 'USTRANGER']));
    expect(await viewGrant(deps)({ grantId: grantId(9) })).toBeNull();
  });

  it('has the certificates of its own alone', async () => {
    const { contractor, deps } = world;
    const grants = [await world.grant({ targets: ['web-01'] }), await world.grant({ targets: ['db-01'] })];
    const [key] = await world.store.transaction((tx) => tx.keys.ofPerson(contractor.id));
    if (!key) throw new Error('no key');
    const caller = { personId: contractor.id, fingerprint: key.fingerprint };
    expect(await selfService(deps)(caller, { verb: 'cert', grant: null })).toMatchObject({ kind: 'certificate' });
    for (const grant of grants) expect((await viewGrant(deps)({ grantId: grant.id }))?.certificates).toHaveLength(1);
  });
});

describe('sessions that are looked at', () => {
  it('are one, or those of a burst, with everybody who is named', async () => {
    const { deps, stranger, engagement } = world;
    const grant = await world.grant();
    const one = await world.session(1, grant);
    const two = await world.session(2, grant);
    await world.store.sql('update session set burst_id = $1', [one]);
    const by = actorOfPerson(stranger);
    const ending = { how: 'terminated', why: 'ended_by_reviewer', by } as const;
    await world.store.transaction((tx) => tx.sessions.end(two, { at: world.now, ending, channels: [], refusals: [] }));
    const single = await viewSession(deps)({ sessionId: one });
    expect(single).toMatchObject({ sessions: [{ id: one }], engagement: { id: engagement.id }, grant });
    expect(names(single)).toEqual(PEOPLE);
    expect(names(await viewSession(deps)({ sessionId: two }))).toEqual(new Set([...PEOPLE, 'USTRANGER']));
    const burst = await viewBurst(deps)({ burstId: one });
    expect(new Set(ids(burst?.sessions))).toEqual(new Set([one, two]));
    expect(names(burst)).toEqual(new Set([...PEOPLE, 'USTRANGER']));
    expect(await viewSession(deps)({ sessionId: sessionId(9) })).toBeNull();
    expect(await viewBurst(deps)({ burstId: sessionId(9) })).toBeNull();
  });

  it('name no operator among the people, nor who ended nothing', async () => {
    const grant = await world.grant();
    const one = await world.session(1, grant);
    const ending = { how: 'terminated', why: 'ended_by_reviewer', by: { kind: 'operator', account: 'root' } } as const;
    await world.store.transaction((tx) => tx.sessions.end(one, { at: world.now, ending, channels: [], refusals: [] }));
    expect(names(await viewSession(world.deps)({ sessionId: one }))).toEqual(PEOPLE);
    const two = await world.session(2, grant);
    await world.store.transaction((tx) =>
      tx.sessions.end(two, { at: world.now, ending: { how: 'closed' }, channels: [], refusals: [] }),
    );
    expect(names(await viewSession(world.deps)({ sessionId: two }))).toEqual(PEOPLE);
  });
});

describe('the list of what one has', () => {
  const list = (person: Person, isSecurity = false) => listAccess(world.deps)({ personId: person.id, isSecurity });

  it('is of oneself: what is live, what waits, and where one works', async () => {
    const { contractor, engagement, access } = world;
    const grant = await world.grant();
    const over = await world.grant();
    await access.revoke(over);
    const waiting = await ask();
    await world.session(1, grant);
    const found = await list(contractor);
    expect(found).toMatchObject({ grants: [grant], pending: [waiting], toReview: [], revocable: [], governed: [] });
    expect([found.grants.length, ids(found.engagements)]).toEqual([1, [engagement.id]]);
    expect(found.keys).toHaveLength(1);
    expect(found.asked).toEqual(new Map([[waiting.id, [world.reviewer.id]]]));
    expect(names(found)).toEqual(new Set(['UCON', 'UREVIEW']));
    world.now = world.later(86_400);
    expect(await list(contractor)).toMatchObject({ grants: [], pending: [] });
  });

  it('is of what one decides, and of who is there', async () => {
    const { contractor, reviewer, sponsor, stranger, engagement } = world;
    const grant = await world.grant();
    const waiting = await ask();
    const session = await world.session(1, grant);
    const governs = { revocable: [grant], governed: [{ engagement: { id: engagement.id }, live: [{ id: session }] }] };
    const everybody = new Set(['UREVIEW', 'UCON']);
    const reviews = await list(reviewer);
    expect(reviews).toMatchObject({
      grants: [],
      pending: [],
      toReview: [waiting],
      ...governs,
      engagements: [],
      keys: [],
    });
    expect(names(reviews)).toEqual(everybody);
    const opened = await list(sponsor);
    expect(opened).toMatchObject({ toReview: [], ...governs, engagements: [] });
    expect(names(opened)).toEqual(new Set(['USPONSOR', 'UCON']));
    expect(await list(stranger)).toMatchObject({ toReview: [], revocable: [], governed: [] });
    expect(await list(stranger, true)).toMatchObject(governs);
    // One’s own is not among what one may end of others.
    expect((await list(contractor, true)).revocable).toEqual([]);
    world.now = world.later(86_400);
    expect(await list(reviewer)).toMatchObject({ toReview: [], revocable: [] });
    world.now = new Date('3000-01-01T00:00:00Z');
    expect((await list(reviewer)).governed).toEqual([]);
  });

  it('tells the sessions of one engagement from those of another', async () => {
    const { contractor, reviewer, sponsor, stranger } = world;
    const open = async (by: Person, engagements: object = ANYBODY, memberIds = [contractor.id]) => {
      const rules = [{ name: 'one', max_duration: 'PT8H' }];
      const inventory = { ...world.deps.inventory, policy: Policy.parse({ rules, engagements }) };
      return granted(
        await openEngagement({ ...world.deps, inventory })({
          ...{ by: by.id, name: 'Other', vendor: 'Acme', channelId: 'C7', memberIds, scopes: ['shell'] },
          ...{ targetIds: ['web-01'], reviewerIds: [reviewer.id], lastDay: '2999-12-31', timeZone: 'UTC' },
        }),
      );
    };
    const other = await open(stranger);
    const there = await world.grant({}, other);
    const session = await world.session(1, there);
    expect((await list(sponsor)).governed).toMatchObject([{ engagement: { id: world.engagement.id }, live: [] }]);
    expect((await list(sponsor)).revocable).toEqual([]);
    expect((await list(stranger)).governed).toMatchObject([{ engagement: { id: other.id }, live: [{ id: session }] }]);
    // Nothing can be asked for where nobody has confirmed it, nor where one is no member any more.
    world.access.targets.splice(0, 1, { ...(world.access.targets[0] as Target), labels: { env: 'new' } });
    expect((await open(sponsor, { ...ANYBODY, second_person: true })).confirmedAt).toBeNull();
    expect(new Set(ids((await list(contractor)).engagements))).toEqual(new Set([world.engagement.id, other.id]));
    await world.access.channelRead('C7', [contractor]);
    await world.access.channelRead('C7', []);
    expect(ids((await list(contractor)).engagements)).toEqual([world.engagement.id]);
  });
});
