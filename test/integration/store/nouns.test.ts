import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ScopeName } from '../../../src/access/scopes/scope.ts';
import {
  engagement,
  engagementId,
  fingerprint,
  grant,
  grantId,
  later,
  pending,
  personId,
  requestId,
  targetId,
} from '../../support/samples/samples.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../support/worlds/store.ts';
import { insertWorld, key, session, sessionEnd, sessionId } from '../../support/worlds/world.ts';

describe.each(STORE_KINDS)('the store on %s', (kind) => {
  let store: TestStore;
  beforeAll(async () => {
    store = await openTestStore(kind);
    await insertWorld(store);
  });
  afterAll(() => store[Symbol.asyncDispose]());

  it('finds keys by person and fingerprint, and refuses a key a second time', async () => {
    await store.transaction(async (tx) => {
      expect(await tx.keys.ofPerson(personId(1))).toEqual([key(1)]);
      expect(await tx.keys.byFingerprint(fingerprint(1))).toEqual(key(1));
      expect(await tx.keys.byFingerprint(fingerprint(2))).toBeNull();
    });
    const again = store.transaction((tx) => tx.keys.insert(key(1, 2)));
    await expect(again).rejects.toMatchObject({ code: 'unique_violation' });
  });

  it('keeps an engagement with its people and lists in their order', async () => {
    const other = engagement({
      id: engagementId(2),
      memberIds: [personId(3), personId(1)],
      reviewerIds: [personId(4), personId(2)],
      targetIds: [targetId('db-01'), targetId('a')],
      scopes: [ScopeName.parse('exec:deploys'), ScopeName.parse('shell')],
      lastDay: '2032-02-29',
      createdAt: later(1),
    });
    await store.transaction(async (tx) => {
      await tx.engagements.insert(other);
      expect(await tx.engagements.byId(engagementId(2))).toEqual(other);
      expect(await tx.engagements.all()).toEqual([engagement(), other]);
      expect(await tx.engagements.ofMember(personId(1))).toEqual([engagement(), other]);
      expect(await tx.engagements.ofMember(personId(3))).toEqual([other]);
      expect(await tx.engagements.ofMember(personId(2))).toEqual([]);
      expect(await tx.engagements.byId(engagementId(9))).toBeNull();
    });
  });

  it('finds requests by who asked, who may review, and what is overdue', async () => {
    const review = { reviewerId: personId(2), verdict: 'approve', comment: 'fine \u{1F600}', at: later(5) } as const;
    const half = pending({ id: requestId(3), approvals: 2, requestedAt: later(3), expiresAt: later(10) });
    await store.transaction(async (tx) => {
      await tx.requests.insert(half);
      await tx.requests.save({ ...half, reviews: [review] });
      const ids = async (found: ReturnType<typeof tx.requests.pendingOf>) => (await found).map(({ id }) => id);
      expect(await ids(tx.requests.pendingOf(personId(1)))).toEqual([requestId(1), requestId(2), requestId(3)]);
      expect(await ids(tx.requests.pendingOf(personId(2)))).toEqual([]);
      expect(await ids(tx.requests.pendingForReviewer(personId(2)))).toEqual([requestId(1), requestId(2)]);
      expect(await ids(tx.requests.pendingForReviewer(personId(3)))).toEqual([
        requestId(1),
        requestId(2),
        requestId(3),
      ]);
      expect(await ids(tx.requests.pendingForReviewer(personId(1)))).toEqual([]);
      expect(await tx.requests.lockOverdue(later(9), 10)).toEqual([]);
      expect(await tx.requests.lockOverdue(later(10), 10)).toEqual([{ ...half, reviews: [review] }]);
      await tx.requests.save({ ...half, reviews: [review], status: 'expired', decidedAt: later(10) });
      expect(await tx.requests.lockOverdue(later(99), 10)).toEqual([]);
      expect(await ids(tx.requests.pendingForReviewer(personId(3)))).toEqual([requestId(1), requestId(2)]);
    });
  });

  it('finds grants by request, person and time, and notes an expiry once', async () => {
    await store.transaction(async (tx) => {
      const second = grant(2, { notBefore: later(100).toISOString(), notAfter: later(200).toISOString() });
      await tx.grants.insert(second);
      expect(await tx.grants.byRequest(requestId(2))).toEqual(second);
      expect(await tx.grants.byRequest(requestId(3))).toBeNull();
      expect(await tx.grants.ofPerson(personId(1))).toEqual([grant(1), second]);
      expect(await tx.grants.list({ limit: 10 })).toEqual([second, grant(1)]);
      expect(await tx.grants.list({ limit: 1 })).toEqual([second]);
      expect(await tx.grants.list({ activeAt: later(99), limit: 10 })).toEqual([grant(1)]);
      expect(await tx.grants.list({ activeAt: later(199), limit: 10 })).toEqual([second, grant(1)]);
      expect(await tx.grants.list({ activeAt: later(200), limit: 10 })).toEqual([grant(1)]);
      const both = [grantId(1), second.id];
      expect(await tx.grants.open()).toEqual([
        { id: second.id, expiresAt: later(200) },
        { id: grantId(1), expiresAt: later(3_600) },
      ]);
      expect(await tx.grants.lockOpen(both)).toEqual([second, grant(1)]);
      await tx.grants.noteExpiry(second.id, later(200));
      expect(await tx.grants.byId(second.id)).toEqual({ ...second, expiredAt: later(200) });
      expect(await tx.grants.list({ activeAt: later(199), limit: 10 })).toEqual([grant(1)]);
      expect(await tx.grants.lockOpen(both)).toEqual([grant(1)]);
      await tx.grants.end(grantId(1), { how: 'returned', at: later(9), by: null, comment: null });
      expect(await tx.grants.open()).toEqual([]);
      expect(await tx.grants.lockOpen(both)).toEqual([]);
      expect(await tx.grants.list({ activeAt: later(9), limit: 10 })).toEqual([]);
    });
  });

  it('gathers sessions into bursts and tells the live ones', async () => {
    const web = targetId('web-01');
    await store.transaction(async (tx) => {
      await tx.sessions.insert(session(1), sessionId(1));
      await tx.sessions.insert(session(2, { startedAt: later(60) }), sessionId(1));
      await tx.sessions.insert(session(3, { targetId: targetId('db-01'), startedAt: later(70) }), sessionId(3));
      await tx.sessions.insert(session(4, { startedAt: later(700) }), sessionId(4));
      const ids = async (found: ReturnType<typeof tx.sessions.live>) => (await found).map(({ id }) => id);
      expect(await tx.sessions.openBurst(grantId(1), web, later(-1))).toBe(sessionId(4));
      expect(await tx.sessions.openBurst(grantId(1), web, later(700))).toBeNull();
      expect(await tx.sessions.openBurst(grantId(1), targetId('db-01'), later(60))).toBe(sessionId(3));
      expect(await tx.sessions.openBurst(grantId(2), web, later(-1))).toBeNull();
      expect(await tx.sessions.burstOf(sessionId(2))).toBe(sessionId(1));
      expect(await tx.sessions.burstOf(sessionId(9))).toBeNull();
      expect(await ids(tx.sessions.ofBurst(sessionId(1)))).toEqual([sessionId(1), sessionId(2)]);
      expect(await tx.sessions.list({ limit: 2 })).toEqual([
        session(4, { startedAt: later(700) }),
        session(3, { targetId: targetId('db-01'), startedAt: later(70) }),
      ]);
      await tx.sessions.end(sessionId(1), sessionEnd({ ending: { how: 'terminated', why: 'revoked' } }));
      expect(await ids(tx.sessions.live())).toEqual([sessionId(2), sessionId(3), sessionId(4)]);
      expect(await ids(tx.sessions.liveOfGrant(grantId(1)))).toEqual([sessionId(2), sessionId(3), sessionId(4)]);
      expect(await tx.sessions.liveOfGrant(grantId(2))).toEqual([]);
      expect(await tx.sessions.lock(sessionId(1))).toEqual(
        session(1, { ended: sessionEnd({ ending: { how: 'terminated', why: 'revoked' } }) }),
      );
    });
    const again = store.transaction((tx) => tx.sessions.end(sessionId(1), sessionEnd()));
    await expect(again).rejects.toMatchObject({ code: 'missing_row' });
  });

  it('accepts an SSH session id once, however many come at a time, until it is forgotten', async () => {
    const accept = (): Promise<boolean> =>
      store.transaction((tx) => tx.sessions.acceptSshSessionId('ab'.repeat(32), later(60)));
    const accepted = await Promise.all(Array.from({ length: 20 }, accept));
    expect(accepted.filter((fresh) => fresh)).toHaveLength(1);
    await store.transaction((tx) => tx.sessions.forgetSshSessionIds(later(60), 10));
    expect(await accept()).toBe(false);
    await store.transaction((tx) => tx.sessions.forgetSshSessionIds(later(61), 10));
    expect(await accept()).toBe(true);
  });
});
