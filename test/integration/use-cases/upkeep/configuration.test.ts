import { afterEach, expect, it } from 'vitest';
import { noteLoaded, noteMended, noteRefused } from '../../../../src/use-cases/upkeep/note-configuration.ts';
import { NOON } from '../../../support/samples/samples.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../../support/worlds/store.ts';

let store: TestStore;
afterEach(() => store[Symbol.asyncDispose]());

it.each(STORE_KINDS)(
  'security hears of a configuration that is refused and mended, by way of the %s store',
  async (kind) => {
    store = await openTestStore(kind);
    const deps = { store, clock: { now: () => NOON } };
    await noteLoaded(deps)({ policySha256: 'aa', targetsSha256: 'bb' });
    await noteRefused(deps)({ file: 'policy.yml', line: 2, reason: 'rules: missing', sha256: 'cc' });
    const heard = async () =>
      (await store.transaction((tx) => tx.outbox.due(NOON, 10))).map(({ id, notice, lane }) => ({ id, notice, lane }));
    const at = NOON.toISOString();
    const [first] = await heard();
    expect(first).toMatchObject({
      notice: { kind: 'configuration_refused', at, file: 'policy.yml', line: 2, reason: 'rules: missing' },
      lane: 'security',
    });
    await store.transaction((tx) => tx.outbox.delivered(first?.id ?? 0));
    await noteMended(deps)();
    expect(await heard()).toMatchObject([{ notice: { kind: 'configuration_mended', at } }]);
    const actor = { kind: 'daypass' };
    expect(await store.transaction((tx) => tx.audit.list(5))).toEqual([
      { type: 'configuration_refused', at: NOON, actor, facts: { file: 'policy.yml', line: 2, sha256: 'cc' } },
      { type: 'configuration_loaded', at: NOON, actor, facts: { policySha256: 'aa', targetsSha256: 'bb' } },
    ]);
  },
);
