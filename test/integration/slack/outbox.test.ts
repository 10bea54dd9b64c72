import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OutboxWorker } from '../../../src/slack/messages/outbox.ts';
import { directLane, messageKey, type Notice, threadLane } from '../../../src/use-cases/notice.ts';
import { type Fault, UnreliableSlack } from '../../support/peers/unreliable-slack.ts';
import { engagementId, fingerprint, grantId, personId, requestId } from '../../support/samples/samples.ts';
import { insertMessagesWorld, startOutbox } from '../../support/worlds/outbox-worker.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../support/worlds/store.ts';
import { session, sessionId } from '../../support/worlds/world.ts';

const THREAD = threadLane(engagementId(1));
const ROOT: Notice = { kind: 'engagement_opened', engagementId: engagementId(1) };
const CARD: Notice = { kind: 'review_card', requestId: requestId(1), to: personId(2) };
const THREAD_CARD: Notice = { kind: 'review_card', requestId: requestId(1), to: null };
const GRANTED: Notice = { kind: 'grant_announced', grantId: grantId(1) };
const ISSUED: Notice = { kind: 'grant_files', grantId: grantId(1) };
const KEY: Notice = { kind: 'key_registered', fingerprint: fingerprint(1), to: personId(1) };
const EVERYTHING: readonly (readonly [Notice, string])[] = [
  [ROOT, THREAD],
  [THREAD_CARD, THREAD],
  [GRANTED, THREAD],
  [CARD, directLane(personId(2))],
  [KEY, directLane(personId(1))],
  [ISSUED, directLane(personId(1))],
];
const SETTLE = { timeout: 40_000, interval: 25 };

