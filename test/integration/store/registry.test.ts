import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RegistryEntry } from '../../../src/access/registry-entry.ts';
import { digest, fingerprint, later, NOON, personId } from '../../support/samples/samples.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../support/worlds/store.ts';
import { insertWorld, key } from '../../support/worlds/world.ts';

const keyEntry = (n: number, isRetired = false): RegistryEntry => ({
  kind: 'key',
  fingerprint: fingerprint(n),
  isRetired,
});
const codeEntry = (n: number, until: Date | null): RegistryEntry => ({
  kind: 'code',
  digest: digest(n),
  until: until?.getTime() ?? 0,
});
const ALL = { keys: 100, codes: 100 };

describe.each(STORE_KINDS)('the registry of keys and codes on %s', (kind) => {
  let store: TestStore;
  const heard: RegistryEntry[] = [];
  /** What is heard of it by the time that it is done. */
  const change = async (work: Parameters<TestStore['transaction']>[0]): Promise<RegistryEntry[]> => {
    await store.transaction(work);
    return heard.splice(0);
  };
  const listed = (max = ALL): Promise<RegistryEntry[]> => store.transaction((tx) => tx.keys.registry(max));
  beforeAll(async () => {
    store = await openTestStore(kind);
    await insertWorld(store);
    store.subscribe((each) => {
      if (each.kind === 'registry_changed') heard.push(each.entry);
    });
  });
  afterAll(() => store[Symbol.asyncDispose]());

  it('tells of each that is written, before the transaction answers, and lists them', async () => {
    const code = { codeDigest: digest(7), personId: personId(1), expiresAt: later(900), usedAt: null };
    expect(await change((tx) => tx.keys.insertCode(code))).toEqual([codeEntry(7, later(900))]);
    expect(await listed()).toEqual([keyEntry(1), codeEntry(7, later(900))]);
    const registered = await change(async (tx) => {
      await tx.keys.useCode(digest(7), later(1));
      await tx.keys.insert({ ...key(2), registeredAt: later(1) });
    });
    expect(registered).toEqual([codeEntry(7, null), keyEntry(2)]);
    expect(await listed()).toEqual([keyEntry(1), keyEntry(2), codeEntry(7, null)]);
    expect(await change((tx) => tx.keys.retire(fingerprint(1), later(2), personId(1)))).toEqual([keyEntry(1, true)]);
    expect(await change((tx) => tx.keys.retire(fingerprint(1), later(3), personId(1)))).toEqual([]);
    expect(await listed()).toEqual([keyEntry(1, true), keyEntry(2), codeEntry(7, null)]);
  });

  it('tells nothing of what was rolled back', async () => {
    const failing = store.transaction(async (tx) => {
      await tx.keys.insert({ ...key(3), registeredAt: NOON });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(heard.splice(0)).toEqual([]);
  });

  it('lists the newest where there are more, and one whose seal is broken, for control to say so', async () => {
    await store.sql(`update registered_key set mac = 'x' where fingerprint = $1`, [fingerprint(2)]);
    expect(await listed({ keys: 1, codes: 0 })).toEqual([keyEntry(2)]);
  });
});
