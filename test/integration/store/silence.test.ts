import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenStore } from '../../../src/store/store.ts';
import type { Change } from '../../../src/use-cases/ports/store.ts';
import { gate } from '../../support/checks/gate.ts';
import { hearing } from '../../support/checks/hearing.ts';
import { Way } from '../../support/peers/cut.ts';
import { person } from '../../support/samples/samples.ts';
import { openBeside } from '../../support/worlds/beside.ts';
import { openTestStore, type TestStore } from '../../support/worlds/store.ts';

const CUTS = process.env['DAYPASS_LONG'] === '1' ? (['refused', 'silent'] as const) : (['refused'] as const);

let place: TestStore;
let way: Way;
let store: OpenStore;

beforeEach(async () => {
  place = await openTestStore('postgres');
  const { pathname, searchParams } = new URL(place.options.databaseUrl ?? '');
  way = await Way.open(() => ({ address: { path: join(searchParams.get('host') ?? '', '.s.PGSQL.5432') } }));
  store = await openBeside({
    ...place.options,
    databaseUrl: `postgresql://postgres@127.0.0.1:${way.port}${pathname}`,
  });
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await way[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

describe('a database whose connections have fallen silent', () => {
  it('is tried anew after one of them was, and listened to again', async () => {
    // As many connections as transactions at a time.
    const all = gate();
    const three = [1, 2, 3].map(() =>
      store.transaction(async (tx) => {
        await tx.persons.all();
        await all.opened;
      }),
    );
    await store.transaction((tx) => tx.persons.all());
    all.open();
    await Promise.all(three);

    await way.cut('silent');
    await way.mend();
    const back: Change = { kind: 'outbox' };
    const heard = hearing(store, back);
    await expect(store.transaction((tx) => tx.persons.all())).rejects.toMatchObject({ code: 'database_away' });
    const given = performance.now();
    expect(await store.transaction((tx) => tx.persons.all())).toEqual([]);
    expect(performance.now() - given).toBeLessThan(3_000);
    expect(await heard).toEqual([back]);
    const again = hearing(store, back);
    await place.transaction(async (tx) => tx.announce(back));
    expect(await again).toEqual([back]);
  });
});

it('one that is silent is let go of all the same', async () => {
  await store.transaction((tx) => tx.persons.all());
  await way.cut('silent');
  const start = performance.now();
  await store[Symbol.asyncDispose]();
  expect(performance.now() - start).toBeLessThan(8_000);
});

describe('a commit whose answer does not come', () => {
  it.each(CUTS)('is neither called done nor undone: %s', async (how) => {
    const writing = store.transaction(async (tx) => {
      await tx.persons.insert(person(1), 'Person 1');
      await way.cut(how);
    });
    await expect(writing).rejects.toMatchObject({
      code: 'commit_unheard',
      message: expect.stringMatching(/check whether the write was done/),
    });
  });
});
