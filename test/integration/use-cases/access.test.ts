import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downstreamCertificate } from '../../../src/access/certificate.ts';
import type { Engagement } from '../../../src/access/engagement.ts';
import type { Grant } from '../../../src/access/grant.ts';
import type { Person } from '../../../src/access/person.ts';
import { Target } from '../../../src/access/target.ts';
import { endGrant } from '../../../src/use-cases/grants/end-grant.ts';
import { noteExpiredGrants } from '../../../src/use-cases/grants/expire-grants.ts';
import { holdSessionsToGrants } from '../../../src/use-cases/grants/hold-sessions.ts';
import { messageKey } from '../../../src/use-cases/notice.ts';
import { seePerson } from '../../../src/use-cases/people/see-person.ts';
import { requestAccess } from '../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../src/use-cases/requests/review-request.ts';
import type { ConnectionRefusal } from '../../../src/use-cases/sessions/gateway-control.ts';
import { refusalNotes } from '../../../src/use-cases/sessions/note-refusals.ts';
import { plainLogins } from '../../../src/use-cases/sessions/plain-logins.ts';
import { recordSessionClosed } from '../../../src/use-cases/sessions/record-session.ts';
import { forgetOld } from '../../../src/use-cases/upkeep/forget.ts';
import { SshKey } from '../../support/peers/signing-key.ts';
import { AccessWorld, granted } from '../../support/worlds/access-world.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../support/worlds/store.ts';

