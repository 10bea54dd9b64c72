import type { PersonId } from '../../access/ids.ts';
import type { GatewayControl } from '../../use-cases/sessions/gateway-control.ts';
import type { Caller } from '../../use-cases/sessions/self-service.ts';
import {
  ASK_MS,
  ASKS_OUTSTANDING_MAX,
  ASKS_PER_JUMP,
  ASKS_PER_PERSON_SECOND,
  ASKS_PER_SECOND,
  JUMPS_MAX,
} from '../limits.ts';
import type { Served } from '../pipe/worker-messages.ts';
import type { ConfigFacts } from '../words/client-config.ts';
import { failure, parseWords, wordAnswer } from '../words/self-service-words.ts';

const TOO_OLD = 'This connection is too old for that. Connect again; if it is shared, add -o ControlPath=none.';
const BUSY = 'Daypass is busy. Try again in a minute.';

type Jump = { readonly caller: Caller; readonly since: number; asks: number };

/**
 * What one worker may ask on behalf of people. It names an SSH session, never a person: only for sessions whose proof control
 * accepted from this worker, while their connection lives, for a while and so often.
 */
export class Desk {
  readonly #control: Pick<GatewayControl, 'serve'>;
  readonly #facts: () => ConfigFacts;
  readonly #jumps = new Map<string, Jump>();
  readonly #asks = perSecond<'all'>(ASKS_PER_SECOND);
  readonly #asksOf = perSecond<PersonId>(ASKS_PER_PERSON_SECOND);
  #asksOutstanding = 0;

  constructor(control: Pick<GatewayControl, 'serve'>, facts: () => ConfigFacts) {
    this.#control = control;
    this.#facts = facts;
  }

  /** Control accepted the proof of this connection. */
  admit({ sshSessionId, personId, fingerprint }: Caller & { readonly sshSessionId: string }): void {
    this.#jumps.set(sshSessionId, { caller: { personId, fingerprint }, since: performance.now(), asks: 0 });
    const [oldest] = this.#jumps.keys();
    if (this.#jumps.size > JUMPS_MAX && oldest !== undefined) this.#jumps.delete(oldest);
  }

  over(sshSessionId: string): void {
    this.#jumps.delete(sshSessionId);
  }

  async ask(sshSessionId: string, words: string): Promise<Served> {
    const jump = this.#jumps.get(sshSessionId);
    if (!jump || performance.now() - jump.since > ASK_MS) return failure(TOO_OLD, 1);
    jump.asks += 1;
    if (jump.asks > ASKS_PER_JUMP) return failure('This connection has asked too often. Connect again.', 1);
    // One person's haste leaves room for the others.
    if (!this.#asksOf(jump.caller.personId)) return failure('You are asking too often. Try again in a second.', 1);
    const parsed = parseWords(words);
    if ('served' in parsed) return parsed.served;
    if (this.#asksOutstanding >= ASKS_OUTSTANDING_MAX || !this.#asks('all')) return failure(BUSY, 1);
    this.#asksOutstanding += 1;
    try {
      return wordAnswer(await this.#control.serve(jump.caller, parsed.ask), parsed, this.#facts());
    } finally {
      this.#asksOutstanding -= 1;
    }
  }
}

/** Counts each of them anew in every second, so that it remembers no more than one second brings. */
function perSecond<Who>(max: number): (who: Who) => boolean {
  let second = 0;
  const counts = new Map<Who, number>();
  return (who) => {
    const now = Math.floor(performance.now() / 1_000);
    if (now !== second) {
      second = now;
      counts.clear();
    }
    const count = (counts.get(who) ?? 0) + 1;
    counts.set(who, count);
    return count <= max;
  };
}
