import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { later, person, personId } from '../../support/samples/samples.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../support/worlds/store.ts';

describe.each(STORE_KINDS)('persons on %s', (kind) => {
  let store: TestStore;
  beforeAll(async () => {
    store = await openTestStore(kind);
  });
  afterAll(() => store[Symbol.asyncDispose]());

  it('are found by each of their accounts', async () => {
    const accounts = [
      { teamId: 'T1', userId: 'U1', enterpriseId: null },
      { teamId: 'T2', userId: 'U9', enterpriseId: 'E1' },
    ];
    const ada = person(1, { accounts, standing: 'guest' });
    expect(await store.transaction((tx) => tx.persons.insert(ada, 'Ada'))).toBe(true);
    await store.transaction(async (tx) => {
      expect(await tx.persons.byAccount('T1', 'U1')).toEqual(ada);
      expect(await tx.persons.byAccount('T2', 'U9')).toEqual(ada);
      expect(await tx.persons.byAccount('T2', 'U1')).toBeNull();
      expect(await tx.persons.byId(personId(1))).toEqual(ada);
    });
  });

  it('are not written where one of the accounts is known', async () => {
    const twice = person(2, {
      accounts: [
        { teamId: 'T1', userId: 'U2', enterpriseId: null },
        { teamId: 'T1', userId: 'U1', enterpriseId: null },
      ],
    });
    await store.transaction(async (tx) => {
      expect(await tx.persons.insert(twice, 'Bob')).toBe(false);
      expect(await tx.persons.byId(personId(2))).toBeNull();
      expect(await tx.persons.byAccount('T1', 'U2')).toBeNull();
    });
  });

  it('keep their other data when their name is erased', async () => {
    await store.transaction((tx) => tx.persons.insert(person(3), 'Cora \0 😀'));
    expect(await store.transaction((tx) => tx.persons.name(personId(3)))).toBe('Cora \uFFFD 😀');
    await store.sql('delete from person_name where person_id = $1', [personId(3)]);
    await store.transaction(async (tx) => {
      expect(await tx.persons.name(personId(3))).toBe('(name erased)');
      expect(await tx.persons.names([personId(1), personId(3)])).toEqual(
        new Map([
          [personId(1), 'Ada'],
          [personId(3), '(name erased)'],
        ]),
      );
      expect(await tx.persons.byId(personId(3))).toEqual(person(3));
      await tx.persons.rename(personId(3), 'Cora');
      expect(await tx.persons.name(personId(3))).toBe('Cora');
    });
  });

  it('change standing and activity, and nobody who is not there does', async () => {
    const seen = { standing: 'external', active: false, confirmedAt: later(60), unseenSince: later(90) } as const;
    await store.transaction((tx) => tx.persons.update(personId(3), seen));
    expect(await store.transaction((tx) => tx.persons.byId(personId(3)))).toEqual(person(3, seen));
    const unknown = store.transaction((tx) => tx.persons.update(personId(99), seen));
    await expect(unknown).rejects.toMatchObject({ code: 'missing_row' });
  });
});
