import type { Log } from '../../log.ts';
import type { RandomSource } from '../../use-cases/ports.ts';
import { SlackUnavailable } from '../workspace/directory.ts';
import { faultOf } from '../workspace/fault.ts';

/** Tells the person, in the place where they look. Plain sentences without markup. */
export type Tell = (sentence: string) => Promise<void>;

const SEEN_MAX = 5_000;
const DRAIN_MS = 10_000;

/**
 * Where every payload from Slack passes: each is handled once, counted while it is, and what goes wrong in it is told to the
 * person with a reference that the log has too.
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
        this.#log.warn({ err: error, interaction: kind }, 'Slack’s three seconds for a window were over');
        await tell(TOO_LATE).catch((cause: unknown) =>
          this.#log.error({ err: cause, interaction: kind }, 'and the person could not be told'),
        );
        return;
      }
      const reference = Buffer.from(this.#random.bytes(4)).toString('hex');
      this.#log.error({ err: error, interaction: kind, reference }, 'an interaction failed');
      await tell(sentenceFor(error, reference)).catch((cause: unknown) =>
        this.#log.error({ err: cause, reference }, 'and the person could not be told'),
      );
    }
  }

  /** New payloads are turned away; those under way are waited for. */
  async drain(): Promise<void> {
    this.#closed = true;
    const limit = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS).unref());
    await Promise.race([Promise.all(this.#inFlight), limit]);
  }
}

class Stopping extends Error {
  readonly code = 'stopping';
}

/** Slack's ways to say that the click or command is too long ago to open a window for. */
const TRIGGER_OVER: ReadonlySet<string> = new Set([
  'expired_trigger_id',
  'trigger_expired',
  'exchanged_trigger_id',
  'trigger_exchanged',
  'invalid_trigger_id',
]);
const TOO_LATE =
  'That took longer than the three seconds in which Slack lets an app open a window, so nothing was opened and nothing was done. Try the same again.';

const isTooLate = (error: unknown): boolean => TRIGGER_OVER.has(faultOf(error).error);

function sentenceFor(error: unknown, reference: string): string {
  if (error instanceof Stopping) return 'Daypass is restarting, so nothing was done. Try again in a minute.';
  if (error instanceof SlackUnavailable) {
    return `Slack did not answer when Daypass asked about your account, and without that nothing is decided. Try again in a moment. (Reference ${reference})`;
  }
  return `Something broke inside Daypass, and it may not have been done. Look at the engagement’s thread, then try again; if it stays so, give the operators this reference: ${reference}`;
}
