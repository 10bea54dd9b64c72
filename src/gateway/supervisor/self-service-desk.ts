import type { PersonId } from '../../access/ids.ts';
import type { UserauthProof } from '../../use-cases/ports/authority.ts';
import type { GatewayControl } from '../../use-cases/sessions/gateway-control.ts';
import type { Caller } from '../../use-cases/sessions/self-service.ts';
import {
  ASK_MS,
  ASKS_OUTSTANDING_MAX,
  ASKS_PER_JUMP,
  ASKS_PER_PERSON_SECOND,
  ASKS_PER_SECOND,
  CONFIRM_MS,
  JUMPS_MAX,
} from '../limits.ts';
import type { Served } from '../pipe/worker-messages.ts';
import { notSigned, signedAnswer, YES } from '../words/approval-words.ts';
import type { ConfigFacts } from '../words/client-config.ts';
import { gatewayAddress, wordForTerminal } from '../words/refusals.ts';
import { failure, parseWords, wordAnswer } from '../words/self-service-words.ts';

const TOO_OLD = 'This connection is too old for that. Connect again; if it is shared, add -o ControlPath=none.';
const BUSY = 'Daypass is busy. Try again in a minute.';

type Approval = { readonly proof: UserauthProof; readonly since: number };
type Jump = { readonly caller: Caller; readonly since: number; asks: number };

/**
 * What one worker may ask on behalf of people. It names an SSH session, never a person: only for sessions whose proof control
 * accepted from this worker, while their connection lives, for a while and so often.
 */
export class Desk {
  readonly #control: Pick<GatewayControl, 'serve' | 'sign'>;
  readonly #facts: () => ConfigFacts;
  readonly #jumps = new Map<string, Jump>();
  readonly #approvals = new Map<string, Approval>();
  readonly #asks = perSecond<'all'>(ASKS_PER_SECOND);
  readonly #asksOf = perSecond<PersonId>(ASKS_PER_PERSON_SECOND);
  #asksOutstanding = 0;

  constructor(control: Pick<GatewayControl, 'serve' | 'sign'>, facts: () => ConfigFacts) {
    this.#control = control;
    this.#facts = facts;
  }

  /** Control accepted the proof of this connection. */
  admit({ sshSessionId, personId, fingerprint }: Caller & { readonly sshSessionId: string }): void {
    this.#jumps.set(sshSessionId, { caller: { personId, fingerprint }, since: performance.now(), asks: 0 });
    const [oldest] = this.#jumps.keys();
    if (this.#jumps.size > JUMPS_MAX && oldest !== undefined) this.#jumps.delete(oldest);
  }

  /** Control verified this signature: its person may say yes once, on the same connection. */
  admitApproval(sshSessionId: string, proof: UserauthProof): void {
    this.#approvals.set(sshSessionId, { proof, since: performance.now() });
    const [oldest] = this.#approvals.keys();
    if (this.#approvals.size > JUMPS_MAX && oldest !== undefined) this.#approvals.delete(oldest);
  }

  over(sshSessionId: string): void {
    this.#jumps.delete(sshSessionId);
    this.#approvals.delete(sshSessionId);
  }

  async ask(sshSessionId: string, words: string): Promise<Served> {
    const approval = this.#approvals.get(sshSessionId);
    if (approval) return this.#sign(sshSessionId, approval, words);
    const jump = this.#jumps.get(sshSessionId);
    if (!jump || performance.now() - jump.since > ASK_MS) return failure(TOO_OLD, 1);
    jump.asks += 1;
    if (jump.asks > ASKS_PER_JUMP) return failure('This connection has asked too often. Connect again.', 1);
    // One person's haste leaves room for the others.
    if (!this.#asksOf(jump.caller.personId)) return failure('You are asking too often. Try again in a second.', 1);
    const parsed = parseWords(words);
    if ('served' in parsed) return parsed.served;
    return this.#inTurn(async () =>
      wordAnswer(await this.#control.serve(jump.caller, parsed.ask), parsed, this.#facts()),
    );
  }

  async #sign(sshSessionId: string, { proof, since }: Approval, words: string): Promise<Served> {
    this.#approvals.delete(sshSessionId);
    if (words !== YES || performance.now() - since > CONFIRM_MS) return notSigned(TOO_OLD);
    return this.#inTurn(async () => {
      const signed = await this.#control.sign(proof);
      const { host, port } = this.#facts();
      return signed.ok
        ? signedAnswer(signed.value)
        : notSigned(wordForTerminal(signed.rejection, gatewayAddress(host, port)));
    });
  }

  async #inTurn(work: () => Promise<Served>): Promise<Served> {
    if (this.#asksOutstanding >= ASKS_OUTSTANDING_MAX || !this.#asks('all')) return failure(BUSY, 1);
    this.#asksOutstanding += 1;
    try {
      return await work();
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
