import type { Log } from '../../log.ts';
import type { RandomSource } from '../../use-cases/ports/random.ts';
import { SlackUnavailable } from '../workspace/directory.ts';
import { faultOf } from '../workspace/fault.ts';

/** Tells the person, where they are looking. Plain sentences without markup. */
export type Tell = (sentence: string) => Promise<void>;

const SEEN_MAX = 5_000;
const DRAIN_MS = 10_000;

/**
 * Every payload from Slack passes here. Each is handled once and counted while it is. When it fails, the person sees a reference that is
 * in the log too.
 */
export class Boundary {
  readonly #log: Log;
  readonly #random: RandomSource;
  readonly #seen = new Set<string>();
  readonly #inFlight = new Set<Promise<void>>();
  #closed = false;

  constructor(log: Log, random: RandomSource) {
    this.#log = log;
    this.#random = random;
  }

  /** Slack redelivers events, and interactions can be replayed: true for what was seen before. */
  #isRepeated(key: string): boolean {
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    const [oldest] = this.#seen;
    if (this.#seen.size > SEEN_MAX && oldest !== undefined) this.#seen.delete(oldest);
    return false;
  }

  /** `key` is the payload's own identity; null for what may be asked any number of times. */
  run(
    about: { readonly kind: string; readonly key: string | null },
    tell: Tell,
    work: () => Promise<void>,
  ): Promise<void> {
    if (about.key !== null && this.#isRepeated(`${about.kind}:${about.key}`)) {
      this.#log.info({ interaction: about.kind }, 'a repeated payload was ignored');
      return Promise.resolve();
    }
    const handled = this.#handle(about.kind, tell, work);
    this.#inFlight.add(handled);
    return handled.finally(() => this.#inFlight.delete(handled));
  }

  async #handle(kind: string, tell: Tell, work: () => Promise<void>): Promise<void> {
    try {
      if (this.#closed) throw new Stopping();
      await work();
    } catch (error) {
      if (isTooLate(error)) {
        this.#log.warn({ err: error, interaction: kind }, 'Slack’s three seconds to open a window had passed');
        await tell(TOO_LATE).catch((cause: unknown) =>
          this.#log.error({ err: cause, interaction: kind }, 'the person could not be told either'),
        );
        return;
      }
      const reference = Buffer.from(this.#random.bytes(4)).toString('hex');
      this.#log.error({ err: error, interaction: kind, reference }, 'an interaction failed');
      await tell(sentenceFor(error, reference)).catch((cause: unknown) =>
        this.#log.error({ err: cause, reference }, 'the person could not be told either'),
      );
    }
  }

  /** Refuses new payloads and waits for those under way. */
  async drain(): Promise<void> {
    this.#closed = true;
    const limit = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS).unref());
    await Promise.race([Promise.all(this.#inFlight), limit]);
  }
}

class Stopping extends Error {
  readonly code = 'stopping';
}

/** Slack's errors for a click or command that is too old to open a window for. */
const TRIGGER_OVER: ReadonlySet<string> = new Set([
  'expired_trigger_id',
  'trigger_expired',
  'exchanged_trigger_id',
  'trigger_exchanged',
  'invalid_trigger_id',
]);
const TOO_LATE =
  'Nothing was done: Slack gives an app three seconds to open a window, and this took longer. Try again.';

const isTooLate = (error: unknown): boolean => TRIGGER_OVER.has(faultOf(error).error);

function sentenceFor(error: unknown, reference: string): string {
  if (error instanceof Stopping) return 'Nothing was done: Daypass is restarting. Try again in a minute.';
  if (error instanceof SlackUnavailable) {
    return `Nothing was decided: Slack did not respond when Daypass asked about your account. Try again in a moment. (Reference ${reference})`;
  }
  return `Something went wrong in Daypass, and what you asked for may not have been done. Check the engagement’s thread, then try again. If it keeps failing, give your Daypass operator this reference: ${reference}`;
}
