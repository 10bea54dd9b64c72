import { describe, expect, it } from 'vitest';
import { AuditFollower } from '../../../../src/use-cases/audit/follow-audit.ts';
import type { AuditPage } from '../../../../src/use-cases/ports/audit.ts';
import type { Store, Tx } from '../../../../src/use-cases/ports/store.ts';
import { NOON } from '../../../support/samples/samples.ts';

/** A log of which only these numbers are seen, while transactions from `oldest` on are at work and the next one is `next`. */
function follower(after = 0) {
  const log = { ids: [] as number[], oldest: 10n, next: 10n, now: 0 };
  const asked: [number, number][] = [];
  const page = async (id: number, limit: number): Promise<AuditPage> => {
    asked.push([id, limit]);
    const seen = log.ids.filter((each) => each > id).sort((a, b) => a - b);
    const event = { type: 'code_issued', at: NOON, actor: { kind: 'daypass' }, facts: {} } as const;
    return { events: seen.map((each) => ({ id: each, ...event })), oldest: log.oldest, next: log.next };
  };
  const store: Pick<Store, 'transaction'> = {
    transaction: (work) => work({ audit: { after: page } } as unknown as Tx),
  };
  const following = new AuditFollower(store as Store, after, () => log.now);
  return { log, asked, following, next: async () => (await following.next()).map(({ id }) => id) };
}

describe('the audit log, followed', () => {
  it('is told in order, each event once', async () => {
    const { log, asked, following, next } = follower(4);
    expect(await next()).toEqual([]);
    log.ids = [3, 5, 6];
    expect(await next()).toEqual([5, 6]);
    expect(following.id).toBe(6);
    expect(await next()).toEqual([]);
    log.ids.push(7);
    expect(await next()).toEqual([7]);
    expect(asked).toEqual([
      [4, 500],
      [4, 500],
      [6, 500],
      [6, 500],
    ]);
  });

  it('waits for a number that is missing until its transaction has written it', async () => {
    const { log, next } = follower();
    log.ids = [1, 3];
    log.next = 11n;
    expect(await next()).toEqual([1]);
    log.now = 10_000;
    expect(await next()).toEqual([]);
    log.ids = [1, 2, 3];
    expect(await next()).toEqual([2, 3]);
  });

  it('passes over a number once no transaction can have it any more, and a moment has passed', async () => {
    const { log, following, next } = follower();
    log.ids = [2];
    log.next = 11n;
    expect(await next()).toEqual([]);
    // Transaction 10 could still be at work on it.
    log.now = 5_000;
    log.next = 20n;
    expect(await next()).toEqual([]);
    log.oldest = 11n;
    log.now = 1_999;
    expect(await next()).toEqual([]);
    log.now = 2_000;
    expect(await next()).toEqual([2]);
    expect(following.id).toBe(2);
  });

  it('measures each gap from when it was met', async () => {
    const { log, next } = follower();
    log.ids = [2];
    expect(await next()).toEqual([]);
    log.now = 2_000;
    log.ids = [2, 3, 5];
    expect(await next()).toEqual([2, 3]);
    log.now = 3_999;
    expect(await next()).toEqual([]);
    log.now = 4_000;
    expect(await next()).toEqual([5]);
  });
});
