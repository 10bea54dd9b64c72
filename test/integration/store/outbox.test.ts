import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Notice, OutboxItem } from '../../../src/use-cases/notice.ts';
import type { Change } from '../../../src/use-cases/ports/store.ts';
import { gate } from '../../support/checks/gate.ts';
import { grantId, later, NOON, personId, requestId } from '../../support/samples/samples.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../support/worlds/store.ts';
import { sessionId } from '../../support/worlds/world.ts';

const closed = (n: number): Notice => ({ kind: 'request_closed', requestId: requestId(n) });
const line: Notice = { kind: 'session_line', burstId: sessionId(1) };
const card: Notice = { kind: 'review_card', requestId: requestId(1), to: personId(2) };
const cardChanged: Notice = { ...card, kind: 'review_card_changed' };

describe.each(STORE_KINDS)('the outbox on %s', (kind) => {
  let store: TestStore;
  beforeAll(async () => {
    store = await openTestStore(kind);
  });
  beforeEach(() => store.sql('truncate outbox, message'));
  afterAll(() => store[Symbol.asyncDispose]());

  const enqueue = (notice: Notice, lane: string): Promise<boolean> =>
    store.transaction((tx) => tx.outbox.enqueue(notice, lane));
  const due = (now = NOON, limit = 10): Promise<readonly OutboxItem[]> =>
    store.transaction((tx) => tx.outbox.due(now, limit));
  const notices = async (now = NOON): Promise<Notice[]> => (await due(now)).map((item) => item.notice);
  const head = async (now = NOON): Promise<OutboxItem> => {
    const [item] = await due(now);
    if (!item) throw new Error('nothing is due');
    return item;
  };

  it('gives the oldest of each lane, and a later one only when those before it are done', async () => {
    await enqueue(closed(1), 'a');
    await enqueue(closed(2), 'b');
    await enqueue(closed(3), 'a');
    expect(await notices()).toEqual([closed(1), closed(2)]);
    const { id, ...item } = await head();
    expect(item).toEqual({
      notice: closed(1),
      key: `closed:${requestId(1)}`,
      lane: 'a',
      attempts: 0,
      attemptedAt: null,
      heldSince: null,
      urgency: 0,
    });
    await store.transaction((tx) => tx.outbox.delivered(id));
    expect(await notices()).toEqual([closed(2), closed(3)]);
    expect((await due(NOON, 1)).map(({ notice }) => notice)).toEqual([closed(2)]);
    expect(await store.transaction((tx) => tx.outbox.waiting())).toBe(2);
  });

  it('gives lanes in which somebody waits before those that are read later, whatever is at their head', async () => {
    await enqueue({ kind: 'session_detail', sessionId: sessionId(1) }, 'security');
    await enqueue(line, 'thread');
    await enqueue({ kind: 'session_detail', sessionId: sessionId(2) }, 'other');
    await enqueue(card, 'thread');
    expect((await due()).map(({ lane, urgency }) => [lane, urgency])).toEqual([
      ['thread', 0],
      ['security', 2],
      ['other', 2],
    ]);
  });

  it('begins no attempt at a message that waits no longer', async () => {
    await enqueue(closed(1), 'a');
    const { id } = await head();
    expect(await store.transaction((tx) => tx.outbox.attempting(id, NOON))).toBe(true);
    await store.transaction((tx) => tx.outbox.delivered(id));
    expect(await store.transaction((tx) => tx.outbox.attempting(id, NOON))).toBe(false);
  });

  it('puts a message that is posted anew before everything else of its lane', async () => {
    const root: Notice = { kind: 'request_received', requestId: requestId(9) };
    await enqueue(root, 'a');
    const delivered = async (): Promise<void> => {
      const { id } = await head();
      await store.transaction((tx) => tx.outbox.delivered(id));
    };
    await delivered();
    await enqueue(closed(1), 'a');
    await store.transaction((tx) => tx.outbox.again(root, 'a'));
    expect(await notices()).toEqual([root]);
    await delivered();
    expect(await notices()).toEqual([closed(1)]);
  });

  it('holds a lane up while its head waits for another try, and no other lane', async () => {
    await enqueue(closed(1), 'a');
    await enqueue(closed(2), 'a');
    await enqueue(closed(3), 'b');
    const { id } = await head();
    await store.transaction((tx) => tx.outbox.attempting(id, NOON));
    await store.transaction((tx) => tx.outbox.retryAt(id, later(30), 'HTTP 500', false));
    expect(await notices(later(29))).toEqual([closed(3)]);
    expect(await notices(later(30))).toEqual([closed(1), closed(3)]);
    expect(await head(later(30))).toMatchObject({ attempts: 1, attemptedAt: null });
  });

  it('remembers since when Slack may have acted without our hearing of it', async () => {
    await enqueue(closed(1), 'a');
    const { id } = await head();
    await store.transaction((tx) => tx.outbox.attempting(id, later(1)));
    await store.transaction((tx) => tx.outbox.retryAt(id, later(2), 'timeout', true));
    expect(await head(later(2))).toMatchObject({ attempts: 1, attemptedAt: later(1) });
    await store.transaction((tx) => tx.outbox.attempting(id, later(3)));
    await store.transaction((tx) => tx.outbox.retryAt(id, later(4), 'HTTP 429', false));
    expect(await head(later(4))).toMatchObject({ attempts: 2, attemptedAt: later(1) });
  });

  it('shows an attempt that a crash cut off', async () => {
    await enqueue(closed(1), 'a');
    const { id } = await head();
    await store.transaction((tx) => tx.outbox.attempting(id, later(1)));
    expect(await head()).toMatchObject({ attempts: 1, attemptedAt: later(1) });
    await store.transaction((tx) => tx.outbox.attempting(id, later(5)));
    expect(await head()).toMatchObject({ attempts: 2, attemptedAt: later(1) });
  });

  it('buries what Slack will never take, and the lane goes on', async () => {
    await enqueue(closed(1), 'a');
    await enqueue(closed(2), 'a');
    const { id } = await head();
    await store.transaction((tx) => tx.outbox.bury(id, 'channel_not_found'));
    expect(await notices()).toEqual([closed(2)]);
    expect(await enqueue(closed(1), 'a')).toBe(false);
    const again = store.transaction((tx) => tx.outbox.delivered(id));
    await expect(again).rejects.toMatchObject({ code: 'missing_row' });
  });

  it('takes a message once for good, also after its delivery', async () => {
    expect(await enqueue(card, 'a')).toBe(true);
    expect(await enqueue(card, 'a')).toBe(false);
    const { id } = await head();
    await store.transaction((tx) => tx.outbox.delivered(id));
    expect(await enqueue(card, 'b')).toBe(false);
    expect(await notices()).toEqual([]);
  });

  it('takes a further update of a message, but not while an equal one waits untried', async () => {
    expect(await enqueue(card, 'a')).toBe(true);
    expect(await enqueue(cardChanged, 'a')).toBe(true);
    expect(await enqueue(cardChanged, 'a')).toBe(false);
    expect(await enqueue(line, 'b')).toBe(true);
    expect(await enqueue(line, 'b')).toBe(false);
    const waiting = (await due()).find(({ notice }) => notice.kind === 'session_line');
    if (!waiting) throw new Error('the line is not due');
    await store.transaction((tx) => tx.outbox.attempting(waiting.id, NOON));
    expect(await enqueue(line, 'b')).toBe(true);
    expect(await enqueue(line, 'b')).toBe(false);
    await store.transaction((tx) => tx.outbox.delivered(waiting.id));
    expect(await enqueue(line, 'b')).toBe(false);
    expect(await store.transaction((tx) => tx.outbox.waiting())).toBe(3);
  });

  it('takes one of many equal notices that come at once', async () => {
    const first = await Promise.all(Array.from({ length: 20 }, () => enqueue(closed(1), 'a')));
    expect(first.filter((taken) => taken)).toHaveLength(1);
    const repeated = await Promise.all(Array.from({ length: 20 }, () => enqueue(line, 'a')));
    expect(repeated.filter((taken) => taken)).toHaveLength(1);
  });

  it('announces what it takes', async () => {
    const heard: Change[] = [];
    const last = new Promise<void>((resolve) => {
      store.subscribe((change) => {
        heard.push(change);
        if (change.kind === 'grant_ended') resolve();
      });
    });
    await enqueue(closed(1), 'a');
    await enqueue(closed(1), 'a');
    await store.transaction(async (tx) => {
      await tx.outbox.enqueue(closed(2), 'a');
      await tx.outbox.enqueue(closed(3), 'a');
      tx.announce({ kind: 'grant_ended', grantId: grantId(1) });
    });
    await last;
    expect(heard).toEqual([{ kind: 'outbox' }, { kind: 'outbox' }, { kind: 'grant_ended', grantId: grantId(1) }]);
  });

  it('remembers where a message went', async () => {
    const ref = { key: 'k', channelId: 'C1', ts: '1.0' };
    await store.transaction((tx) => tx.messages.put(ref));
    await store.transaction((tx) => tx.messages.put({ ...ref, ts: '2.0' }));
    await store.transaction(async (tx) => {
      expect(await tx.messages.get('k')).toEqual({ ...ref, ts: '2.0' });
      expect(await tx.messages.get('other')).toBeNull();
    });
  });
});

describe('the outbox on postgres', () => {
  it('does not let an update be delivered before the change that joined it is committed', async () => {
    await using store = await openTestStore('postgres');
    await store.transaction((tx) => tx.outbox.enqueue(line, 'a'));
    const [item] = await store.transaction((tx) => tx.outbox.due(NOON, 1));
    if (!item) throw new Error('nothing is due');
    const order: string[] = [];
    const joined = gate();
    const waiting = gate();
    const changing = store.transaction(async (tx) => {
      expect(await tx.outbox.enqueue(line, 'a')).toBe(false);
      joined.open();
      await waiting.opened;
      order.push('changed');
    });
    await joined.opened;
    const attempting = store
      .transaction((tx) => tx.outbox.attempting(item.id, NOON))
      .then(() => order.push('attempting'));
    await blockedStatement(store);
    waiting.open();
    await Promise.all([changing, attempting]);
    expect(order).toEqual(['changed', 'attempting']);
  });
});

/** Resolves once a statement waits for a lock. */
async function blockedStatement(store: TestStore): Promise<void> {
  const waits = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
  await expect.poll(() => store.sql(waits), { timeout: 10_000, interval: 20 }).toHaveLength(1);
}
