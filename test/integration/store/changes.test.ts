import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Change, Store } from '../../../src/use-cases/ports/store.ts';
import { gate } from '../../support/checks/gate.ts';
import { hearing } from '../../support/checks/hearing.ts';
import { grantId } from '../../support/samples/samples.ts';
import { openBeside } from '../../support/worlds/beside.ts';
import { createDatabase, type PostgresServer, startPostgres } from '../../support/worlds/postgres.ts';
import { openTestStore, type TestStore } from '../../support/worlds/store.ts';
import { sessionId } from '../../support/worlds/world.ts';

const ended = (n: number): Change => ({ kind: 'grant_ended', grantId: grantId(n) });
const announce = (store: Store, ...changes: readonly Change[]): Promise<void> =>
  store.transaction(async (tx) => {
    for (const change of changes) tx.announce(change);
  });

describe('changes on postgres', () => {
  let one: TestStore;
  beforeAll(async () => {
    one = await openTestStore('postgres');
  });
  afterAll(() => one[Symbol.asyncDispose]());

  it('reach every process on the database once, the one that made them too', async () => {
    await using two = await openBeside(one.options);
    const heard = [hearing(one, ended(9)), hearing(two, ended(8))];
    const asked: Change = {
      kind: 'session_end_asked',
      sessionId: sessionId(1),
      by: { kind: 'operator', account: 'root' },
    };
    await announce(one, ended(1), asked, ended(1));
    await announce(two, { kind: 'outbox' });
    await announce(two, ended(9));
    await announce(one, ended(8));
    for (const all of await Promise.all(heard)) {
      // Between those of two processes there is no order.
      expect(all.filter((each) => [ended(1), asked].some((own) => isDeepStrictEqual(own, each)))).toEqual([
        ended(1),
        asked,
      ]);
      const others = all.filter((each) => [{ kind: 'outbox' }, ended(9)].some((own) => isDeepStrictEqual(own, each)));
      expect(others).toEqual([{ kind: 'outbox' }, ended(9)]);
    }
  });

  it('are heard after their commit only', async () => {
    await using two = await openBeside(one.options);
    const heard = hearing(two, ended(3));
    const announced = gate();
    const committing = gate();
    const first = one.transaction(async (tx) => {
      tx.announce(ended(3));
      announced.open();
      await committing.opened;
    });
    await announced.opened;
    await announce(one, ended(2));
    committing.open();
    await first;
    expect(await heard).toEqual([ended(2), ended(3)]);
  });

  it('reach the one that made them also when its listening connection is gone', async () => {
    const heard = hearing(one, ended(4));
    await one.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%' or query = 'select 1'`,
    );
    await announce(one, ended(4));
    expect((await heard).at(-1)).toEqual(ended(4));
  });

  it('that no Daypass made are ignored', async () => {
    const heard = hearing(one, ended(1));
    for (const payload of ['', 'null', '{"kind":"grant_ended","grantId":"x"}', '{"kind":"shutdown"}', '[']) {
      await one.sql(`select pg_notify('daypass_change', $1)`, [payload]);
    }
    await announce(one, ended(1));
    expect(await heard).toEqual([ended(1)]);
  });

  it('reach the other listeners when one of them fails, and none that has unsubscribed', async () => {
    const gone: Change[] = [];
    one.subscribe((change) => gone.push(change))();
    const unsubscribe = one.subscribe(() => {
      throw new Error('a listener failed');
    });
    const heard = hearing(one, ended(5));
    await announce(one, ended(5));
    expect(await heard).toEqual([ended(5)]);
    expect(gone).toEqual([]);
    unsubscribe();
  });
});

describe('while PostgreSQL is away', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('transactions are rejected, and afterwards both they and changes come through again', async () => {
    await using database = await createDatabase(server.url);
    await using place = await openTestStore('postgres');
    await using store = await openBeside({ ...place.options, databaseUrl: database.url });
    const inside = gate();
    const stopped = gate();
    const cut = store.transaction(async (tx) => {
      await tx.persons.all();
      inside.open();
      await stopped.opened;
      return tx.persons.all();
    });
    cut.catch(() => {});
    await inside.opened;
    await server.stop();
    stopped.open();
    await expect(cut).rejects.toMatchObject({ name: 'StoreFault', code: 'database_away' });
    await expect(store.transaction((tx) => tx.persons.all())).rejects.toMatchObject({ code: 'database_away' });
    const back = hearing(store, { kind: 'outbox' });
    await server.start();
    expect(await store.transaction((tx) => tx.persons.all())).toEqual([]);
    expect(await back).toEqual([{ kind: 'outbox' }]);
    const heard = hearing(store, ended(7));
    await announce(store, ended(7));
    expect(await heard).toEqual([ended(7)]);
  });

  it('a store does not open', async () => {
    await using place = await openTestStore('postgres');
    const nowhere = 'postgresql://postgres@localhost/postgres?host=/nonexistent';
    const opening = openBeside({ ...place.options, databaseUrl: nowhere });
    await expect(opening).rejects.toMatchObject({ code: 'database_away' });
  });
});

describe('changes on embedded', () => {
  it('are heard after their commit only', async () => {
    await using store = await openTestStore('embedded');
    const heard = hearing(store, ended(1));
    let inside = 0;
    const unsubscribe = store.subscribe(() => {
      inside += 1;
    });
    await store.transaction(async (tx) => {
      tx.announce({ kind: 'outbox' });
      tx.announce({ kind: 'outbox' });
      tx.announce(ended(1));
      await tx.persons.all();
      expect(inside).toBe(0);
    });
    expect(await heard).toEqual([{ kind: 'outbox' }, ended(1)]);
    unsubscribe();
  });
});
