import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Policy } from '../../../src/access/policy.ts';
import { confirmEngagement } from '../../../src/use-cases/engagements/confirm-engagement.ts';
import { openEngagement } from '../../../src/use-cases/engagements/open-engagement.ts';
import type { Inventory } from '../../../src/use-cases/ports/inventory.ts';
import { requestAccess } from '../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../src/use-cases/requests/review-request.ts';
import { granted } from '../../support/worlds/access-world.ts';
import { RightsWorld } from '../../support/worlds/rights-world.ts';
import { openTestStore, type TestStore } from '../../support/worlds/store.ts';

let store: TestStore;
let world: RightsWorld;

beforeAll(async () => {
  store = await openTestStore('postgres');
  world = RightsWorld.on(store);
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(() => world.begin());

/** A configuration that is reloaded whenever a part of it has been read: each can be read once. */
function changing(inventory: Inventory): Inventory {
  const read = new Set<PropertyKey>();
  return new Proxy(inventory, {
    get(target, part) {
      if (read.has(part)) throw new Error(`${String(part)} is another by now`);
      read.add(part);
      return Reflect.get(target, part);
    },
  });
}
const given = (inventory = world.inventory) => ({ ...world.deps, inventory: changing(inventory) });

describe('one policy decides, whatever is reloaded meanwhile,', () => {
  const engagement = () => ({
    ...{ by: world.sponsor.id, name: 'New', vendor: 'Northwind', channelId: 'C1', memberIds: [world.contractor.id] },
    ...{ targetIds: ['web-01'], scopes: ['shell'], reviewerIds: [world.reviewer.id], lastDay: '2999-12-31' },
    timeZone: 'UTC',
  });

  it('about a request, its review and a login', async () => {
    const ask = { by: world.contractor.id, engagementId: world.engaged.id, targetIds: ['web-01'], login: world.login };
    const why = { scope: 'shell', durationSeconds: 3_600, reason: 'Move it', ticket: null };
    const { id: requestId, digest } = granted(await requestAccess(given())({ ...ask, ...why }));
    const card = { channelId: 'C1', ts: requestId };
    await store.transaction((tx) => tx.messages.put({ key: `review:${requestId}:thread`, ...card }));
    const review = { by: world.reviewer.id, requestId, digest, card, verdict: 'approve', comment: null } as const;
    expect(await reviewRequest(given())(review)).toMatchObject({ ok: true, value: { status: 'approved' } });
    const grant = await store.transaction((tx) => tx.grants.byRequest(requestId));
    const certificate = grant ? await world.certificateOf(grant) : '';
    const proof = world.key.proof(`${world.login}+web-01`, certificate);
    const { inventory } = world;
    Object.assign(world, { inventory: changing(inventory) });
    expect(await world.connected(proof)).toBe('session');
    Object.assign(world, { inventory });
  });

  it('about an engagement and its confirmation', async () => {
    const engagements = { openers: [{ people: 'any' }], reviewers: { people: 'any' } };
    const policy = Policy.parse({ rules: [{ name: 'one' }], engagements });
    const [target] = world.targets;
    if (!target) throw new Error('no target');
    world.targets[0] = { ...target, labels: { round: `one-moment-${world.round}` } };
    const opened = granted(await openEngagement(given({ ...world.inventory, policy }))(engagement()));
    expect(opened.confirmedAt).toBeNull();
    const confirm = confirmEngagement(given({ ...world.inventory, policy }));
    expect(await confirm({ by: world.reviewer.id, engagementId: opened.id })).toMatchObject({ ok: true });
  });
});
