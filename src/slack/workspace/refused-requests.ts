import type { Log } from '../../log.ts';
import type { Unsigned } from './signature.ts';

export type WhyRefused =
  | Unsigned
  | 'not_the_path'
  | 'too_large'
  | 'not_understood'
  | 'not_http'
  | 'too_slow'
  | 'too_many'
  | 'another_workspace';

/** For operators: what was wrong, and what to do if it came from Slack. */
const WORDS: Readonly<Record<WhyRefused, string>> = {
  no_signature: 'it has no signature of Slack’s',
  not_now: 'its time is more than five minutes away from this host’s; if it came from Slack, set this host’s clock',
  wrong_signature: 'its signature is wrong; if it came from Slack, SLACK_SIGNING_SECRET is another app’s',
  not_the_path:
    'it is no POST to slack.http.path; if it came from Slack, the request URL or the reverse proxy has another path',
  too_large: 'its body is larger than what Slack sends',
  not_understood: 'it is signed, and its body is not what Slack documents',
  not_http: 'it is not HTTP',
  too_slow: 'it did not arrive in time',
  too_many: 'too many others had begun and were not finished',
  another_workspace: 'it is of another workspace than the one that Daypass is installed in',
};

const EVERY_MS = 60_000;
/** Pairs of sender and reason that are told apart in a minute. */
const NAMED_MAX = 100;
const OTHERS = 'others';

type Named = { readonly at: number; since: number };

/** One line in the log for each sender and reason in a minute, so that a flood of requests is none of lines. */
export class RefusedRequests {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #named = new Map<string, Named>();

  /** `now` is monotonic, in milliseconds. */
  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** `sender` is an address, or the workspace of what Slack signed. */
  note(sender: string, why: WhyRefused): void {
    const at = this.#now();
    for (const [key, named] of this.#named) {
      if (at - named.at < EVERY_MS) break;
      // What was counted is told with the next line of the same; without one for another minute it is forgotten.
      if (named.since === 0 || at - named.at > 2 * EVERY_MS) this.#named.delete(key);
    }
    const isKnown = this.#named.has(`${why} ${sender}`);
    const from = isKnown || this.#named.size < NAMED_MAX ? sender : OTHERS;
    const key = `${why} ${from}`;
    const last = this.#named.get(key);
    if (last && at - last.at < EVERY_MS) {
      last.since += 1;
      return;
    }
    const notLogged = last && last.since > 0 ? { notLogged: last.since } : {};
    this.#named.delete(key);
    this.#named.set(key, { at, since: 0 });
    this.#log.warn({ from, why, ...notLogged }, `a request was refused: ${WORDS[why]}`);
  }
}
