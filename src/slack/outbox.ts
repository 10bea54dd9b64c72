import type { webApi } from '@slack/bolt';
import type { Log } from '../log.ts';
import type { OutboxItem } from '../use-cases/notice.ts';
import { deliver } from './delivery.ts';
import { type RenderDeps, type Rendered, render } from './notices.ts';
import { pace } from './pace.ts';
import { faultOf, type SlackFault } from './slack-fault.ts';

export type OutboxDeps = RenderDeps & {
  readonly web: webApi.WebClient;
  readonly log: Log;
  /** The wait after a first failure; it doubles with each further one. */
  readonly retryFirstMs?: number;
};

const LANES_MAX = 4;
const LOOK_EVERY_MS = 1_000;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 60_000;
const DRAIN_MS = 12_000;

/**
 * Brings the outbox to Slack: lanes side by side, each in its own order, each message once. A message whose fate is unknown is
 * looked for before it is posted again; one that Slack will never take is buried, and its lane goes on.
 */
export class OutboxWorker implements AsyncDisposable {
  readonly #deps: OutboxDeps;
  readonly #inFlight = new Map<string, Promise<void>>();
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
    await Promise.all(this.#inFlight.values());
  }

  async #look(): Promise<void> {
    const { store, clock, log } = this.#deps;
    while (this.#lookAgain && !this.#stop.signal.aborted) {
      this.#lookAgain = false;
      try {
        const due = await store.transaction((tx) => tx.outbox.due(clock.now(), LANES_MAX * 2));
        for (const item of due) {
          if (this.#inFlight.size >= LANES_MAX) break;
          if (!this.#inFlight.has(item.lane)) this.#start(item);
        }
      } catch (error) {
        log.error({ err: error }, 'the outbox could not be read');
      }
    }
  }

  #start(item: OutboxItem): void {
    const work = this.#attempt(item).finally(() => {
      this.#inFlight.delete(item.lane);
      this.wake();
    });
    this.#inFlight.set(item.lane, work);
  }

  async #attempt(item: OutboxItem): Promise<void> {
    const { store, clock, log } = this.#deps;
    const about = { message: item.key, notice: item.notice.kind, attempts: item.attempts };
    const state = { posting: false };
    try {
      // Before rendering: a change that comes from now on finds this attempt begun, and enqueues another.
      await store.transaction((tx) => tx.outbox.attempting(item.id, clock.now()));
      const message = await render(this.#deps, item.notice);
      if (!message) log.warn(about, 'a message has nobody to go to, or nothing to say any more');
      const ref = message && (await this.#deliver(item, message, state));
      await store.transaction(async (tx) => {
        if (ref) await tx.messages.put(ref);
        await tx.outbox.delivered(item.id);
      });
      log.info(about, 'message delivered');
    } catch (error) {
      await this.#failed(item, state.posting, faultOf(error)).catch((cause: unknown) =>
        log.error({ ...about, err: cause }, 'the failure of a message could not be written down'),
      );
    }
  }

  #deliver(item: OutboxItem, message: Rendered, state: { posting: boolean }): ReturnType<typeof deliver> {
    const { store, web } = this.#deps;
    return deliver(
      {
        web,
        pace: this.#pace,
        stored: (key) => store.transaction((tx) => tx.messages.get(key)),
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

  async #failed(item: OutboxItem, posting: boolean, fault: SlackFault): Promise<void> {
    const { store, clock, log } = this.#deps;
    const about = { message: item.key, notice: item.notice.kind, attempts: item.attempts, error: fault.error };
    if (fault.kind === 'permanent') {
      log.error(about, 'Slack will never take this message: buried');
      await store.transaction((tx) => tx.outbox.bury(item.id, fault.error));
      return;
    }
    const wait = fault.kind === 'refused' && fault.retryAfterSeconds !== null ? fault.retryAfterSeconds * 1000 : 0;
    const first = this.#deps.retryFirstMs ?? RETRY_FIRST_MS;
    const delay = Math.max(wait, Math.min(RETRY_MAX_MS, first * 2 ** Math.min(item.attempts, 10)));
    // A doubt stays: Slack may show an earlier attempt's message later than we looked for it.
    const doubtful = item.attemptedAt !== null || (posting && fault.kind === 'doubtful');
    log.warn({ ...about, delay, doubtful }, 'message not delivered; it is tried again');
    const at = new Date(clock.now().getTime() + delay);
    await store.transaction((tx) => tx.outbox.retryAt(item.id, at, fault.error, doubtful));
    setTimeout(() => this.wake(), delay + 1).unref();
  }

  /** What is being posted is finished and written down; the rest waits for the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    clearInterval(this.#timer);
    this.#stop.abort(new Error('stopping'));
    await this.#looking;
    const limit = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS).unref());
    await Promise.race([this.settled(), limit]);
  }
}