describe.each(STORE_KINDS)('on the %s store', (kind) => {
  let store: TestStore;
  let world: AccessWorld;
  let contractor: Person;
  let reviewer: Person;
  let engagement: Engagement;
  let key: SshKey;
  let now: Date;
  let refusals: ConnectionRefusal[];

  beforeEach(async () => {
    now = new Date();
    refusals = [];
    store = await openTestStore(kind);
    world = AccessWorld.over(store, { now: () => now });
    for (const id of ['web-01', 'db-01']) {
      const host_keys = [world.keys.gatewayHostPublicKey];
      world.targets.push(Target.parse({ id, name: id, address: '127.0.0.1', host_keys, logins: [world.login] }));
    }
    contractor = await world.person('UCON', 'guest');
    reviewer = await world.person('UREVIEW');
    engagement = await world.engagement([contractor], [reviewer]);
    key = new SshKey();
    expect(await register(key, await world.code(contractor.id))).toBe('registered');
  });

  afterEach(() => world[Symbol.asyncDispose]());

  type Inside = { readonly personId: Person['id']; readonly remoteAddress: string };
  /** Of a worker that says it comes from 192.0.2.7, also inside a jump from elsewhere. */
  const authorize = (proof: ReturnType<SshKey['proof']>, inside: Inside | 'jump' | null = null) => {
    const outer = { remember: () => {}, find: () => (inside === 'jump' ? null : inside) };
    const refused = (refusal: ConnectionRefusal): void => void refusals.push(refusal);
    const inner = { kind: 'inner', targetName: 'web-01', outerSshSessionId: 'outer' } as const;
    const route = inside === 'jump' ? ({ kind: 'jump' } as const) : inside ? inner : ({ kind: 'direct' } as const);
    return world.connected(proof, route, { outer, refused, connectionsPerGrant: 3 });
  };
  const register = (who: SshKey, code: string) => authorize(who.proof(`register-${code}`, null));
  const certificateOf = async (grant: Grant): Promise<string> => {
    const [issued] = await store.transaction((tx) => tx.grants.certificates(grant.id));
    return issued?.certificate ?? '';
  };
  const enter = async (grant: Grant, who = key, target = 'web-01') =>
    authorize(who.proof(`${world.login}+${target}`, await certificateOf(grant)));

  describe('a key', () => {
    it('is registered once per code, and only within its time', async () => {
      const code = await world.code(contractor.id);
      expect(await register(new SshKey(), code)).toBe('registered');
      expect(await register(new SshKey(), code)).toBe('code_expired');
      expect(await register(new SshKey(), 'never-issued')).toBe('code_unknown');
      const late = await world.code(contractor.id);
      now = new Date(now.getTime() + 15 * 60_000);
      expect(await register(new SshKey(), late)).toBe('code_expired');
    });

    it('belongs to one person for good', async () => {
      expect(await register(key, await world.code(reviewer.id))).toBe('key_taken');
      expect(await register(key, await world.code(contractor.id))).toBe('registered');
    });

    it('is not registered by who only names it: the signature has to be its own', async () => {
      const code = await world.code(contractor.id);
      const claimed = key.proof(`register-${code}`, null);
      const forged = { signed: claimed.signed, signature: new SshKey().proof(`register-${code}`, null).signature };
      expect(await authorize(forged)).toBe('proof_invalid');
      const stranger = new SshKey();
      expect(await authorize({ ...stranger.proof(`register-${code}`, null), signature: claimed.signature })).toBe(
        'proof_invalid',
      );
    });

    it('that is added later joins no grant that exists', async () => {
      const grant = await world.grant(contractor, reviewer, engagement);
      const later = new SshKey();
      expect(await register(later, await world.code(contractor.id))).toBe('registered');
      const issued = await store.transaction((tx) => tx.grants.certificates(grant.id));
      expect(issued.map((each) => each.fingerprint)).toEqual([key.fingerprint]);
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
      expect(await authorize(later.proof(`${world.login}+web-01`, certificate))).toBe('key_not_in_grant');
    });

    it('is announced to its owner and to the sponsor of the owner’s engagement', async () => {
      await register(new SshKey(), await world.code(contractor.id));
      const due = await store.transaction((tx) => tx.outbox.due(new Date(now.getTime() + 1_000), 100));
      const told = due.flatMap(({ notice }) => (notice.kind === 'key_registered' ? [notice.to] : []));
      expect(new Set(told)).toEqual(new Set([contractor.id, engagement.sponsorId]));
    });
  });

  describe('a login', () => {
    it.each([
      ['198.51.100.9', '198.51.100.9', 'session'],
      ['198.51.100.9', '192.0.2.7', 'certificate_refused'],
      ['192.0.2.7', '198.51.100.9', 'certificate_refused'],
    ])('through a jump from %s with a certificate for %s: %s', async (peer, allowed, expected) => {
      const grant = await world.grant(contractor, reviewer, engagement);
      const { certificate } = world.authority.issueDownstream(
        `ssh-ed25519 ${Buffer.from(key.blob).toString('base64')}`,
        { ...downstreamCertificate(grant), criticalOptions: { 'source-address': allowed } },
      );
      const inside = { personId: contractor.id, remoteAddress: peer };
      expect(await authorize(key.proof(world.login, certificate), inside)).toBe(expected);
      if (expected !== 'session') return;
      const [live] = await store.transaction((tx) => tx.sessions.live());
      expect(live?.clientAddress).toBe(peer);
    });

    it('is let in by its grant, once per SSH session id', async () => {
      const grant = await world.grant(contractor, reviewer, engagement);
      expect(await enter(grant)).toBe('session');
      const proof = key.proof(`${world.login}+web-01`, await certificateOf(grant));
      expect(await authorize(proof)).toBe('session');
      expect(await authorize(proof)).toBe('proof_replayed');
    });

    it('is decided for each key and certificate that a client tries on one connection, until one is accepted', async () => {
      const first = await world.grant(contractor, reviewer, engagement);
      const other = new SshKey();
      await register(other, await world.code(contractor.id));
      const second = await world.grant(contractor, reviewer, engagement);
      const onConnection = Buffer.alloc(32, 7);
      const user = `${world.login}+web-01`;
      const issued = await store.transaction((tx) => tx.grants.certificates(second.id));
      const certificate = (who: SshKey) =>
        issued.find((each) => each.fingerprint === who.fingerprint)?.certificate ?? '';
      const stranger = new SshKey().proof(user, null, onConnection);
      const ofAnotherLogin = key.proof('nobody+web-01', await certificateOf(first), onConnection);
      const held = other.proof(user, certificate(other), onConnection);
      expect(await authorize(stranger)).toBe('proof_invalid');
      expect(await authorize(ofAnotherLogin)).toBe('login_not_granted');
      expect(await authorize(key.proof(user, certificate(key), onConnection))).toBe('session');
      // What a worker kept of that connection opens nothing more, however good it would have been.
      expect(await authorize(held)).toBe('proof_replayed');
      expect(await authorize(other.proof(user, certificate(other), Buffer.alloc(32, 8)))).toBe('session');
    });

    it('that was refused is not good later, when more is granted', async () => {
      const grant = await world.grant(contractor, reviewer, engagement);
      const live: Grant[] = [grant, grant, grant];
      for (const each of live) expect(await enter(each)).toBe('session');
      const proof = key.proof(`${world.login}+web-01`, await certificateOf(grant));
      expect(await authorize(proof)).toBe('too_many_sessions');
      const [session] = await store.transaction((tx) => tx.sessions.liveOfGrant(grant.id));
      if (!session) throw new Error('no session');
      const report = { ending: { how: 'closed' }, channels: [], refusals: [], recording: null } as const;
      await recordSessionClosed(world.deps)(session.id, report, { kind: 'none' });
      expect(await authorize(proof)).toBe('proof_replayed');
      expect(await enter(grant)).toBe('session');
    });

    it('of two at once on one connection one is accepted', async () => {
      const grant = await world.grant(contractor, reviewer, engagement);
      const certificate = await certificateOf(grant);
      for (let round = 0; round < 10; round += 1) {
        const onConnection = Buffer.alloc(32, 100 + round);
        const [one, two] = ['web-01', 'db-01'].map((target) =>
          authorize(key.proof(`${world.login}+${target}`, certificate, onConnection)),
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
      const revoked = await world.grant(contractor, reviewer, engagement);
      await world.revoke(revoked);
      expect(await enter(revoked)).toBe('grant_revoked');
      const short = await world.grant(contractor, reviewer, engagement, { seconds: 60 });
      now = new Date(now.getTime() + 60_000);
      expect(await enter(short)).toBe('certificate_expired');
      const kept = await world.grant(contractor, reviewer, engagement);
      const [account] = contractor.accounts;
      if (!account) throw new Error('no account');
      const profile = { name: 'UCON', standing: 'guest', active: false } as const;
      await seePerson(world.deps)({ account, profile });
      expect(await enter(kept)).toBe('person_inactive');
    });

    it('is one of so many at a time with its grant on its target, and no more', async () => {
      const grant = await world.grant(contractor, reviewer, engagement);
      for (let n = 0; n < 3; n += 1) expect(await enter(grant)).toBe('session');
      expect(await enter(grant)).toBe('too_many_sessions');
      expect(await enter(grant, key, 'db-01')).toBe('session');
      const live = await store.transaction((tx) => tx.sessions.liveOfGrant(grant.id));
      const one = live.find(({ targetId }) => targetId === 'web-01');
      if (!one) throw new Error('no session');
      await recordSessionClosed(world.deps)(
        one.id,
        { ending: { how: 'closed' }, channels: [], refusals: [], recording: null },
        { kind: 'none' },
      );
      expect(await enter(grant)).toBe('session');
    });

    it('that is refused leaves one event for each address and reason, however often it is tried', async () => {
      const notes = refusalNotes(world.deps);
      const from = (n: number) => ({ address: `192.0.2.${n % 256}.${n >> 8}`, reason: 'proof_invalid' });
      for (let n = 0; n < 5_000; n += 1) notes.note({ ...from(7), fingerprint: key.fingerprint as never });
      for (let n = 0; n < 5_000; n += 1) notes.note({ ...from(n), fingerprint: null });
      await notes.flush();
      await notes.flush();
      const events = await store.transaction((tx) => tx.audit.list(10_000));
      const refused = events.filter(({ type }) => type === 'connection_refused').map(({ facts }) => facts);
      expect(refused).toHaveLength(201);
      expect(refused).toContainEqual({ ...from(7), count: 5_001, keys: [key.fingerprint] });
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
        expect(await authorize(stranger.proof('daypass', null), 'jump')).toBe('unknown_key');
        expect(await authorize(stranger.proof('register-abcdefgh', null))).toBe('code_unknown');
      }
      expect(await sizes()).toEqual(before);
    });

    it('with a plain key is good once, also years later and when all that is old was forgotten', async () => {
      const proof = key.proof('daypass', null);
      expect(await authorize(proof, 'jump')).toBe('jump');
      now = new Date(now.getTime() + 3 * 365 * 86_400_000);
      await forgetOld(world.deps)();
      expect(await authorize(proof, 'jump')).toBe('proof_replayed');
    });

    it('with a plain key is taken so often a day', () => {
      const may = plainLogins(2);
      const one = key.fingerprint as never;
      expect([may(one, now), may(one, now), may(one, now)]).toEqual([true, true, false]);
      expect(may(new SshKey().fingerprint as never, now)).toBe(true);
      expect(may(one, new Date(now.getTime() + 86_400_000))).toBe(true);
    });

    it('that is refused is reported with the key only where its signature was verified', async () => {
      const stranger = new SshKey();
      const grant = await world.grant(contractor, reviewer, engagement);
      const proof = key.proof(`${world.login}+web-01`, await certificateOf(grant));
      await authorize({ ...proof, signature: stranger.proof('x', null).signature });
      await authorize(key.proof(`${world.login}+no-01`, await certificateOf(grant)));
      const address = '192.0.2.7';
      expect(refusals).toEqual([
        { address, reason: 'proof_invalid', fingerprint: null },
        { address, reason: 'unknown_target_name', fingerprint: key.fingerprint },
      ]);
    });

    it('counts only for the target whose address and host keys were approved', async () => {
      const grant = await world.grant(contractor, reviewer, engagement, { targets: ['web-01'] });
      expect(await enter(grant, key, 'db-01')).toBe('target_not_granted');
      const [web] = world.targets;
      if (!web) throw new Error('no target');
      world.targets[0] = { ...web, address: '127.0.0.2' };
      expect(await enter(grant)).toBe('target_changed');
    });
  });

  describe('a session that runs when a later grant is made', () => {
    const live = () => store.transaction((tx) => tx.sessions.live());
    const held = async () => {
      const asked: string[] = [];
      const gateways = {
        carried: () => [],
        terminate: () => void asked.push('terminate'),
        extend: (_: unknown, under: Grant) => asked.push(under.id) > 0,
      };
      await holdSessionsToGrants({ ...world.deps, gateways })();
      return asked;
    };

    it('goes on under it, which the audit log says, and ends with it', async () => {
      const first = await world.grant(contractor, reviewer, engagement, { seconds: 60 });
      expect(await enter(first)).toBe('session');
      expect(await held()).toEqual([first.id]);
      const second = await world.grant(contractor, reviewer, engagement, { seconds: 600, targets: ['web-01'] });
      const [session] = await live();
      expect(session).toMatchObject({ grantId: second.id, grantDigest: second.digest });
      const events = await store.transaction((tx) => tx.audit.list(100));
      expect(events.find(({ type }) => type === 'session_extended')?.facts).toEqual({
        ...{ session: session?.id, before: first.id, grant: second.id, digest: second.digest },
        notAfter: second.terms.notAfter,
      });
      now = new Date(now.getTime() + 61_000);
      expect(await held()).toEqual([second.id]);
      await world.revoke(second);
      expect(await held()).toEqual(['terminate']);
    });

    it('stays what it was where the later one ends earlier, or is of something else', async () => {
      const first = await world.grant(contractor, reviewer, engagement, { seconds: 60 });
      expect(await enter(first)).toBe('session');
      await world.grant(contractor, reviewer, engagement, { seconds: 59 });
      await world.grant(contractor, reviewer, engagement, { seconds: 600, targets: ['db-01'] });
      await world.grant(contractor, reviewer, engagement, { seconds: 600, scope: 'files-rw' });
      expect((await live()).map(({ grantId }) => grantId)).toEqual([first.id]);
      now = new Date(now.getTime() + 60_000);
      expect(await held()).toEqual(['terminate']);
    });

    it('stays what it was where its own was revoked at the same moment', async () => {
      const first = await world.grant(contractor, reviewer, engagement, { seconds: 60 });
      expect(await enter(first)).toBe('session');
      await world.revoke(first);
      await world.grant(contractor, reviewer, engagement, { seconds: 600 });
      expect((await live()).map(({ grantId }) => grantId)).toEqual([first.id]);
      expect(await held()).toEqual(['terminate']);
    });

    it('is not prolonged by a row that was written past the decisions', async () => {
      const first = await world.grant(contractor, reviewer, engagement, { seconds: 60 });
      expect(await enter(first)).toBe('session');
      await store.sql('alter table access_grant disable trigger all');
      const notAfter = new Date(now.getTime() + 600_000).toISOString();
      const terms = JSON.stringify({ ...first.terms, notAfter });
      await store.sql('update access_grant set terms = $1, not_after = $2 where id = $3', [terms, notAfter, first.id]);
      expect(await held()).toEqual([]);
    });
  });

  describe('a row that was written past the decisions', () => {
    const anyhow = (statement: string, parameters: readonly unknown[] = []) => store.sql(statement, parameters);

    it('mints nothing when its terms were widened, whatever digest it claims', async () => {
      const grant = await world.grant(contractor, reviewer, engagement, { targets: ['web-01'] });
      await anyhow('alter table access_grant disable trigger all');
      const both = await world.grant(contractor, reviewer, engagement);
      const terms = JSON.stringify({ ...grant.terms, targets: both.terms.targets });
      await world.revoke(both);
      await anyhow('update access_grant set terms = $1 where id = $2', [terms, grant.id]);
      expect(await enter(grant, key, 'db-01')).toBe('grant_revoked');
      const digest = world.authority.digest(JSON.parse(terms));
      await anyhow('update access_grant set digest = $1 where id = $2', [digest, grant.id]);
      expect(await enter(grant, key, 'db-01')).toBe('grant_revoked');
      expect(await enter(grant)).toBe('grant_revoked');
    });

    it('mints nothing when it was inserted with a MAC that control did not make', async () => {
      const grant = await world.grant(contractor, reviewer, engagement);
      await anyhow('alter table access_grant disable trigger all');
      await anyhow("update access_grant set mac = 'AAAA' where id = $1", [grant.id]);
      expect(await enter(grant)).toBe('grant_tampered');
    });

    it('is not approved when the ask under its card was edited', async () => {
      const request = granted(
        await requestAccess(world.deps)({
          by: contractor.id,
          engagementId: engagement.id,
          targetIds: ['web-01'],
          login: world.login,
          scope: 'files-rw',
          durationSeconds: 600,
          reason: 'Copy a file',
          ticket: null,
        }),
      );
      const card = { channelId: 'C1', ts: '1.1' };
      const posted = messageKey({ kind: 'review_card', requestId: request.id, to: null });
      await store.transaction((tx) => tx.messages.put({ key: posted, ...card }));
      await anyhow('alter table access_request disable trigger all');
      await anyhow(
        'update access_request set ask = replace(ask::text, \'"durationSeconds":600\', \'"durationSeconds":9600\')::json',
      );
      const { id: requestId, digest } = request;
      const verdict = { by: reviewer.id, requestId, digest, card, verdict: 'approve', comment: null } as const;
      expect(await reviewRequest(world.deps)(verdict)).toEqual({ ok: false, rejection: { code: 'digest_mismatch' } });
      expect(await store.transaction((tx) => tx.grants.byRequest(requestId))).toBeNull();
    });
  });

  describe('the end of a grant', () => {
    it('is told once, whoever notes it, and is somebody’s who may', async () => {
      const grant = await world.grant(contractor, reviewer, engagement);
      const stranger = await world.person('USTRANGER');
      const by = (id: Person['id'], isSecurity = false) =>
        endGrant(world.deps)({ by: id, grantId: grant.id, comment: null, isSecurity });
      expect(await by(stranger.id)).toEqual({ ok: false, rejection: { code: 'may_not_end_grant' } });
      const ends = await Promise.all([by(contractor.id), by(reviewer.id), by(stranger.id, true)]);
      expect(ends.filter((each) => each.ok)).toHaveLength(1);
      now = new Date(now.getTime() + 24 * 3_600_000);
      expect(await noteExpiredGrants({ ...world.deps, elapsedMs: () => 0 })()).toBe(0);
      const events = await store.transaction((tx) => tx.audit.list(100));
      const ended = events.filter(
        ({ type }) => type === 'grant_returned' || type === 'grant_revoked' || type === 'grant_expired',
      );
      expect(ended).toHaveLength(1);
    });
  });
});
