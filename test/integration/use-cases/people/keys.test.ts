import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engagement } from '../../../../src/access/engagement.ts';
import type { Person } from '../../../../src/access/person.ts';
import { Target } from '../../../../src/access/target.ts';
import { messageKey } from '../../../../src/use-cases/notice.ts';
import { registerKey } from '../../../../src/use-cases/people/register-key.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../../src/use-cases/requests/review-request.ts';
import { fingerprintOf, makeKey } from '../../../support/peers/slack-keys.ts';
import { AccessWorld, granted } from '../../../support/worlds/access-world.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../../support/worlds/store.ts';

/** What was verified of a connection that proved a key with a code in its login name. */
const proofOf = ({ line, blob }: ReturnType<typeof makeKey>, code: string) => ({
  ...{ digest: '00', sshSessionId: '00', userName: `register-${code}`, certificate: null, isUserVerified: false },
  ...{ fingerprint: fingerprintOf(blob) as never, publicKey: line },
});

describe.each(STORE_KINDS)('a key on the %s store', (kind) => {
  let store: TestStore;
  let world: AccessWorld;
  let contractor: Person;
  let other: Person;
  let reviewer: Person;
  let engagement: Engagement;

  beforeEach(async () => {
    store = await openTestStore(kind);
    world = AccessWorld.over(store, { now: () => new Date() });
    const host_keys = [world.keys.gatewayHostPublicKey];
    const at = { id: 'web-01', name: 'Web', address: '127.0.0.1', host_keys, logins: [world.login] };
    world.targets.push(Target.parse(at));
    contractor = await world.person('UCON', 'guest');
    other = await world.person('UOTHER', 'guest');
    reviewer = await world.person('UREVIEW');
    engagement = await world.engagement([contractor, other], [reviewer]);
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const register = async (key: ReturnType<typeof makeKey>, by: Person) => {
    const code = await world.code(by.id);
    return registerKey(world.deps)({ proof: proofOf(key, code), code });
  };

  it('that two people prove at once becomes one person’s', async () => {
    for (let round = 0; round < 5; round += 1) {
      const key = makeKey();
      const both = await Promise.allSettled([register(key, contractor), register(key, other)]);
      const owners = both.flatMap((each) => (each.status === 'fulfilled' && each.value.ok ? [each.value.value] : []));
      expect(owners).toHaveLength(1);
      const kept = await store.transaction((tx) => tx.keys.byFingerprint(fingerprintOf(key.blob) as never));
      expect(kept?.personId).toBe(owners[0]?.personId);
    }
  });

  it('is told to security where its owner reviews, and of nobody else', async () => {
    const [of, none] = [makeKey(), makeKey()];
    granted(await register(none, contractor));
    granted(await register(of, reviewer));
    granted(await register(of, reviewer));
    const told = await store.sql(
      `select lane, notice->>'fingerprint' as of from outbox where kind = 'reviewer_key_registered'`,
    );
    expect(told).toEqual([{ lane: 'security', of: fingerprintOf(of.blob) }]);
  });

  it('that is registered while a request waits gets no certificate of it', async () => {
    const first = makeKey();
    granted(await register(first, contractor));
    const request = granted(
      await requestAccess(world.deps)({
        ...{ by: contractor.id, engagementId: engagement.id, targetIds: ['web-01'], login: world.login },
        ...{ scope: 'shell', durationSeconds: 600, reason: 'Copy a file', ticket: null },
      }),
    );
    granted(await register(makeKey(), contractor));
    const { id: requestId, digest } = request;
    const card = { channelId: 'C1', ts: `${requestId}` };
    const key = messageKey({ kind: 'review_card', requestId, to: null });
    await store.transaction((tx) => tx.messages.put({ key, ...card }));
    granted(
      await reviewRequest(world.deps)({ by: reviewer.id, requestId, digest, card, verdict: 'approve', comment: null }),
    );
    const issued = await store.transaction(async (tx) => {
      const grant = await tx.grants.byRequest(requestId);
      return grant ? tx.grants.certificates(grant.id) : [];
    });
    expect(issued.map((each) => each.fingerprint)).toEqual([fingerprintOf(first.blob)]);
  });
});
