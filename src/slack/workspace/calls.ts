import { webApi } from '@slack/bolt';
import { faultOf } from './fault.ts';
import type { SlackHealth } from './health.ts';

/** Who is waiting for a call: somebody who pressed a button, somebody who will get a message, or nobody in particular. */
export type Importance = 'click' | 'message' | 'reading';

/** Slack's tiers, in calls a minute: https://docs.slack.dev/apis/web-api/rate-limits. Methods that are not named are of tier 3. */
const PER_MINUTE: Readonly<Record<string, number>> = {
  'users.info': 100,
  'users.list': 20,
  'usergroups.users.list': 20,
  'conversations.members': 100,
  'views.open': 100,
  'views.update': 100,
  'views.push': 100,
  'views.publish': 100,
  'chat.postEphemeral': 100,
  'files.getUploadURLExternal': 100,
  'files.completeUploadExternal': 100,
  'chat.getPermalink': 300,
  // One a second and channel, which is the outbox's to keep.
  'chat.postMessage': 600,
};
const TIER_3 = 50;
/** The share of a method's budget that is left to more important calls. */
const LEFT: Readonly<Record<Importance, number>> = { click: Number.NEGATIVE_INFINITY, message: 0.2, reading: 0.6 };
/** How long a click waits for a method that Slack has rate-limited. */
const CLICK_WAIT_MS = 2_000;
const QUEUE_MAX = 1_000;

type Budget = { tokens: number; at: number; restUntil: number };

/** Too many calls are waiting already: the caller tries again later. */
class TooManyCalls extends Error {
  readonly code = 'too_many_calls';
}

/**
 * What stands before Slack's Web API: clicks pass at once, messages leave a fifth of a method's budget to clicks, and readings three
 * fifths to both. Callers of one method and importance go in the order in which they came.
 */
export class Calls implements Disposable {
  readonly #budgets = new Map<string, Budget>();
  readonly #last = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #now: () => number;
  #waiting = 0;

  /** `now` is monotonic, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  async run<T>(method: string, importance: Importance, call: () => Promise<T>): Promise<T> {
    if (importance === 'click') return this.#click(method, call);
    await this.#turn(method, importance);
    return this.#noting(method, call);
  }

  async #click<T>(method: string, call: () => Promise<T>): Promise<T> {
    this.#budget(method).tokens -= 1;
    try {
      return await this.#noting(method, call);
    } catch (error) {
      const seconds = error instanceof webApi.WebAPIRateLimitedError ? error.retryAfter : Number.POSITIVE_INFINITY;
      if (seconds * 1000 > CLICK_WAIT_MS) throw error;
      await this.#sleep(seconds * 1000);
      return this.#noting(method, call);
    }
  }

  /** While Slack rate-limits a method, only clicks try whether it works again. */
  async #noting<T>(method: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof webApi.WebAPIRateLimitedError) {
        this.#budget(method).restUntil = this.#now() + error.retryAfter * 1000;
      }
      throw error;
    }
  }

  async #turn(method: string, importance: Importance): Promise<void> {
    if (this.#waiting >= QUEUE_MAX) throw new TooManyCalls(`${QUEUE_MAX} calls are waiting for Slack`);
    this.#waiting += 1;
    const key = `${importance} ${method}`;
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(() => this.#room(method, importance));
    const settled = turn.catch(() => undefined);
    this.#last.set(key, settled);
    try {
      await turn;
    } finally {
      this.#waiting -= 1;
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }

  async #room(method: string, importance: Importance): Promise<void> {
    const perMinute = PER_MINUTE[method] ?? TIER_3;
    const least = perMinute * LEFT[importance] + 1;
    for (;;) {
      const budget = this.#budget(method);
      const rest = budget.restUntil - this.#now();
      const wait = Math.max(rest, ((least - budget.tokens) / perMinute) * 60_000);
      if (wait <= 0) {
        budget.tokens -= 1;
        return;
      }
      await this.#sleep(Math.ceil(wait));
    }
  }

  #sleep(ms: number): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((resolve, reject) => {
      const stopped = (): void => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', stopped);
        resolve();
      }, ms);
      if (signal.aborted) stopped();
      else signal.addEventListener('abort', stopped, { once: true });
    });
  }

  #budget(method: string): Budget {
    const now = this.#now();
    const perMinute = PER_MINUTE[method] ?? TIER_3;
    const budget = this.#budgets.get(method) ?? { tokens: perMinute, at: now, restUntil: 0 };
    this.#budgets.set(method, budget);
    budget.tokens = Math.min(perMinute, budget.tokens + ((now - budget.at) / 60_000) * perMinute);
    budget.at = now;
    return budget;
  }

  /** Nobody waits any longer. */
  [Symbol.dispose](): void {
    this.#stop.abort(new Error('stopping'));
  }
}

type Behind = { readonly calls: Calls; readonly importance: Importance; readonly health: SlackHealth };

/** Slack's Web API behind `Calls`. */
export class PacedClient extends webApi.WebClient {
  readonly #calls: Calls;
  readonly #importance: Importance;
  readonly #health: SlackHealth;

  constructor(token: string, options: webApi.WebClientOptions, { calls, importance, health }: Behind) {
    super(token, options);
    this.#calls = calls;
    this.#importance = importance;
    this.#health = health;
  }

  override async apiCall(method: string, options: Record<string, unknown> = {}): Promise<webApi.WebAPICallResult> {
    try {
      const answer = await this.#calls.run(method, this.#importance, () => super.apiCall(method, options));
      this.#health.accepted();
      return answer;
    } catch (error) {
      const fault = faultOf(error);
      if (fault.kind === 'app') this.#health.refused(fault.error);
      throw error;
    }
  }
}
