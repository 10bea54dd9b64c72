import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endSessionsOn } from '../../../src/control/end-sessions.ts';
import { freshness } from '../../../src/control/freshness.ts';
import { createLog } from '../../../src/log.ts';
import type { Store } from '../../../src/use-cases/ports/store.ts';
import { AccessWorld } from '../../support/worlds/access-world.ts';
import { openTestStore } from '../../support/worlds/store.ts';

const IDLE = { carried: () => [], terminate: () => {}, extend: () => false };

let world: AccessWorld;
beforeEach(async () => {
  world = AccessWorld.over(await openTestStore('postgres'));
});
afterEach(() => world[Symbol.asyncDispose]());

describe('when control begins to hold sessions to their grants', () => {
  /** How old what it knows is, of what was revoked, after it took `startedMs` to start. */
  async function ageMs(startedMs: number, store: Store): Promise<number> {
    let nowMs = 0;
    const touch = freshness(() => nowMs);
    nowMs = startedMs;
    const parts = { ...world.deps, store, gateway: IDLE, log: createLog('silent'), touch };
    await using _ending = await endSessionsOn(parts);
    return touch.ageMs();
  }

  it('it knows at once what was revoked, however long the start took', async () => {
    expect(await ageMs(60_000, world.store)).toBe(0);
  });

  it('it begins without that where the database fails at this moment', async () => {
    const away: Store = { ...world.store, transaction: () => Promise.reject(new Error('away')) };
    expect(await ageMs(60_000, away)).toBe(60_000);
  });
});
