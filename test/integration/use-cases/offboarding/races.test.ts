import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isActive } from '../../../../src/access/grant.ts';
import { isProved } from '../../../../src/access/offboarding.ts';
import type { OpenStore } from '../../../../src/store/store.ts';
import { closeEngagement } from '../../../../src/use-cases/offboarding/close-engagement.ts';
import { offboardPerson } from '../../../../src/use-cases/offboarding/offboard.ts';
import { proveOffboardings } from '../../../../src/use-cases/offboarding/prove.ts';
import type { Tx } from '../../../../src/use-cases/ports/store.ts';
import { gate } from '../../../support/checks/gate.ts';
import { SshKey } from '../../../support/peers/signing-key.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { AskedGateways, ROOT } from '../../../support/worlds/offboard-world.ts';
import { RightsWorld } from '../../../support/worlds/rights-world.ts';
import { openTestStore } from '../../../support/worlds/store.ts';

/** Which of two wins is PostgreSQL’s to say; each is tried so often that both come first at some time. */
const TRIES = 6;

let store: OpenStore;
let world: RightsWorld;
beforeAll(async () => {
  store = await openTestStore('postgres');
  world = RightsWorld.on(store);
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(() => world.begin());

const offboard = (over: OpenStore = store) =>
  offboardPerson({ ...world.deps, store: over })({
    ...{ by: ROOT, personId: world.contractor.id, engagementId: null, reason: null, isSecurity: false },
  });
const close = (over: OpenStore = store) =>
  closeEngagement({ ...world.deps, store: over })({
    by: ROOT,
    engagementId: world.engaged.id,
    reason: null,
    isSecurity: false,
  });
/** A store whose requests are looked up so. */
const onRequests =
  (change: Partial<Tx['requests']>): OpenStore['transaction'] =>
  (work) =>
    store.transaction((tx) => work({ ...tx, requests: { ...tx.requests, ...change } }));
const live = async () => {
  const grants = await store.transaction((tx) => tx.grants.ofPerson(world.contractor.id));
  return grants.filter((grant) => isActive(grant, new Date()));
};
const prove = () => proveOffboardings({ ...world.deps, gateways: new AskedGateways() })();
/** Whether it is proved of this one, once all were asked about. */
async function proved(ended: Awaited<ReturnType<typeof close>>): Promise<boolean> {
  const begun = granted(ended);
  await prove();
  const found = begun && (await store.transaction((tx) => tx.offboardings.byId(begun.id)));
  return found !== null && isProved(found);
}

describe.each([
  ['offboarding', offboard],
  ['closing', close],
])('%s at the moment of', (_, end) => {
  it('an approval leaves no grant, whichever comes first', async () => {
    for (let n = 0; n < TRIES; n += 1) {
      await world.begin();
      const request = granted(await world.ask());
      const [ended, approved] = await Promise.all([end(), world.approve(request)]);
      expect(ended.ok).toBe(true);
      if (!approved.ok) expect(approved.rejection.code).toMatch(/requester_gone|already_decided|engagement_closed/);
      expect(await live()).toEqual([]);
    }
  });

  it('an approval of what it has not seen waiting leaves none either: it waits until that is written', async () => {
    const request = granted(await world.ask());
    const unseen = { ...store, transaction: onRequests({ pendingOf: async () => [], pendingIn: async () => [] }) };
    const approving = gate();
    const ended = approving.opened.then(() => end(unseen));
    // Past its checks, and before the grant is written.
    const retiredAmong = async () => {
      approving.open();
      await Promise.race([ended, pause(1_000)]);
      return new Set<never>();
    };
    const transaction: OpenStore['transaction'] = (work) =>
      store.transaction((tx) => work({ ...tx, keys: { ...tx.keys, retiredAmong } }));
    const approved = await world.approve(request, world.reviewer, 'approve', { ...store, transaction });
    expect(approved.ok).toBe(true);
    expect((await ended).ok).toBe(true);
    expect(await live()).toEqual([]);
  });

  it('a login leaves no session under a live grant, and its record keeps the proof open until it ends', async () => {
    for (let n = 0; n < TRIES; n += 1) {
      await world.begin();
      const grant = await world.given();
      const [ended, entered] = await Promise.all([end(), world.enter(grant)]);
      expect(ended.ok).toBe(true);
      expect(entered).toMatch(/^(session|grant_revoked|key_retired|person_offboarded|engagement_closed)$/);
      expect(await live()).toEqual([]);
      // A session that came first is in the way of the proof until a gateway has ended it.
      expect(await proved(ended)).toBe(entered !== 'session');
      expect(await world.enter(grant)).not.toBe('session');
      await store.transaction(async (tx) => {
        for (const { id } of await tx.sessions.live())
          await tx.sessions.end(id, { at: new Date(), ending: { how: 'closed' }, channels: [], refusals: [] });
      });
      expect(await proved(ended)).toBe(true);
    }
  });

  it('a request leaves none that waits', async () => {
    for (let n = 0; n < TRIES; n += 1) {
      await world.begin();
      const [ended] = await Promise.all([end(), world.ask()]);
      expect(ended.ok).toBe(true);
      expect(await store.transaction((tx) => tx.requests.pendingOf(world.contractor.id))).toEqual([]);
    }
  });
});

it('offboarding at the moment at which a key is registered leaves none in use', async () => {
  for (let n = 0; n < TRIES; n += 1) {
    await world.begin();
    const key = new SshKey();
    const code = await world.code(world.contractor.id);
    const [ended, registered] = await Promise.all([offboard(), world.register(key, code)]);
    expect(ended.ok).toBe(true);
    expect(registered).toMatch(/^(registered|person_offboarded)$/);
    expect(await store.transaction((tx) => tx.keys.ofPerson(world.contractor.id))).toEqual([]);
  }
});

it('two that offboard one person at once are one who does, and one who is told', async () => {
  const done = await Promise.all([offboard(), offboard()]);
  expect(done.filter(({ ok }) => ok)).toHaveLength(1);
  expect(done.find(({ ok }) => !ok)).toMatchObject({ rejection: { code: 'already_offboarded' } });
});