describe.each(STORE_KINDS)('the outbox on %s', (kind) => {
  let store: TestStore;
  let slack: UnreliableSlack;
  let worker: OutboxWorker | null = null;

  beforeEach(async () => {
    [store, slack] = await Promise.all([openTestStore(kind), UnreliableSlack.start()]);
    await insertMessagesWorld(store);
  });
  afterEach(async () => {
    await worker?.[Symbol.asyncDispose]();
    worker = null;
    await slack[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  const start = (): void => {
    worker = startOutbox(store, slack);
  };
  const enqueue = (...notices: (readonly [Notice, string])[]): Promise<void> =>
    store.transaction(async (tx) => {
      for (const [notice, lane] of notices) await tx.outbox.enqueue(notice, lane);
    });
  const emptied = (): Promise<void> =>
    vi.waitFor(async () => expect(await store.transaction((tx) => tx.outbox.waiting())).toBe(0), SETTLE);

  const everyMessageStandsOnce = (): void => {
    expect(slack.posted.map((each) => each.key ?? each.files[0]).sort()).toEqual(
      EVERYTHING.map(([notice]) =>
        notice.kind === 'grant_files' ? 'daypass-dd000000-cert.pub' : messageKey(notice),
      ).sort(),
    );
  };

  it('delivers each message once, in order within its lane, replies under their root', async () => {
    await enqueue(...EVERYTHING);
    start();
    await emptied();
    everyMessageStandsOnce();
    const inChannel = slack.posted.filter((each) => each.channel === 'C1');
    expect(inChannel.map((each) => each.key)).toEqual([ROOT, THREAD_CARD, GRANTED].map(messageKey));
    expect(inChannel.map((each) => each.threadTs)).toEqual([null, inChannel[0]?.ts, inChannel[0]?.ts]);
    const ref = await store.transaction((tx) => tx.messages.get(messageKey(CARD)));
    expect(ref).toMatchObject({ channelId: 'DU2', ts: slack.posted.find((each) => each.key === messageKey(CARD))?.ts });
  });

  it.each<Fault>(['refuse-500', 'acted-500', 'hang', 'acted-hang', 'cut', 'acted-cut', 'rate-limit', 'internal_error'])(
    'loses and doubles nothing when posting fails with %s',
    async (fault) => {
      const failed = new Set<string>();
      slack.fault = (method) => {
        const posts = method === 'chat.postMessage' || method === 'files.completeUploadExternal';
        if (!posts || failed.size >= 4) return 'none';
        failed.add(`${method}${failed.size}`);
        return fault;
      };
      await enqueue(...EVERYTHING);
      start();
      await emptied();
      everyMessageStandsOnce();
    },
  );

  it('loses and doubles nothing through any weather', async () => {
    const faults = fc.constantFrom<Fault>(
      'none',
      'none',
      'refuse-500',
      'acted-500',
      'acted-hang',
      'cut',
      'acted-cut',
      'internal_error',
    );
    const [weather = []] = fc.sample(fc.array(faults, { minLength: 14, maxLength: 14 }), { numRuns: 1, seed: 7 });
    slack.fault = (_method, call) => weather[call] ?? 'none';
    await enqueue(...EVERYTHING);
    start();
    await emptied();
    everyMessageStandsOnce();
  });

  it('adopts a message that was posted before a crash, and posts one that was not', async () => {
    await enqueue([ROOT, THREAD], [CARD, directLane(personId(2))]);
    const due = await store.transaction((tx) => tx.outbox.due(new Date(), 10));
    await store.transaction(async (tx) => {
      for (const item of due) await tx.outbox.attempting(item.id, new Date());
    });
    // Slack has the root; of the card it never heard. Control died before it could write either down.
    const metadata = JSON.stringify({ event_type: 'daypass_message', event_payload: { key: messageKey(ROOT) } });
    const body = new URLSearchParams({ channel: 'C1', text: 'root', metadata });
    await fetch(`${slack.apiUrl}chat.postMessage`, { method: 'POST', body });
    start();
    await emptied();
    expect(slack.posted.map((each) => each.key).sort()).toEqual([messageKey(ROOT), messageKey(CARD)].sort());
    const ref = await store.transaction((tx) => tx.messages.get(messageKey(ROOT)));
    expect(ref?.ts).toBe(slack.posted[0]?.ts);
  });

  it('waits as long as Slack says', async () => {
    let limited = 0;
    slack.fault = (method) => {
      if (method !== 'chat.postMessage' || limited > 0) return 'none';
      limited = Date.now();
      return 'rate-limit';
    };
    await enqueue([ROOT, THREAD]);
    start();
    await emptied();
    const [, second] = slack.calls.filter((call) => call.method === 'chat.postMessage');
    expect((second?.at ?? 0) - limited).toBeGreaterThanOrEqual(950);
  });

  it('keeps trying where an operator can still help', async () => {
    let invited = false;
    slack.refusal = (method) => (method === 'chat.postMessage' && !invited ? 'not_in_channel' : null);
    await enqueue([ROOT, THREAD]);
    start();
    await vi.waitFor(() => expect(slack.calls.length).toBeGreaterThan(1), SETTLE);
    invited = true;
    await emptied();
    expect(slack.posted.filter((each) => each.channel === 'C1')).toHaveLength(1);
  });

  it('posts again where the workspace does not let the bot look', async () => {
    let failed = false;
    slack.refusal = (method) => (method === 'conversations.history' ? 'missing_scope' : null);
    slack.fault = (method) => {
      if (method !== 'chat.postMessage' || failed) return 'none';
      failed = true;
      return 'hang';
    };
    await enqueue([ROOT, THREAD]);
    start();
    await emptied();
    expect(slack.posted).toHaveLength(1);
  });

  it('updates a posted message in place, and never posts a changed card that was not posted', async () => {
    await store.transaction((tx) => tx.sessions.insert(session(1), sessionId(1)));
    const line: Notice = { kind: 'session_line', burstId: sessionId(1) };
    await enqueue([ROOT, THREAD], [line, THREAD]);
    start();
    await emptied();
    await store.transaction((tx) =>
      tx.sessions.end(sessionId(1), { at: new Date(), ending: { how: 'closed' }, channels: [], refusals: [] }),
    );
    await enqueue([line, THREAD], [{ kind: 'review_card_changed', requestId: requestId(2), to: null }, THREAD]);
    await emptied();
    expect(slack.posted).toHaveLength(2);
    expect(slack.updates.map((each) => each.ts)).toEqual([slack.posted[1]?.ts]);
    expect(JSON.stringify(slack.updates[0]?.blocks)).toContain('Session ended');
  });

  it('lets one lane wait without holding up the others', async () => {
    slack.fault = (method) => (method === 'conversations.open' ? 'hang' : 'none');
    await enqueue([CARD, directLane(personId(2))], [ROOT, THREAD], [THREAD_CARD, THREAD]);
    start();
    await vi.waitFor(
      () => expect(slack.posted.map((each) => each.key)).toEqual([ROOT, THREAD_CARD].map(messageKey)),
      SETTLE,
    );
  });

  it('finishes what it is posting before it stops, and leaves the rest for the next start', async () => {
    await enqueue(...EVERYTHING);
    start();
    await vi.waitFor(() => expect(slack.posted.length).toBeGreaterThan(0), { timeout: 20_000, interval: 1 });
    await worker?.[Symbol.asyncDispose]();
    const before = slack.posted.length;
    start();
    await emptied();
    expect(slack.posted.length).toBeGreaterThanOrEqual(before);
    everyMessageStandsOnce();
  });
});
