import type { webApi } from '@slack/bolt';
import type { Log } from '../../log.ts';
import { messageKey, type Notice, type OutboxItem } from '../../use-cases/notice.ts';
import type { Security } from '../edge.ts';
import { followChannel } from '../readings/channel-move.ts';
import { faultOf, type SlackFault } from '../workspace/fault.ts';
import type { Fetch } from '../workspace/network.ts';
import { pace } from '../workspace/pace.ts';
import { ChannelMoved, deliver, ThreadGone } from './delivery.ts';
import { giveUpOne, holdOrGiveUp, resumed } from './held.ts';
import { type RenderDeps, type Rendered, render } from './render.ts';

const isRoutine = (urgency: OutboxItem['urgency']): boolean => urgency === 2;

export type OutboxDeps = RenderDeps & {
  readonly web: webApi.WebClient;
  readonly fetch: Fetch;
  readonly security: Security;
  readonly log: Log;
  /** The wait after a first failure; it doubles with each further one. */
  readonly retryFirstMs?: number;
};

const LANES_MAX = 4;
/** At most this many carry routine messages at a time. The others are kept for messages that somebody is waiting for. */
const ROUTINE_MAX = 2;
const LOOK_EVERY_MS = 1_000;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 60_000;
const DOUBLINGS_MAX = 7;
const DRAIN_MS = 12_000;
/** A root is posted again at most this often, so that somebody who keeps deleting it cannot fill the channel. */
const ROOT_AGAIN_MS = 10 * 60_000;
const ROOTS_MAX = 1_000;
/** After this many tries, security is notified of an error that is in none of our tables. */
const TRIES_UNTOLD = 5;

/**
 * Delivers the outbox to Slack: lanes in parallel, each in order, each message once. Lanes in which somebody is waiting go first. A message
 * whose fate is unknown is looked for before it is posted again. One whose destination is rejected waits with its lane. One that Slack will
 * never accept is given up. Security is notified of both.
 */
