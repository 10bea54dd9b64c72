import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../../../src/access/grant.ts';
import { Fingerprint } from '../../../../src/access/ids.ts';
import type { Person } from '../../../../src/access/person.ts';
import { wordedOrder } from '../../../../src/gateway/words/session-words.ts';
import { holdSessionsToGrants } from '../../../../src/use-cases/grants/hold-sessions.ts';
import { listKeys, retireKey } from '../../../../src/use-cases/people/retire-key.ts';
import type { Gateways } from '../../../../src/use-cases/ports/gateways.ts';
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

describe('a key', () => {
  const retire = (by: Person | null, who = world.key, isSecurity = false) =>
    retireKey(world.deps)({
      by: by?.id ?? { account: 'root' },
      fingerprint: Fingerprint.parse(who.fingerprint),
      isSecurity,
    });

  const ended = async (): Promise<string[]> => {
    const live = await store.transaction((tx) => tx.sessions.live());
    const mine = live.filter(({ personId }) => personId === world.contractor.id);
    const said: string[] = [];
    const terminate: Gateways['terminate'] = ([id], order) => {
      if (mine.some((session) => session.id === id)) said.push(wordedOrder(order).message);
    };
    await holdSessionsToGrants({ ...world.deps, gateways: { carried: () => [], terminate, extend: () => false } })();
    return said;
  };
  const state = (grant: Grant) => store.transaction((tx) => tx.grants.byId(grant.id));

  it('that was retired opens nothing, ends its sessions and the grants that have no other, and its owner is told', async () => {
    const second = await world.registers(world.contractor);
    const alone = granted(await world.ask({ keys: [world.key.fingerprint] }));
    granted(await world.approve(alone));
    const both = granted(await world.ask({ keys: [world.key.fingerprint, second.fingerprint] }));
    granted(await world.approve(both));
    const [first, shared] = await store.transaction((tx) =>
      Promise.all([tx.grants.byRequest(alone.id), tx.grants.byRequest(both.id)]),
    );
    if (!first || !shared) throw new Error('no grants');
    expect(await world.enter(first)).toBe('session');
    expect(await world.enter(shared)).toBe('session');
    expect(await world.enter(shared, second)).toBe('session');
    granted(await retire(world.contractor));
    expect(await world.enter(shared)).toBe('key_retired');
    expect(await ended()).toHaveLength(2);
    expect((await state(first))?.end).toMatchObject({ how: 'revoked', by: world.contractor.id });
    expect((await state(shared))?.end).toBeNull();
    expect(await world.enter(shared, second)).toBe('session');
    const told = await store.sql("select notice from outbox where kind = 'key_retired'");
    expect(told.map((row) => row['notice'])).toContainEqual({
      ...{ kind: 'key_retired', fingerprint: world.key.fingerprint, to: world.contractor.id },
    });
    const caller = { personId: world.contractor.id, fingerprint: Fingerprint.parse(world.key.fingerprint) };
    expect(await selfService(world.deps)(caller, { verb: 'cert', grant: null })).toMatchObject({
      why: { code: 'key_removed' },
    });
    expect(await retire(world.contractor)).toMatchObject({ ok: false, rejection: { code: 'key_retired' } });
  });

  it('that was retired is registered again by nobody, and cannot be brought back in the database', async () => {
    granted(await retire(world.contractor));
    expect(await world.register(world.key, await world.code(world.contractor.id))).toBe('key_retired');
    expect(await world.register(world.key, await world.code(world.reviewer.id))).toBe('key_taken');
    const forged = store.sql('update registered_key set retired_at = null where fingerprint = $1', [
      world.key.fingerprint,
    ]);
    await expect(forged).rejects.toThrow(/retired for good/);
    await expect(
      store.sql('delete from registered_key where fingerprint = $1', [world.key.fingerprint]),
    ).rejects.toThrow();
  });

  it('that is retired while a request waits gets nothing by a later Approve', async () => {
    const request = granted(await world.ask());
    granted(await retire(world.contractor));
    expect(await world.approve(request)).toMatchObject({ ok: false, rejection: { code: 'key_retired' } });
    expect(await world.ask()).toMatchObject({ ok: false, rejection: { code: 'no_registered_key' } });
  });

  it('is retired by its owner, a sponsor of the owner’s, security and operators, and by nobody else', async () => {
    const stranger = await world.person(`USTRANGER${world.round}`);
    for (const by of [stranger, world.reviewer]) {
      expect(await retire(by)).toMatchObject({ ok: false, rejection: { code: 'may_not_retire_key' } });
    }
    const list = (person: Person, isSecurity = false) =>
      listKeys(world.deps)({ personId: person.id, isSecurity, find: null }).then(({ others }) =>
        others.some((each) => each.key.fingerprint === world.key.fingerprint),
      );
    expect(await list(world.reviewer)).toBe(false);
    granted(await retire(world.sponsor));
    for (const [by, isSecurity] of [
      [stranger, true],
      [null, false],
      [world.contractor, false],
    ] as const) {
      granted(await retire(by, await world.registers(world.contractor), isSecurity));
    }
  });
});
