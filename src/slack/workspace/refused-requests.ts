import type { Log } from '../../log.ts';

export type WhyRefused = 'another_workspace';

/** For operators. */
const WORDS: Readonly<Record<WhyRefused, string>> = {
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

  /** `sender` is the workspace that it is of. */
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
