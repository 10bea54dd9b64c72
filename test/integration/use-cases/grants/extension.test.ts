import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../../../src/access/grant.ts';
import type { Person } from '../../../../src/access/person.ts';
import { endGrant } from '../../../../src/use-cases/grants/end-grant.ts';
import { noteExpiredGrants } from '../../../../src/use-cases/grants/expire-grants.ts';
import { holdSessionsToGrants } from '../../../../src/use-cases/grants/hold-sessions.ts';
import { RightsWorld } from '../../../support/worlds/rights-world.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../../support/worlds/store.ts';

describe.each(STORE_KINDS)('on the %s store', (kind) => {
  let now: Date;
  let store: TestStore;
  let world: RightsWorld;

  beforeEach(async () => {
    now = new Date();
    store = await openTestStore(kind);
    world = RightsWorld.on(store, { now: () => now });
    await world.begin(['web-01', 'db-01']);
  });
  afterEach(() => world[Symbol.asyncDispose]());

  describe('a session that runs when a later grant is made', () => {
    const live = () => store.transaction((tx) => tx.sessions.live());
    const held = async () => {
      const asked: string[] = [];
      const gateways = {
        carried: () => [],
        terminate: () => void asked.push('terminate'),
        extend: (_: unknown, under: Grant) => asked.push(under.id) > 0,
      };
      await holdSessionsToGrants({ ...world.deps, gateways })();
      return asked;
    };

    it('goes on under it, which the audit log says, and ends with it', async () => {
      const first = await world.given({ seconds: 60 });
      expect(await world.enter(first)).toBe('session');
      expect(await held()).toEqual([first.id]);
      const second = await world.given({ seconds: 600, targets: ['web-01'] });
      const [session] = await live();
      expect(session).toMatchObject({ grantId: second.id, grantDigest: second.digest });
      const events = await store.transaction((tx) => tx.audit.list(100));
      expect(events.find(({ type }) => type === 'session_extended')?.facts).toEqual({
        ...{ session: session?.id, before: first.id, grant: second.id, digest: second.digest },
        notAfter: second.terms.notAfter,
      });
      now = new Date(now.getTime() + 61_000);
      expect(await held()).toEqual([second.id]);
      await world.revoke(second);
      expect(await held()).toEqual(['terminate']);
    });

    it('stays what it was where the later one ends earlier, or is of something else', async () => {
      const first = await world.given({ seconds: 60 });
      expect(await world.enter(first)).toBe('session');
      await world.given({ seconds: 59 });
      await world.given({ seconds: 600, targets: ['db-01'] });
      await world.given({ seconds: 600, scope: 'files-rw' });
      expect((await live()).map(({ grantId }) => grantId)).toEqual([first.id]);
      now = new Date(now.getTime() + 60_000);
      expect(await held()).toEqual(['terminate']);
    });

    it('stays what it was where its own was revoked at the same moment', async () => {
      const first = await world.given({ seconds: 60 });
      expect(await world.enter(first)).toBe('session');
      await world.revoke(first);
      await world.given({ seconds: 600 });
      expect((await live()).map(({ grantId }) => grantId)).toEqual([first.id]);
      expect(await held()).toEqual(['terminate']);
    });

    it('is not prolonged by a row that was written past the decisions', async () => {
      const first = await world.given({ seconds: 60 });
      expect(await world.enter(first)).toBe('session');
      await store.sql('alter table access_grant disable trigger all');
      const notAfter = new Date(now.getTime() + 600_000).toISOString();
      const terms = JSON.stringify({ ...first.terms, notAfter });
      await store.sql('update access_grant set terms = $1, not_after = $2 where id = $3', [terms, notAfter, first.id]);
      expect(await held()).toEqual([]);
    });
  });

  describe('the end of a grant', () => {
    it('is told once, whoever notes it, and is somebody’s who may', async () => {
      const grant = await world.given();
      const stranger = await world.person('USTRANGER');
      const by = (id: Person['id'], isSecurity = false) =>
        endGrant(world.deps)({ by: id, grantId: grant.id, comment: null, isSecurity });
      expect(await by(stranger.id)).toEqual({ ok: false, rejection: { code: 'may_not_end_grant' } });
      const ends = await Promise.all([by(world.contractor.id), by(world.reviewer.id), by(stranger.id, true)]);
      expect(ends.filter((each) => each.ok)).toHaveLength(1);
      now = new Date(now.getTime() + 24 * 3_600_000);
      expect(await noteExpiredGrants({ ...world.deps, elapsedMs: () => 0 })()).toBe(0);
      const events = await store.transaction((tx) => tx.audit.list(100));
      const ended = events.filter(
        ({ type }) => type === 'grant_returned' || type === 'grant_revoked' || type === 'grant_expired',
      );
      expect(ended).toHaveLength(1);
    });
  });
});
