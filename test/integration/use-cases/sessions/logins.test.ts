import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downstreamCertificate } from '../../../../src/access/certificate.ts';
import type { Grant } from '../../../../src/access/grant.ts';
import { seePerson } from '../../../../src/use-cases/people/see-person.ts';
import { refusalNotes } from '../../../../src/use-cases/sessions/note-refusals.ts';
import { plainLogins } from '../../../../src/use-cases/sessions/plain-logins.ts';
import { recordSessionClosed } from '../../../../src/use-cases/sessions/record-session.ts';
import { forgetOld } from '../../../../src/use-cases/upkeep/forget.ts';
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
    world.connectionsPerGrant = 3;
    await world.begin(['web-01', 'db-01']);
  });
  afterEach(() => world[Symbol.asyncDispose]());

  describe('a login', () => {
    it.each([
      ['198.51.100.9', '198.51.100.9', 'session'],
      ['198.51.100.9', '192.0.2.7', 'certificate_refused'],
      ['192.0.2.7', '198.51.100.9', 'certificate_refused'],
    ])('through a jump from %s with a certificate for %s: %s', async (peer, allowed, expected) => {
      const grant = await world.given();
      const { certificate } = world.authority.issueDownstream(
        `ssh-ed25519 ${Buffer.from(world.key.blob).toString('base64')}`,
        { ...downstreamCertificate(grant), criticalOptions: { 'source-address': allowed } },
      );
      const inside = { personId: world.contractor.id, remoteAddress: peer };
      expect(await world.authorize(world.key.proof(world.login, certificate), inside)).toBe(expected);
      if (expected !== 'session') return;
      const [live] = await store.transaction((tx) => tx.sessions.live());
      expect(live?.clientAddress).toBe(peer);
    });

    it('is let in by its grant, once per SSH session id', async () => {
      const grant = await world.given();
      expect(await world.enter(grant)).toBe('session');
      const proof = world.key.proof(`${world.login}+web-01`, await world.certificateOf(grant));
      expect(await world.authorize(proof)).toBe('session');
      expect(await world.authorize(proof)).toBe('proof_replayed');
    });

    it('is decided for each key and certificate that a client tries on one connection, until one is accepted', async () => {
      const first = await world.given();
      const other = new SshKey();
      await world.register(other, await world.code(world.contractor.id));
      const second = await world.given();
      const onConnection = Buffer.alloc(32, 7);
      const user = `${world.login}+web-01`;
      const issued = await store.transaction((tx) => tx.grants.certificates(second.id));
      const certificate = (who: SshKey) =>
        issued.find((each) => each.fingerprint === who.fingerprint)?.certificate ?? '';
      const stranger = new SshKey().proof(user, null, onConnection);
      const ofAnotherLogin = world.key.proof('nobody+web-01', await world.certificateOf(first), onConnection);
      const held = other.proof(user, certificate(other), onConnection);
      expect(await world.authorize(stranger)).toBe('proof_invalid');
      expect(await world.authorize(ofAnotherLogin)).toBe('login_not_granted');
      expect(await world.authorize(world.key.proof(user, certificate(world.key), onConnection))).toBe('session');
      // What a worker kept of that connection opens nothing more, however good it would have been.
      expect(await world.authorize(held)).toBe('proof_replayed');
      expect(await world.authorize(other.proof(user, certificate(other), Buffer.alloc(32, 8)))).toBe('session');
    });

    it('that was refused is not good later, when more is granted', async () => {
      const grant = await world.given();
      const live: Grant[] = [grant, grant, grant];
      for (const each of live) expect(await world.enter(each)).toBe('session');
      const proof = world.key.proof(`${world.login}+web-01`, await world.certificateOf(grant));
      expect(await world.authorize(proof)).toBe('too_many_sessions');
      const [session] = await store.transaction((tx) => tx.sessions.liveOfGrant(grant.id));
      if (!session) throw new Error('no session');
      const report = { ending: { how: 'closed' }, channels: [], refusals: [], recording: null } as const;
      await recordSessionClosed(world.deps)(session.id, report, { kind: 'none' });
      expect(await world.authorize(proof)).toBe('proof_replayed');
      expect(await world.enter(grant)).toBe('session');
    });

    it('of two at once on one connection one is accepted', async () => {
      const grant = await world.given();
      const certificate = await world.certificateOf(grant);
      for (let round = 0; round < 10; round += 1) {
        const onConnection = Buffer.alloc(32, 100 + round);
        const [one, two] = ['web-01', 'db-01'].map((target) =>
          world.authorize(world.key.proof(`${world.login}+${target}`, certificate, onConnection)),
        );
        const outcomes = [await one, await two];
        expect(outcomes.filter((each) => each === 'session').length).toBeLessThanOrEqual(1);
        expect(outcomes).toContain('proof_replayed');
        for (const { id } of await store.transaction((tx) => tx.sessions.liveOfGrant(grant.id))) {
          const report = { ending: { how: 'closed' }, channels: [], refusals: [], recording: null } as const;
          await recordSessionClosed(world.deps)(id, report, { kind: 'none' });
        }
      }
    });

    it('is refused once the grant was ended, has run out, or the account was deactivated', async () => {
      const revoked = await world.given();
      await world.revoke(revoked);
      expect(await world.enter(revoked)).toBe('grant_revoked');
      const short = await world.given({ seconds: 60 });
      now = new Date(now.getTime() + 60_000);
      expect(await world.enter(short)).toBe('certificate_expired');
      const kept = await world.given();
      const [account] = world.contractor.accounts;
      if (!account) throw new Error('no account');
      const profile = { name: 'UCON', standing: 'guest', active: false } as const;
      await seePerson(world.deps)({ account, profile });
      expect(await world.enter(kept)).toBe('person_inactive');
    });

    it('is one of so many at a time with its grant on its target, and no more', async () => {
      const grant = await world.given();
      for (let n = 0; n < 3; n += 1) expect(await world.enter(grant)).toBe('session');
      expect(await world.enter(grant)).toBe('too_many_sessions');
      expect(await world.enter(grant, world.key, 'db-01')).toBe('session');
      const live = await store.transaction((tx) => tx.sessions.liveOfGrant(grant.id));
      const one = live.find(({ targetId }) => targetId === 'web-01');
      if (!one) throw new Error('no session');
      await recordSessionClosed(world.deps)(
        one.id,
        { ending: { how: 'closed' }, channels: [], refusals: [], recording: null },
        { kind: 'none' },
      );
      expect(await world.enter(grant)).toBe('session');
    });

    it('that is refused leaves one event for each address and reason, however often it is tried', async () => {
      const notes = refusalNotes(world.deps);
      const from = (n: number) => ({ address: `192.0.2.${n % 256}.${n >> 8}`, reason: 'proof_invalid' });
      for (let n = 0; n < 5_000; n += 1) notes.note({ ...from(7), fingerprint: world.key.fingerprint as never });
      for (let n = 0; n < 5_000; n += 1) notes.note({ ...from(n), fingerprint: null });
      await notes.flush();
      await notes.flush();
      const events = await store.transaction((tx) => tx.audit.list(10_000));
      const refused = events.filter(({ type }) => type === 'connection_refused').map(({ facts }) => facts);
      expect(refused).toHaveLength(201);
      expect(refused).toContainEqual({ ...from(7), count: 5_001, keys: [world.key.fingerprint] });
      expect(refused).toContainEqual({ address: null, reason: 'proof_invalid', count: 4_800, keys: [] });
    });

    it('that is refused fills no log, from however many addresses it is tried for however long', async () => {
      const notes = refusalNotes(world.deps);
      for (let minute = 0; minute < 60; minute += 1) {
        for (let n = 0; n < 300; n += 1) {
          notes.note({ address: `2001:db8::${minute}:${n}`, reason: 'unknown_key', fingerprint: null });
        }
        await notes.flush();
      }
      const events = await store.transaction((tx) => tx.audit.list(10_000));
      const refused = events.filter(({ type }) => type === 'connection_refused').map(({ facts }) => facts);
      // 240 that name an address, and one each minute for the others.
      expect(refused.length).toBeLessThanOrEqual(240 + 60);
      expect(refused.reduce((sum, { count }) => sum + Number(count), 0)).toBe(60 * 300);
    });

    it('of a stranger leaves nothing in the database, however often and as whoever it is tried', async () => {
      const sizes = async () => {
        const tables = [
          'accepted_ssh_session',
          'registration_code',
          'registered_key',
          'audit_event',
          'outbox',
          'person',
        ];
        const counts = tables.map((table) => `select '${table}' as name, count(*)::int as n from ${table}`);
        return store.sql(counts.join(' union all '));
      };
      const before = await sizes();
      for (let n = 0; n < 20; n += 1) {
        const stranger = new SshKey();
        expect(await world.authorize(stranger.proof('daypass', null), 'jump')).toBe('unknown_key');
        expect(await world.authorize(stranger.proof('register-abcdefgh', null))).toBe('code_unknown');
      }
      expect(await sizes()).toEqual(before);
    });

    it('with a plain key is good once, also years later and when all that is old was forgotten', async () => {
      const proof = world.key.proof('daypass', null);
      expect(await world.authorize(proof, 'jump')).toBe('jump');
      now = new Date(now.getTime() + 3 * 365 * 86_400_000);
      await forgetOld(world.deps)();
      expect(await world.authorize(proof, 'jump')).toBe('proof_replayed');
    });

    it('with a plain key is taken so often a day', () => {
      const may = plainLogins(2);
      const one = world.key.fingerprint as never;
      expect([may(one, now), may(one, now), may(one, now)]).toEqual([true, true, false]);
      expect(may(new SshKey().fingerprint as never, now)).toBe(true);
      expect(may(one, new Date(now.getTime() + 86_400_000))).toBe(true);
    });

    it('that is refused is reported with the key only where its signature was verified', async () => {
      const stranger = new SshKey();
      const grant = await world.given();
      const proof = world.key.proof(`${world.login}+web-01`, await world.certificateOf(grant));
      await world.authorize({ ...proof, signature: stranger.proof('x', null).signature });
      await world.authorize(world.key.proof(`${world.login}+no-01`, await world.certificateOf(grant)));
      const address = '192.0.2.7';
      expect(world.refusals).toEqual([
        { address, reason: 'proof_invalid', fingerprint: null },
        { address, reason: 'unknown_target_name', fingerprint: world.key.fingerprint },
      ]);
    });

    it('counts only for the target whose address and host keys were approved', async () => {
      const grant = await world.given({ targets: ['web-01'] });
      expect(await world.enter(grant, world.key, 'db-01')).toBe('target_not_granted');
      const [web] = world.targets;
      if (!web) throw new Error('no target');
      world.targets[0] = { ...web, address: '127.0.0.2' };
      expect(await world.enter(grant)).toBe('target_changed');
    });
  });
});
