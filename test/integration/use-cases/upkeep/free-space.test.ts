import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freeSpaceWatch } from '../../../../src/use-cases/upkeep/watch-free-space.ts';
import { NOON } from '../../../support/samples/samples.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../../support/worlds/store.ts';

describe.each(STORE_KINDS)('free space for recordings, told by way of the %s store', (kind) => {
  let store: TestStore;
  let now: number;
  let free: number;
  beforeEach(async () => {
    store = await openTestStore(kind);
    now = NOON.getTime();
  });
  afterEach(() => store[Symbol.asyncDispose]());

  const watch = () =>
    freeSpaceWatch({ store, clock: { now: () => new Date(now) }, freeMiB: async () => free, minFreeMiB: 500 });
  /** What is told at each of these, one minute after the other. */
  async function told(look: () => Promise<void>, ...course: readonly number[]): Promise<string[]> {
    for (free of course) {
      await look();
      now += 60_000;
    }
    const due = await store.transaction((tx) => tx.outbox.due(new Date(now), 10));
    const events = await store.transaction((tx) => tx.audit.list(20));
    expect(due.map(({ notice }) => notice)).toMatchObject(
      events.slice(-1).map(({ at, facts }) => ({ kind: 'free_space', at: at.toISOString(), ...facts })),
    );
    return events.toReversed().map(({ type, facts }) => `${type} ${facts['level']} ${facts['freeMiB']}`);
  }

  it('is told once as it gets low, too little, and enough again', async () => {
    expect(await told(watch(), 9_000, 2_000, 1_999, 1_500, 500, 499, 0, 499, 600, 700, 9_000, 8_000)).toEqual([
      'free_space_changed low 1999',
      'free_space_changed too_little 499',
      'free_space_changed low 600',
      'free_space_changed enough 9000',
    ]);
  });

  it('is not told again and again where it lies at a limit', async () => {
    expect(await told(watch(), 2_001, 1_999, 2_001, 1_999, 2_199, 499, 501, 499, 549, 2_100)).toEqual([
      'free_space_changed low 1999',
      'free_space_changed too_little 499',
      'free_space_changed low 2100',
    ]);
  });

  it('is told later where it could not be told at once', async () => {
    let isAway = true;
    const transaction: TestStore['transaction'] = (work) =>
      isAway ? Promise.reject(new Error('away')) : store.transaction(work);
    const look = freeSpaceWatch({
      ...{ store: { ...store, transaction }, clock: { now: () => NOON }, freeMiB: async () => 100, minFreeMiB: 500 },
    });
    await expect(look()).rejects.toThrow('away');
    isAway = false;
    expect(await told(look, 100)).toEqual(['free_space_changed too_little 100']);
  });
});
