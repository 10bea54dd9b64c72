import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expiresAt, type Grant, isActive } from '../../../../src/access/grant.ts';
import { noteExpiredGrants } from '../../../../src/use-cases/grants/expire-grants.ts';
import { AccessWorld } from '../../../support/worlds/access-world.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../../support/worlds/store.ts';

describe.each(STORE_KINDS)('the end of a grant by the clock, on the %s store', (kind) => {
  let store: TestStore;
  let world: AccessWorld;
  let grant: Grant;
  let now: Date;

  beforeEach(async () => {
    now = new Date();
    store = await openTestStore(kind);
    world = AccessWorld.over(store, { now: () => now });
    world.addTargets('web-01');
    const [contractor, reviewer] = [await world.person('UCON', 'guest'), await world.person('UREVIEW')];
    await world.registered(contractor);
    grant = await world.grant(contractor, reviewer, await world.engagement([contractor], [reviewer]));
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const isLive = async (): Promise<boolean> => {
    const kept = await store.transaction((tx) => tx.grants.byId(grant.id));
    return kept !== null && isActive(kept, now);
  };

  it('is put off by no clock that is set back, and undone by none', async () => {
    const lasts = expiresAt(grant).getTime() - now.getTime();
    let elapsed = 0;
    const note = noteExpiredGrants({ ...world.deps, elapsedMs: () => elapsed });
    expect(await note()).toBe(0);
    // The wall clock shows the same as in the beginning.
    elapsed = lasts - 1;
    expect(await note()).toBe(0);
    expect(await isLive()).toBe(true);
    elapsed = lasts;
    expect(await note()).toBe(1);
    expect(await isLive()).toBe(false);
    expect(await note()).toBe(0);
  });

  it('that was too fast stays one when it is set right', async () => {
    const before = now;
    const note = noteExpiredGrants({ ...world.deps, elapsedMs: () => 0 });
    now = expiresAt(grant);
    expect(await note()).toBe(1);
    now = before;
    expect(await isLive()).toBe(false);
  });
});