export class OutboxWorker implements AsyncDisposable {
  readonly #deps: OutboxDeps;
  readonly #inFlight = new Map<string, { readonly routine: boolean; readonly work: Promise<void> }>();
  readonly #rootsPosted = new Map<string, number>();
  readonly #directChannels = new Map<string, string>();
  readonly #pace = pace();
  readonly #stop = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #looking: Promise<void> | null = null;
  #lookAgain = false;

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.store.subscribe((change) => {
      if (change.kind === 'outbox') this.wake();
    });
    this.#timer = setInterval(() => this.wake(), LOOK_EVERY_MS);
    this.wake();
  }

  /** Looks for due messages now; a look that is under way looks once more. */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#lookAgain = true;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
      if (this.#lookAgain && this.#inFlight.size < LANES_MAX) this.wake();
    });
  }

  /** Resolves when the deliveries that are under way now are written down. */
  async settled(): Promise<void> {
    await Promise.all([...this.#inFlight.values()].map(({ work }) => work));
  }

  async #look(): Promise<void> {
    const { store, clock, log } = this.#deps;
    while (this.#lookAgain && !this.#stop.signal.aborted) {
      this.#lookAgain = false;
      try {
        const due = await store.transaction((tx) => tx.outbox.due(clock.now(), LANES_MAX * 2));
        for (const item of due) if (this.#hasRoomFor(item)) this.#start(item);
      } catch (error) {
        log.error({ err: error }, 'the outbox could not be read');
      }
    }
  }

  #hasRoomFor({ lane, urgency }: OutboxItem): boolean {
    if (this.#inFlight.size >= LANES_MAX || this.#inFlight.has(lane)) return false;
    const routine = [...this.#inFlight.values()].filter((each) => each.routine).length;
    return !isRoutine(urgency) || routine < ROUTINE_MAX;
  }

  #start(item: OutboxItem): void {
    const work = this.#attempt(item).finally(() => {
      this.#inFlight.delete(item.lane);
      this.wake();
    });
    this.#inFlight.set(item.lane, { routine: isRoutine(item.urgency), work });
  }

  async #attempt(item: OutboxItem): Promise<void> {
    const { store, clock, log } = this.#deps;
    const about = { message: item.key, notice: item.notice.kind, attempts: item.attempts };
    const state = { posting: false };
    try {
      // Before rendering: a change that comes from now on finds this attempt begun, and enqueues another.
      const begun = await store.transaction((tx) => tx.outbox.attempting(item.id, clock.now()));
      // It was read as waiting a moment before the attempt that delivered it was written down.
      if (!begun) return;
      const message = await render(this.#deps, item.notice);
      if (!message) log.info(about, 'a message has no recipient, or nothing to report any more');
      const ref = message && (await this.#deliverSomehow(item, message, state));
      await store.transaction(async (tx) => {
        if (ref) await tx.messages.put(ref);
        await tx.outbox.delivered(item.id);
        if (item.heldSince) await resumed(tx, this.#about(item, ''));
      });
      log.info(about, 'message delivered');
    } catch (error) {
      const failed = error instanceof ThreadGone ? this.#rootGone(item, error.root) : this.#failed(item, state, error);
      await failed.catch((cause: unknown) =>
        log.error({ ...about, err: cause }, 'the failure of a message could not be recorded'),
      );
    }
  }

  #about(item: OutboxItem, error: string) {
    const { clock, security } = this.#deps;
    return { item, error, now: clock.now(), securityUsers: security.securityUsers };
  }

  /** If Slack rejects the blocks, the message still goes out as its text, which says the same in short. */
  async #deliverSomehow(item: OutboxItem, message: Rendered, state: { posting: boolean }): ReturnType<typeof deliver> {
    try {
      return await this.#deliver(item, message, state);
    } catch (error) {
      const fault = faultOf(error);
      if (fault.kind !== 'content' || message.blocks.length === 0) throw error;
      const about = { message: item.key, notice: item.notice.kind, error: fault.error };
      this.#deps.log.error(about, 'Slack rejects the blocks of this message: only its text is sent');
      return this.#deliver(item, { ...message, blocks: [] }, state);
    }
  }

  #deliver(item: OutboxItem, message: Rendered, state: { posting: boolean }): ReturnType<typeof deliver> {
    const { store, web, fetch } = this.#deps;
    return deliver(
      {
        web,
        fetch,
        pace: this.#pace,
        stored: (key) => store.transaction((tx) => tx.messages.get(key)),
        follow: (id) => followChannel(this.#deps, id, id),
        channelNow: (id) => store.transaction((tx) => tx.messages.channelNow(id)),
        posting: () => {
          state.posting = true;
        },
        signal: this.#stop.signal,
      },
      item,
      message,
      this.#directChannels,
    );
  }

  /** The root goes out again, saying what it is about as it is now, and this message after it. */
  async #rootGone(item: OutboxItem, root: Notice): Promise<void> {
    const { store, clock, log } = this.#deps;
    const key = messageKey(root);
    const now = performance.now();
    const last = this.#rootsPosted.get(key);
    if (last !== undefined && now - last < ROOT_AGAIN_MS) {
      return this.#write(item, false, { kind: 'place', error: 'thread_not_found' });
    }
    this.#rootsPosted.delete(key);
    this.#rootsPosted.set(key, now);
    const [oldest] = this.#rootsPosted.keys();
    if (this.#rootsPosted.size > ROOTS_MAX && oldest !== undefined) this.#rootsPosted.delete(oldest);
    log.warn({ message: item.key, root: key }, 'the root of a thread is gone: it is posted again');
    await store.transaction(async (tx) => {
      await tx.messages.forget(key);
      await tx.outbox.again(root, item.lane);
      await tx.outbox.retryAt(item.id, clock.now(), 'thread_not_found', item.attemptedAt !== null);
    });
  }

  async #failed(item: OutboxItem, { posting }: { posting: boolean }, error: unknown): Promise<void> {
    if (error instanceof ChannelMoved) {
      const { store, clock } = this.#deps;
      const at = clock.now();
      return store.transaction((tx) => tx.outbox.retryAt(item.id, at, error.code, item.attemptedAt !== null));
    }
    const fault = faultOf(error);
    const named = fault.kind === 'gone' || (fault.kind === 'refused' && fault.retryAfterSeconds === null);
    // An answer that we do not know and that does not change is no reason to wait for ever in silence.
    if (named && item.attempts >= TRIES_UNTOLD) return this.#write(item, false, { kind: 'place', error: fault.error });
    return this.#write(item, posting && fault.kind === 'doubtful', fault);
  }

  /** Writes down what is to become of a message that was not delivered. */
  async #write(item: OutboxItem, nowDoubtful: boolean, fault: SlackFault): Promise<void> {
    const { store, clock, log } = this.#deps;
    const about = { message: item.key, notice: item.notice.kind, attempts: item.attempts, error: fault.error };
    if (fault.kind === 'content') {
      log.error(about, 'Slack will never accept this message: given up, and security is notified');
      await store.transaction((tx) => giveUpOne(tx, this.#about(item, fault.error)));
      return;
    }
    const wait = fault.kind === 'refused' && fault.retryAfterSeconds !== null ? fault.retryAfterSeconds * 1000 : 0;
    const first = this.#deps.retryFirstMs ?? RETRY_FIRST_MS;
    const delay = Math.max(wait, Math.min(RETRY_MAX_MS, first * 2 ** Math.min(item.attempts, DOUBLINGS_MAX)));
    // A doubt stays: Slack may show an earlier attempt's message later than we looked for it.
    const doubtful = item.attemptedAt !== null || nowDoubtful;
    const at = new Date(clock.now().getTime() + delay);
    const outcome = await store.transaction(async (tx) => {
      await tx.outbox.retryAt(item.id, at, fault.error, doubtful);
      return fault.kind === 'place' ? holdOrGiveUp(tx, this.#about(item, fault.error)) : 'again';
    });
    const newly = outcome === 'held' && item.heldSince === null;
    if (outcome === 'given_up') log.error(about, 'Slack did not accept this message for too long: given up');
    else if (newly)
      log.error(about, 'Slack rejects the destination of this message: its lane waits, and security is notified');
    else log.warn({ ...about, delay, doubtful }, 'message not delivered; trying again');
    setTimeout(() => this.wake(), delay + 1).unref();
  }

  /** Messages that are being posted are finished and recorded. The others wait for the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    clearInterval(this.#timer);
    this.#stop.abort(new Error('stopping'));
    await this.#looking;
    const limit = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS).unref());
    await Promise.race([this.settled(), limit]);
  }
}
