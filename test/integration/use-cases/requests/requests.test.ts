import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engagement } from '../../../../src/access/engagement.ts';
import type { Person } from '../../../../src/access/person.ts';
import { Target } from '../../../../src/access/target.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { fingerprint } from '../../../support/samples/samples.ts';
import { AccessWorld, granted } from '../../../support/worlds/access-world.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../../support/worlds/store.ts';

describe.each(STORE_KINDS)('a request on the %s store', (kind) => {
  let store: TestStore;
  let world: AccessWorld;
  let contractor: Person;
  let engagement: Engagement;

  beforeEach(async () => {
    store = await openTestStore(kind);
    world = AccessWorld.over(store, { now: () => new Date() });
    const host_keys = [world.keys.gatewayHostPublicKey];
    const at = { id: 'web-01', name: 'Web', address: '127.0.0.1', host_keys, logins: [world.login] };
    world.targets.push(Target.parse(at));
    contractor = await world.person('UCON', 'guest');
    engagement = await world.engagement([contractor], [await world.person('UREVIEW')]);
    const publicKey = 'ssh-ed25519 AAAA';
    const key = { fingerprint: fingerprint(1), publicKey, personId: contractor.id, registeredAt: new Date() };
    await store.transaction((tx) => tx.keys.insert(key));
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const ask = (change: object, inventory = world.deps.inventory) =>
    requestAccess({ ...world.deps, inventory })({
      ...{ by: contractor.id, engagementId: engagement.id, targetIds: ['web-01'], login: world.login },
      ...{ scope: 'shell', durationSeconds: 600, reason: 'Copy a file', ticket: null },
      ...change,
    });

  it('is filed whatever was typed as reason and ticket', async () => {
    const filed = granted(await ask({ reason: 'half \ud83d of a \udc00 pair \0', ticket: '\ud800' }));
    const stored = await store.transaction((tx) => tx.requests.byId(filed.id));
    expect(stored?.ask).toMatchObject({ reason: 'half \ufffd of a \ufffd pair \ufffd', ticket: '\ufffd' });
    expect(world.authority.digest({ id: filed.id, ...stored?.ask })).toBe(filed.digest);
  });

  it('is for a scope that the engagement names and that is defined at the moment', async () => {
    const refusal = { rejection: { code: 'scope_not_in_engagement', field: 'scope' } };
    expect(await ask({ scope: 'ide' })).toMatchObject(refusal);
    expect(await ask({ scope: 'exec:restart' })).toMatchObject(refusal);
    expect(await ask({}, { ...world.deps.inventory, scopes: [] })).toMatchObject(refusal);
    expect(await ask({})).toMatchObject({ ok: true });
  });
});
