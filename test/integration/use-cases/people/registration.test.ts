import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SshKey } from '../../../support/peers/signing-key.ts';
import { RightsWorld } from '../../../support/worlds/rights-world.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../../support/worlds/store.ts';

describe.each(STORE_KINDS)('on the %s store', (kind) => {
  let now: Date;
  let store: TestStore;
  let world: RightsWorld;

  beforeEach(async () => {
    now = new Date();
    store = await openTestStore(kind);
    world = RightsWorld.on(store, { now: () => now });
    await world.begin(['web-01', 'db-01']);
  });
  afterEach(() => world[Symbol.asyncDispose]());

  describe('a key', () => {
    it('is registered once per code, and only within its time', async () => {
      const code = await world.code(world.contractor.id);
      expect(await world.register(new SshKey(), code)).toBe('registered');
      expect(await world.register(new SshKey(), code)).toBe('code_expired');
      expect(await world.register(new SshKey(), 'never-issued')).toBe('code_unknown');
      const late = await world.code(world.contractor.id);
      now = new Date(now.getTime() + 15 * 60_000);
      expect(await world.register(new SshKey(), late)).toBe('code_expired');
    });

    it('belongs to one person for good', async () => {
      expect(await world.register(world.key, await world.code(world.reviewer.id))).toBe('key_taken');
      expect(await world.register(world.key, await world.code(world.contractor.id))).toBe('registered');
    });

    it('is not registered by who only names it: the signature has to be its own', async () => {
      const code = await world.code(world.contractor.id);
      const claimed = world.key.proof(`register-${code}`, null);
      const forged = { signed: claimed.signed, signature: new SshKey().proof(`register-${code}`, null).signature };
      expect(await world.authorize(forged)).toBe('proof_invalid');
      const stranger = new SshKey();
      expect(await world.authorize({ ...stranger.proof(`register-${code}`, null), signature: claimed.signature })).toBe(
        'proof_invalid',
      );
    });

    it('that is added later joins no grant that exists', async () => {
      const grant = await world.given();
      const later = new SshKey();
      expect(await world.register(later, await world.code(world.contractor.id))).toBe('registered');
      const issued = await store.transaction((tx) => tx.grants.certificates(grant.id));
      expect(issued.map((each) => each.fingerprint)).toEqual([world.key.fingerprint]);
      // Even with a certificate of the CA for it, the grant names the keys that were approved.
      const [type, blob] = [`ssh-ed25519`, Buffer.from(later.blob).toString('base64')];
      const { validAfter, validBefore } = { validAfter: now, validBefore: new Date(now.getTime() + 600_000) };
      const { certificate } = world.authority.issueDownstream(`${type} ${blob}`, {
        keyId: 'stolen',
        principals: [world.login],
        validAfter,
        validBefore,
        criticalOptions: {},
        extensions: [],
      });
      now = new Date(now.getTime() + 1_000);
      expect(await world.authorize(later.proof(`${world.login}+web-01`, certificate))).toBe('key_not_in_grant');
    });

    it('is announced to its owner and to the sponsor of the owner’s engagement', async () => {
      await world.register(new SshKey(), await world.code(world.contractor.id));
      const due = await store.transaction((tx) => tx.outbox.due(new Date(now.getTime() + 1_000), 100));
      const told = due.flatMap(({ notice }) => (notice.kind === 'key_registered' ? [notice.to] : []));
      expect(new Set(told)).toEqual(new Set([world.contractor.id, world.engaged.sponsorId]));
    });
  });
});
