import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../../../src/access/grant.ts';
import { Fingerprint } from '../../../../src/access/ids.ts';
import type { Person } from '../../../../src/access/person.ts';
import { openEngagement } from '../../../../src/use-cases/engagements/open-engagement.ts';
import { endGrant } from '../../../../src/use-cases/grants/end-grant.ts';
import { endGrantIn } from '../../../../src/use-cases/grants/ending.ts';
import { selfService } from '../../../../src/use-cases/sessions/self-service.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { RightsWorld } from '../../../support/worlds/rights-world.ts';
import { openTestStore, type TestStore } from '../../../support/worlds/store.ts';

let store: TestStore;
let world: RightsWorld;

beforeAll(async () => {
  store = await openTestStore('postgres');
  world = RightsWorld.on(store);
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(() => world.begin());

describe('a revocation', () => {
  const end = (by: Person, grant: Grant) =>
    endGrant(world.deps)({ by: by.id, grantId: grant.id, comment: null, isSecurity: false });

  it('ends whatever the person has on these targets, and says what is left', async () => {
    const first = await world.given({ targets: ['web-01'] });
    const wider = await world.given({ targets: ['web-01', 'db-01'], seconds: 600 });
    const apart = await world.given({ targets: ['app-01'] });
    const done = granted(await end(world.reviewer, first));
    expect(done.grant.id).toBe(first.id);
    expect(done.also.map((each) => each.id)).toEqual([wider.id]);
    expect(done.left.map((each) => each.id)).toEqual([apart.id]);
    expect(await world.enter(first)).toBe('target_not_granted');
    expect(await world.enter(wider)).toBe('target_not_granted');
    expect(await world.enter(apart, world.key, 'app-01')).toBe('session');
  });

  it('leaves and names what the one who revokes may not end', async () => {
    const foreign = await world.person(`UFOREIGN${world.round}`);
    const elsewhere = granted(
      await openEngagement(world.deps)({
        ...{ by: foreign.id, name: 'Other', vendor: 'Acme', channelId: 'C2', memberIds: [world.contractor.id] },
        ...{ targetIds: ['web-01'], scopes: ['shell'], reviewerIds: [foreign.id], lastDay: '2999-12-31' },
        timeZone: 'UTC',
      }),
    );
    const other = await world.grant(world.contractor, foreign, elsewhere);
    const grant = await world.given({ targets: ['web-01'] });
    expect(granted(await end(world.reviewer, grant))).toMatchObject({ also: [], left: [{ id: other.id }] });
  });

  it('by who holds it is that one alone', async () => {
    const first = await world.given({ targets: ['web-01'] });
    const second = await world.given({ targets: ['web-01'] });
    expect(granted(await end(world.contractor, first))).toMatchObject({ also: [], left: [{ id: second.id }] });
  });
});

describe('a login that is decided while a revocation is being written', () => {
  it('waits for it, looks again, and is refused', async () => {
    const grant = await world.given();
    let commit = (): void => {};
    const written = new Promise<void>((resolve) => {
      commit = resolve;
    });
    let isWritten = (): void => {};
    const begun = new Promise<void>((resolve) => {
      isWritten = resolve;
    });
    const revoking = store.transaction(async (tx) => {
      const end = { how: 'revoked', by: null, comment: null } as const;
      granted(await endGrantIn(tx, grant.id, end, { kind: 'operator', account: 'root' }, new Date()));
      isWritten();
      await written;
    });
    await begun;
    let decided: string | null = null;
    const entering = world.enter(grant).then((outcome) => {
      decided = outcome;
      return outcome;
    });
    const waits = async (): Promise<boolean> => {
      const [row] = await store.sql(
        "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return decided !== null || Number(row?.['n']) > 0;
    };
    await expect.poll(waits, { timeout: 20_000 }).toBe(true);
    expect(decided).toBeNull();
    commit();
    await revoking;
    expect(await entering).toBe('grant_revoked');
    expect(await store.transaction((tx) => tx.sessions.liveOfGrant(grant.id))).toEqual([]);
  });
});

describe('a tampered grant', () => {
  it.each([
    ['its MAC', "mac = 'AAAA'"],
    ['its digest', `digest = '${'0'.repeat(64)}'`],
    ['its terms', 'terms = replace(terms::text, \'"web-01"\', \'"db-01"\')::json'],
  ])('gets no certificate by self-service, alone or among others: %s', async (_, set) => {
    const good = await world.given({ targets: ['app-01'] });
    const bad = await world.given({ targets: ['web-01'] });
    await store.sql('alter table access_grant disable trigger all');
    await store.sql(`update access_grant set ${set} where id = $1`, [bad.id]);
    await store.sql('alter table access_grant enable trigger all');
    const caller = { personId: world.contractor.id, fingerprint: Fingerprint.parse(world.key.fingerprint) };
    const cert = (grant: string | null) => selfService(world.deps)(caller, { verb: 'cert', grant });
    const why = { code: 'grant_tampered', grantId: bad.id };
    expect(await cert(bad.id)).toEqual({ kind: 'refused', why });
    const [own] = await store.transaction((tx) => tx.grants.certificates(good.id));
    expect(await cert(null)).toMatchObject({ kind: 'certificate', line: own?.certificate });
    await world.revoke(good);
    expect(await cert(null)).toEqual({ kind: 'refused', why });
    expect(await selfService(world.deps)(caller, { verb: 'list' })).toMatchObject({ grants: [], notes: [why] });
    const serials = await store.sql('select serial from certificate where grant_id = $1', [bad.id]);
    expect(serials).toHaveLength(1);
  });
});
