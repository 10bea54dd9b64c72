import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OutboxWorker } from '../../../src/slack/messages/outbox.ts';
import { endGrantIn } from '../../../src/use-cases/grants/ending.ts';
import { directLane, messageKey, type Notice, SECURITY_LANE, threadLane } from '../../../src/use-cases/notice.ts';
import { gate } from '../../support/checks/gate.ts';
import { UnreliableSlack } from '../../support/peers/unreliable-slack.ts';
import { engagementId, fingerprint, grantId, NOON, personId, requestId } from '../../support/samples/samples.ts';
import { insertMessagesWorld, startOutbox } from '../../support/worlds/outbox-worker.ts';
import { openTestStore, type TestStore } from '../../support/worlds/store.ts';
import { certificate, session, sessionEnd, sessionId } from '../../support/worlds/world.ts';

const THREAD = threadLane(engagementId(1));
const ROOT: Notice = { kind: 'engagement_opened', engagementId: engagementId(1) };
const CARD: Notice = { kind: 'review_card', requestId: requestId(1), to: personId(2) };
const THREAD_CARD: Notice = { kind: 'review_card', requestId: requestId(1), to: null };
const GRANTED: Notice = { kind: 'grant_announced', grantId: grantId(1) };
const ISSUED: Notice = { kind: 'grant_files', grantId: grantId(1) };
const KEY: Notice = { kind: 'key_registered', fingerprint: fingerprint(1), to: personId(1) };
const SETTLE = { timeout: 40_000, interval: 25 };

