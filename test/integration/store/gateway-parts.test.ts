import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Change, Store } from '../../../src/use-cases/ports/store.ts';
import {
  digest,
  engagement,
  engagementId,
  fingerprint,
  grant,
  grantId,
  later,
  NOON,
  pending,
  person,
  personId,
  requestId,
  targetId,
} from '../../support/samples/samples.ts';
import { type GatewayParts, MemoryStore } from '../../support/worlds/memory-store.ts';
import { openTestStore, STORE_KINDS } from '../../support/worlds/store.ts';
import { certificate, insertWorld, key, session, sessionEnd, sessionId } from '../../support/worlds/world.ts';

type GatewayStore = Store<GatewayParts> & Partial<AsyncDisposable>;

const open = async (kind: (typeof STORE_KINDS)[number] | 'memory'): Promise<GatewayStore> =>
  kind === 'memory' ? new MemoryStore() : openTestStore(kind);

/** What the gateway's use-cases ask of a store, held to the real ones and to the one that the worlds of gateway tests have. */
describe.each([...STORE_KINDS, 'memory'] as const)('what a gateway needs of the store: %s', (kind) => {
  let store: GatewayStore;
  const heard: Change[] = [];
  beforeAll(async () => {
    store = await open(kind);
    await insertWorld(store);
    store.subscribe((change) => heard.push(change));
  });
  afterAll(() => store[Symbol.asyncDispose]?.());

  it('finds people and what they have', async () => {
    await store.transaction(async (tx) => {
      expect(await tx.persons.byId(personId(1))).toEqual(person(1));
      expect(await tx.persons.lock(personId(2))).toEqual(person(2));
      expect(await tx.persons.byId(personId(9))).toBeNull();
      expect(await tx.engagements.byId(engagementId(1))).toEqual(engagement());
      expect(await tx.engagements.byIds([engagementId(1), engagementId(9)])).toEqual([engagement()]);
      expect(await tx.engagements.ofMember(personId(1))).toEqual([engagement()]);
      expect(await tx.engagements.ofMember(personId(2))).toEqual([]);
      expect(await tx.requests.pendingOf(personId(1))).toEqual([pending(), pending({ id: requestId(2) })]);
      expect(await tx.requests.pendingOf(personId(2))).toEqual([]);
      expect(tx.broken()).toBeNull();
    });
  });

  it('finds a key, refuses it a second time, and tells of it once it is written', async () => {
    heard.splice(0);
    await store.transaction(async (tx) => {
      expect(await tx.keys.byFingerprint(fingerprint(1))).toEqual(key(1));
      expect(await tx.keys.byFingerprint(fingerprint(2))).toBeNull();
      await tx.keys.insert({ ...key(2), registeredAt: later(1) });
      expect(heard).toEqual([]);
    });
    const entry = (n: number) => ({ kind: 'key', fingerprint: fingerprint(n), isRetired: false });
    expect(heard).toEqual([{ kind: 'registry_changed', entry: entry(2) }]);
    const again = store.transaction((tx) => tx.keys.insert(key(1, 2)));
    await expect(again).rejects.toMatchObject({ code: 'unique_violation' });
    const listed = (keys: number) => store.transaction((tx) => tx.keys.registry({ keys, codes: 1 }));
    expect(await listed(9)).toEqual([entry(1), entry(2)]);
    expect(await listed(1)).toEqual([entry(2)]);
  });

  it('lets a registration code be used once', async () => {
    const code = { codeDigest: digest(7), personId: personId(1), expiresAt: later(900), usedAt: null };
    await store.transaction((tx) => tx.keys.insertCode(code));
    const use = (): Promise<boolean> =>
      store.transaction(async (tx) => {
        const locked = await tx.keys.lockCode(digest(7));
        if (locked?.usedAt !== null) return false;
        expect(locked).toEqual(code);
        await tx.keys.useCode(digest(7), later(1));
        return true;
      });
    const uses = await Promise.all(Array.from({ length: 10 }, use));
    expect(uses.filter((used) => used)).toHaveLength(1);
    await expect(store.transaction((tx) => tx.keys.useCode(digest(7), NOON))).rejects.toMatchObject({
      code: 'missing_row',
    });
    expect(await store.transaction((tx) => tx.keys.lockCode(digest(8)))).toBeNull();
    expect(await store.transaction((tx) => tx.keys.registry({ keys: 0, codes: 9 }))).toEqual([
      { kind: 'code', digest: digest(7), until: 0 },
    ]);
  });

  it('has the grants of a person in their order, and ends each once', async () => {
    const earlier = grant(2, { notBefore: later(-60).toISOString() });
    const end = { how: 'returned', at: later(9), by: personId(1), comment: null } as const;
    await store.transaction(async (tx) => {
      await tx.grants.insert(earlier);
      expect(await tx.grants.ofPerson(personId(1))).toEqual([earlier, grant(1)]);
      expect(await tx.grants.ofPerson(personId(2))).toEqual([]);
      await tx.grants.end(grantId(2), end);
      expect(await tx.grants.byId(grantId(2))).toEqual({ ...earlier, end });
      expect(await tx.grants.lock(grantId(1))).toEqual(grant(1));
      expect(await tx.grants.lock(grantId(9))).toBeNull();
    });
    const again = store.transaction((tx) => tx.grants.end(grantId(2), end));
    await expect(again).rejects.toMatchObject({ code: 'missing_row' });
  });

  it('keeps certificates with 64-bit serials, each once', async () => {
    await store.transaction(async (tx) => {
      await tx.grants.insertCertificate(grantId(1), certificate(2));
      await tx.grants.insertCertificate(grantId(1), certificate(1));
      await tx.grants.insertCertificate(null, certificate(3));
      expect(await tx.grants.certificates(grantId(1))).toEqual([certificate(1), certificate(2)]);
    });
    const again = store.transaction((tx) => tx.grants.insertCertificate(null, certificate(3)));
    await expect(again).rejects.toMatchObject({ code: 'unique_violation' });
  });

  it('tells the live sessions of a grant and the burst that one belongs to', async () => {
    const web = targetId('web-01');
    const marks = { headAtStart: digest(3), state: 'live' } as const;
    await store.transaction(async (tx) => {
      await tx.sessions.insert(session(1), sessionId(1));
      await tx.sessions.insert(session(2, { startedAt: later(60) }), sessionId(1));
      await tx.sessions.insert(session(3, { targetId: targetId('db-01'), startedAt: later(70) }), sessionId(3));
      await tx.sessions.insert(session(4, { startedAt: later(700) }), sessionId(4));
      expect(await tx.sessions.openBurst(grantId(1), web, later(-1))).toBe(sessionId(4));
      expect(await tx.sessions.openBurst(grantId(1), web, later(700))).toBeNull();
      expect(await tx.sessions.openBurst(grantId(1), targetId('db-01'), later(60))).toBe(sessionId(3));
      expect(await tx.sessions.openBurst(grantId(2), web, later(-1))).toBeNull();
      expect(await tx.sessions.burstOf(sessionId(2))).toBe(sessionId(1));
      expect(await tx.sessions.burstOf(sessionId(9))).toBeNull();
      await tx.sessions.markRecording(sessionId(1), marks);
      await tx.sessions.markRecording(sessionId(1), { state: 'closed' });
      await tx.sessions.end(sessionId(1), sessionEnd());
      const recording = { headAtStart: digest(3), headAtEnd: null, state: 'closed' } as const;
      expect(await tx.sessions.lock(sessionId(1))).toEqual(session(1, { ended: sessionEnd(), recording }));
      expect(await tx.sessions.byId(sessionId(9))).toBeNull();
      const live = await tx.sessions.liveOfGrant(grantId(1));
      expect(live.map(({ id }) => id)).toEqual([sessionId(2), sessionId(3), sessionId(4)]);
      expect(await tx.sessions.liveOfGrant(grantId(2))).toEqual([]);
    });
    const again = store.transaction((tx) => tx.sessions.end(sessionId(1), sessionEnd()));
    await expect(again).rejects.toMatchObject({ code: 'missing_row' });
    const unknown = store.transaction((tx) => tx.sessions.markRecording(sessionId(9), marks));
    await expect(unknown).rejects.toMatchObject({ code: 'missing_row' });
  });

  it('accepts an SSH session id once, however many come at a time, until it is released', async () => {
    const id = 'ab'.repeat(32);
    const accept = (): Promise<boolean> => store.transaction((tx) => tx.sessions.acceptSshSessionId(id, later(60)));
    const accepted = await Promise.all(Array.from({ length: 20 }, accept));
    expect(accepted.filter((fresh) => fresh)).toHaveLength(1);
    await store.transaction((tx) => tx.sessions.releaseSshSessionId(id));
    expect(await accept()).toBe(true);
  });

  it('knows who ended something last, and keeps an equal notice once', async () => {
    heard.splice(0);
    const event = { type: 'session_terminated', at: NOON, facts: { session: sessionId(1) } } as const;
    const notice = { kind: 'session_line', burstId: sessionId(1) } as const;
    expect(await store.transaction((tx) => tx.audit.head())).toBeNull();
    await store.transaction(async (tx) => {
      await tx.audit.append({ ...event, actor: { kind: 'person', id: personId(2) } });
      await tx.audit.append({ ...event, actor: { kind: 'operator', account: 'root' } });
      await tx.audit.append({ ...event, type: 'session_ended', actor: { kind: 'daypass' } });
      expect(await tx.audit.enderOf('session', sessionId(1))).toEqual({ kind: 'operator', account: 'root' });
      expect(await tx.audit.enderOf('session', sessionId(2))).toBeNull();
      expect(await tx.audit.enderOf('grant', grantId(1))).toBeNull();
      expect(await tx.outbox.enqueue(notice, 'a lane')).toBe(true);
      expect(await tx.outbox.enqueue(notice, 'a lane')).toBe(false);
    });
    expect(heard).toEqual([{ kind: 'outbox' }]);
    // As anybody computes it: SHA-256 over the RFC 8785 JSON of each event in turn.
    const hash = '7435f53ca9b893e123033ba36fa091081216b55f586fc21b8f8eb1ea360203ea';
    expect(await store.transaction((tx) => tx.audit.head())).toEqual({ number: 3, hash });
  });

  it('leaves nothing of what throws', async () => {
    heard.splice(0);
    const failing = store.transaction(async (tx) => {
      await tx.keys.insert(key(5));
      await tx.grants.end(grantId(1), { how: 'revoked', at: NOON, by: null, comment: null });
      await tx.sessions.insert(session(5), sessionId(5));
      await tx.sessions.end(sessionId(2), sessionEnd());
      await tx.sessions.acceptSshSessionId('cd'.repeat(32), later(60));
      tx.announce({ kind: 'grant_ended', grantId: grantId(1) });
      throw new RangeError('changed my mind');
    });
    await expect(failing).rejects.toThrow(new RangeError('changed my mind'));
    await store.transaction(async (tx) => {
      expect(await tx.keys.byFingerprint(fingerprint(5))).toBeNull();
      expect(await tx.grants.byId(grantId(1))).toEqual(grant(1));
      expect(await tx.sessions.byId(sessionId(5))).toBeNull();
      expect((await tx.sessions.byId(sessionId(2)))?.ended).toBeNull();
      expect(await tx.sessions.acceptSshSessionId('cd'.repeat(32), later(60))).toBe(true);
      tx.announce({ kind: 'grant_ended', grantId: grantId(2) });
    });
    expect(heard).toEqual([{ kind: 'grant_ended', grantId: grantId(2) }]);
  });
});
