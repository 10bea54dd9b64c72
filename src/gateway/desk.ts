import type { Fingerprint } from '../access/ids.ts';
import type { GatewayControl } from '../use-cases/gateway-control.ts';
import type { Caller } from '../use-cases/self-service.ts';
import type { ConfigFacts } from './client-config.ts';
import type { Served } from './control-link.ts';
import {
  ASK_MS,
  ASKS_PER_JUMP,
  ASKS_PER_SECOND,
  JUMPS_MAX,
  OFFERS_OUTSTANDING_MAX,
  OFFERS_PER_SECOND,
} from './limits.ts';
import { failure, parseWords, wordAnswer } from './self-service-words.ts';

type Jump = { readonly caller: Caller; readonly since: number; asks: number };

/**
 * What one worker may ask on behalf of people. It names an SSH session, never a person: only for sessions whose proof control
 * accepted from this worker, while their connection lives, for a while and so often.
 */
export class Desk {
  readonly #control: Pick<GatewayControl, 'isRegistered' | 'serve'>;
  readonly #facts: () => ConfigFacts;
  readonly #jumps = new Map<string, Jump>();
  readonly #offers = perSecond(OFFERS_PER_SECOND);
  readonly #asks = perSecond(ASKS_PER_SECOND);
  #outstanding = 0;

  constructor(control: Pick<GatewayControl, 'isRegistered' | 'serve'>, facts: () => ConfigFacts) {
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

  /** Under a flood nobody's plain key is worth asking for; certificates still are. */
  async isRegistered(fingerprint: Fingerprint): Promise<boolean> {
    if (this.#outstanding >= OFFERS_OUTSTANDING_MAX || !this.#offers()) return false;
    this.#outstanding += 1;
    try {
      return await this.#control.isRegistered(fingerprint);
    } finally {
      this.#outstanding -= 1;
    }
  }

  async ask(sshSessionId: string, words: string): Promise<Served> {
    const jump = this.#jumps.get(sshSessionId);
    if (!jump || performance.now() - jump.since > ASK_MS) return failure('Connect again to ask.', 1);
    jump.asks += 1;
    if (jump.asks > ASKS_PER_JUMP) return failure('That is enough for one connection. Connect again.', 1);
    if (!this.#asks()) return failure('Daypass is busy. Try again in a minute.', 1);
    const parsed = parseWords(words);
    if ('served' in parsed) return parsed.served;
    return wordAnswer(await this.#control.serve(jump.caller, parsed.ask), parsed, this.#facts());
  }
}

function perSecond(max: number): () => boolean {
  let second = 0;
  let count = 0;
  return () => {
    const now = Math.floor(performance.now() / 1_000);
    if (now !== second) [second, count] = [now, 0];
    count += 1;
    return count <= max;
  };
}
