import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forgetOld } from '../../../../src/use-cases/upkeep/forget.ts';
import { digest, engagementId, grantId, NOON, personId, requestId } from '../../../support/samples/samples.ts';
import { openTestStore, type TestStore } from '../../../support/worlds/store.ts';
import { insertWorld } from '../../../support/worlds/world.ts';

const DAY = 86_400_000;
let store: TestStore;
let now: Date;
beforeEach(async () => {
  store = await openTestStore('embedded');
  await insertWorld(store);
  now = NOON;
});
afterEach(() => store[Symbol.asyncDispose]());

const forget = () => forgetOld({ store, clock: { now: () => now } })();
const count = async (table: string): Promise<unknown> =>
  (await store.sql(`select count(*)::int as n from ${table}`))[0]?.['n'];

describe('what is old', () => {
  it('is deleted in its time: codes after a day, proofs with their certificate, messages after 90 days', async () => {
    await store.transaction(async (tx) => {
      for (let n = 1; n <= 3; n += 1) {
        await tx.keys.insertCode({ codeDigest: digest(n), personId: personId(1), expiresAt: NOON, usedAt: null });
        await tx.sessions.acceptSshSessionId(String(n).repeat(64), new Date(NOON.getTime() + n * DAY));
      }
      await tx.outbox.enqueue({ kind: 'grant_announced', grantId: grantId(1) }, `thread:${engagementId(1)}`);
      await tx.outbox.enqueue({ kind: 'request_received', requestId: requestId(1) }, 'dm:1');
      const [first] = await tx.outbox.due(new Date('2999-01-01'), 1);
      await tx.outbox.delivered(first?.id ?? 0);
    });
    await store.sql(`update outbox set enqueued_at = '${NOON.toISOString()}'`);
    const audited = await count('audit_event');
    expect(await forget()).toBe(0);
    now = new Date(NOON.getTime() + DAY + 1);
    expect(await forget()).toBe(3 + 1);
    now = new Date(NOON.getTime() + 91 * DAY);
    expect(await forget()).toBe(2 + 1);
    expect([await count('registration_code'), await count('accepted_ssh_session')]).toEqual([0, 0]);
    // What still waits to be told stays.
    expect(await count('outbox')).toBe(1);
    expect(await count('audit_event')).toBe(audited);
  });

  it('is deleted a bounded number at a time, until none is left', async () => {
    await store.sql(`insert into accepted_ssh_session
      select md5(n::text), '2001-01-01' from generate_series(1, 2500) as n`);
    expect(await forget()).toBe(2_500);
  });
});