describe('messages that Slack does not take as they are', () => {
  let store: TestStore;
  let slack: UnreliableSlack;
  let worker: OutboxWorker | null = null;

  beforeEach(async () => {
    [store, slack] = await Promise.all([openTestStore('embedded'), UnreliableSlack.start()]);
    await insertMessagesWorld(store);
  });
  afterEach(async () => {
    await worker?.[Symbol.asyncDispose]();
    worker = null;
    await slack[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  const start = (change: Parameters<typeof startOutbox>[2] = {}, timeout?: number): void => {
    worker = startOutbox(store, slack, change, timeout);
  };
  const enqueue = (...notices: (readonly [Notice, string])[]): Promise<void> =>
    store.transaction(async (tx) => {
      for (const [notice, lane] of notices) await tx.outbox.enqueue(notice, lane);
    });
  const emptied = (): Promise<void> =>
    vi.waitFor(async () => expect(await store.transaction((tx) => tx.outbox.waiting())).toBe(0), SETTLE);
  const status = async (notice: Notice): Promise<unknown> =>
    (await store.sql('select status from outbox where key = $1', [messageKey(notice)]))[0]?.['status'];
  const audited = (type: string) =>
    store
      .transaction((tx) => tx.audit.list(50))
      .then((events) => events.filter((event) => event.type === type).map((event) => event.facts));
  const news = (): string[] =>
    slack.posted.filter((each) => each.key?.startsWith('delivery:')).map((each) => `${each.channel}: ${each.text}`);
  const inChannel = () => slack.posted.filter((each) => each.channel === 'C1');

  it('gives up what Slack will never take, says so to security and in the audit log, and goes on behind it', async () => {
    slack.refusal = (method, args) =>
      method === 'chat.postMessage' && args['metadata']?.includes('review:') ? 'metadata_too_large' : null;
    await enqueue([ROOT, THREAD], [THREAD_CARD, THREAD], [GRANTED, THREAD]);
    start();
    await emptied();
    expect(await status(THREAD_CARD)).toBe('buried');
    expect(inChannel().map((each) => each.key)).toEqual([ROOT, GRANTED].map(messageKey));
    expect(news()).toEqual([expect.stringMatching(/^CSEC: .*gave up on 1 message for the thread of /)]);
    expect(await audited('messages_given_up')).toMatchObject([{ count: 1, messages: [messageKey(THREAD_CARD)] }]);
  });

  it('sends the text alone where Slack does not take the blocks', async () => {
    slack.refusal = (method, args) => (method === 'chat.postMessage' && args['blocks'] ? 'invalid_blocks' : null);
    await enqueue([ROOT, THREAD], [THREAD_CARD, THREAD]);
    start();
    await emptied();
    expect(inChannel().map((each) => each.key)).toEqual([ROOT, THREAD_CARD].map(messageKey));
  });

  it.each(['channel_not_found', 'an_error_of_tomorrow'])(
    'waits with its lane where Slack answers %s, tells security once, and again when it goes on',
    async (error) => {
      let refused = true;
      slack.refusal = (method, args) =>
        method === 'chat.postMessage' && args['channel'] === 'C1' && refused ? error : null;
      await enqueue([ROOT, THREAD], [THREAD_CARD, THREAD], [GRANTED, THREAD]);
      start();
      await vi.waitFor(() => expect(news()).toHaveLength(1), SETTLE);
      const tries = slack.calls.length;
      await vi.waitFor(() => expect(slack.calls.length).toBeGreaterThan(tries + 1), SETTLE);
      expect(news()).toEqual([expect.stringMatching(/^CSEC: .*Slack does not accept messages for the thread of /)]);
      refused = false;
      await emptied();
      expect(inChannel().map((each) => each.key)).toEqual([ROOT, THREAD_CARD, GRANTED].map(messageKey));
      expect(news().slice(1)).toEqual([expect.stringMatching(/^CSEC: .*Slack accepts messages for .* again/)]);
      expect(await audited('messages_held')).toMatchObject([{ lane: THREAD, error }]);
      expect(await audited('messages_resumed')).toMatchObject([{ lane: THREAD }]);
    },
  );

  it('tells the people of security where it is their channel that is refused', async () => {
    slack.refusal = (method, args) =>
      method === 'chat.postMessage' && args['channel'] === 'CSEC' ? 'is_archived' : null;
    await store.transaction((tx) => tx.sessions.insert(session(1), sessionId(1)));
    await enqueue([{ kind: 'session_detail', sessionId: sessionId(1) }, SECURITY_LANE]);
    start();
    await vi.waitFor(() => expect(news()).toEqual([expect.stringMatching(/^DUSEC: .*security’s channel/)]), SETTLE);
  });

  it('gives a lane up after a fortnight, audited and told, and what came later goes on waiting', async () => {
    slack.refusal = (method, args) =>
      method === 'chat.postMessage' && args['channel'] === 'C1' ? 'is_archived' : null;
    await enqueue([ROOT, THREAD], [THREAD_CARD, THREAD]);
    start({ clock: { now: () => new Date() } });
    await vi.waitFor(async () => expect(await audited('messages_held')).toHaveLength(1), SETTLE);
    await worker?.[Symbol.asyncDispose]();
    start({ clock: { now: () => new Date(Date.now() + 15 * 24 * 3_600_000) } });
    await emptied();
    expect(await audited('messages_given_up')).toMatchObject([
      { lane: THREAD, error: 'is_archived', count: 2, messages: [messageKey(ROOT), messageKey(THREAD_CARD)] },
    ]);
    expect(news().at(-1)).toMatch(/^CSEC: .*gave up on 2 messages/);
  });

  it.each([
    ['files.getUploadURLExternal', 'file_uploads_disabled'],
    ['files.completeUploadExternal', 'slack_connect_file_upload_sharing_blocked'],
    ['upload', '403'],
  ])('sends a certificate as text where %s is refused with %s, and holds nothing up behind it', async (step, error) => {
    slack.refusal = (method) => (method === step ? error : null);
    if (step === 'upload') slack.uploadStatus = 403;
    await enqueue([ISSUED, directLane(personId(1))], [KEY, directLane(personId(1))]);
    start();
    await emptied();
    expect(slack.posted.map((each) => each.key)).toEqual([ISSUED, KEY].map(messageKey));
    expect(slack.posted[0]?.text).toContain('daypass-dd000000-cert.pub');
    expect(slack.posted[0]?.text).toContain(certificate(1).certificate);
    expect(slack.posted[0]?.text).toContain('Host ');
  });

  it.each(['refused', 'spilled'] as const)(
    'posts a deleted root anew and goes on in its thread, where replies to it are %s',
    async (orphans) => {
      slack.orphans = orphans;
      await enqueue([ROOT, THREAD], [THREAD_CARD, THREAD]);
      start();
      await emptied();
      const [first] = inChannel();
      slack.remove(first?.ts ?? '');
      await enqueue([GRANTED, THREAD]);
      await emptied();
      const [, root, granted] = inChannel();
      expect([root?.key, granted?.key]).toEqual([ROOT, GRANTED].map(messageKey));
      expect(root).toMatchObject({ threadTs: null, text: first?.text });
      expect(granted?.threadTs).toBe(root?.ts);
      expect(inChannel().filter((each) => each.threadTs === null)).toHaveLength(1);
    },
  );

  it('posts no root over and over where somebody goes on deleting it, and lets nothing spill', async () => {
    await enqueue([ROOT, THREAD]);
    start();
    await emptied();
    slack.before = async (method, args) => {
      if (method === 'chat.postMessage' && args['thread_ts']) slack.remove(args['thread_ts']);
    };
    await enqueue([GRANTED, THREAD]);
    await vi.waitFor(() => expect(news()).toHaveLength(1), SETTLE);
    const roots = slack.calls.filter((call) => call.args['metadata']?.includes('engagement:'));
    expect(roots).toHaveLength(2);
    expect(inChannel()).toEqual([]);
  });

  it('posts a line anew in its thread where somebody deleted it', async () => {
    await store.transaction((tx) => tx.sessions.insert(session(1), sessionId(1)));
    const line: Notice = { kind: 'session_line', burstId: sessionId(1) };
    await enqueue([ROOT, THREAD], [line, THREAD]);
    start();
    await emptied();
    const [root, posted] = inChannel();
    slack.remove(posted?.ts ?? '');
    await enqueue([line, THREAD]);
    await emptied();
    expect(inChannel().map((each) => [each.key, each.threadTs])).toEqual([
      [messageKey(ROOT), null],
      [messageKey(line), root?.ts],
    ]);
  });

  it('brings what somebody waits for before what is read later, however much of that there is', async () => {
    await store.transaction(async (tx) => {
      for (let n = 1; n <= 60; n += 1) await tx.sessions.insert(session(n), sessionId(n));
    });
    const details = Array.from(
      { length: 60 },
      (_, n) => [{ kind: 'session_detail', sessionId: sessionId(n + 1) } as Notice, `somewhere:${n}`] as const,
    );
    await enqueue(...details, [CARD, directLane(personId(2))]);
    start({}, 10_000);
    await vi.waitFor(() => expect(slack.posted.map((each) => each.key)).toContain(messageKey(CARD)), SETTLE);
    expect(slack.posted.map((each) => each.key).indexOf(messageKey(CARD))).toBeLessThan(6);
  });

  it('says what became of access that ended before Slack took the message about it, and sends no certificate', async () => {
    const over = { now: () => new Date(NOON.getTime() + 30 * 24 * 3_600_000) };
    await enqueue([ISSUED, directLane(personId(1))]);
    start({ clock: over });
    await emptied();
    expect(slack.posted).toMatchObject([
      { key: messageKey(ISSUED), files: [], text: expect.stringContaining('already ended') },
    ]);
  });

  it('brings, of what it tells before access ends, only what is due by now', async () => {
    const inbox = directLane(personId(1));
    const ending = (minutes: 15 | 5): Notice => ({ kind: 'grant_ending', grantId: grantId(1), minutes });
    const line: Notice = { kind: 'grant_ending_line', grantId: grantId(1) };
    await enqueue([ROOT, THREAD], [ending(15), inbox], [ending(5), inbox], [line, THREAD]);
    const began = performance.now();
    const fromMinute = (minutes: number) => ({
      clock: { now: () => new Date(NOON.getTime() + minutes * 60_000 + performance.now() - began) },
    });
    start(fromMinute(57), 10_000);
    await emptied();
    expect(slack.posted.map((each) => each.key).toSorted()).toEqual([ROOT, ending(5), line].map(messageKey).toSorted());
    await worker?.[Symbol.asyncDispose]();
    // It is over, and what was said is changed in place.
    await enqueue([line, THREAD], [{ kind: 'grant_ending_changed', grantId: grantId(1), minutes: 15 }, inbox]);
    await enqueue([{ kind: 'grant_ending_changed', grantId: grantId(1), minutes: 5 }, inbox]);
    start(fromMinute(61), 10_000);
    await emptied();
    expect(slack.posted).toHaveLength(3);
    expect(slack.updates.map(({ text }) => text)).toEqual([
      expect.stringMatching(/This access has ended/),
      expect.stringMatching(/Access ended: it expired/),
    ]);
  });

  it('posts one receipt for a burst of sessions, and none anew where it was taken away or its holder is gone', async () => {
    const inbox = directLane(personId(1));
    const receipt: Notice = { kind: 'session_receipt', burstId: sessionId(1) };
    await store.transaction(async (tx) => {
      for (const n of [1, 2]) await tx.sessions.insert(session(n), sessionId(1));
    });
    const ends = (n: number) => store.transaction((tx) => tx.sessions.end(sessionId(n), sessionEnd()));
    const told = async () => {
      await enqueue([receipt, inbox]);
      await emptied();
    };
    start({}, 10_000);
    await told();
    expect(slack.posted).toEqual([]);
    await ends(1);
    await told();
    await ends(2);
    await told();
    expect(slack.posted.map(({ key, text }) => [key, text])).toEqual([
      [messageKey(receipt), expect.stringMatching(/^1 session of yours on deploy@web-01 ended, another is still open/)],
    ]);
    expect(slack.updates.map(({ text }) => text)).toEqual([expect.stringMatching(/^2 sessions of yours/)]);
    slack.remove(slack.posted[0]?.ts ?? '');
    await told();
    expect(slack.posted).toEqual([]);
    await store.transaction(async (tx) => {
      await tx.messages.forget(messageKey(receipt));
      const holder = await tx.persons.byId(personId(1));
      if (holder) await tx.persons.update(holder.id, { ...holder, active: false });
    });
    await told();
    expect(slack.posted).toEqual([]);
  });

  it('asks no reviewer for a decision that is made, and tells no requester to wait for it', async () => {
    const received: Notice = { kind: 'request_received', requestId: requestId(1) };
    await enqueue(
      [ROOT, THREAD],
      [CARD, directLane(personId(2))],
      [received, directLane(personId(1))],
      [THREAD_CARD, THREAD],
    );
    await store.sql("update access_request set status = 'withdrawn', decided_at = now() where id = $1", [requestId(1)]);
    start();
    await emptied();
    expect(slack.posted.map((each) => each.key)).toEqual([ROOT, THREAD_CARD].map(messageKey));
  });

  it('takes the Revoke button from an announcement once there is nothing to revoke', async () => {
    await enqueue([ROOT, THREAD], [GRANTED, THREAD]);
    start();
    await emptied();
    expect(JSON.stringify(slack.calls.at(-1)?.args['blocks'])).toContain('revoke_grant');
    await store.transaction((tx) =>
      endGrantIn(
        tx,
        grantId(1),
        { how: 'revoked', by: null, comment: null },
        { kind: 'operator', account: 'root' },
        NOON,
      ),
    );
    await emptied();
    const announced = inChannel().find((each) => each.key === messageKey(GRANTED));
    const update = slack.updates.find((each) => each.ts === announced?.ts);
    expect(JSON.stringify(update?.blocks)).toContain('granted');
    expect(JSON.stringify(update?.blocks)).not.toContain('revoke_grant');
  });

  it('takes a message that was delivered while it was being looked up for what it is, and writes no error', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
    const posting = gate();
    const looking = gate();
    slack.before = (method) => (method === 'chat.postMessage' ? posting.opened : Promise.resolve());
    let looks = 0;
    const late: typeof store = Object.create(store, {
      transaction: {
        value: async (work: Parameters<typeof store.transaction>[0]) => {
          const answer = await store.transaction(work);
          if (Array.isArray(answer)) looks += 1;
          if (looks === 2) await looking.opened;
          return answer;
        },
      },
    });
    await enqueue([ROOT, THREAD]);
    start({ store: late, log }, 10_000);
    await vi.waitFor(() => expect(looks).toBe(2), SETTLE);
    posting.open();
    await emptied();
    looking.open();
    await worker?.[Symbol.asyncDispose]();
    expect(lines).toEqual([]);
    expect(slack.posted).toHaveLength(1);
  });
});
