import type { SessionId } from '../../access/ids.ts';
import type { Whose } from '../../access/whose.ts';
import { CARRIED_ANSWER_MS } from '../limits.ts';
import type { ToWorker } from '../pipe/worker-messages.ts';

type Waiting = (answer: readonly SessionId[] | null) => void;

/** What one worker is asked of the sessions that it carries. */
export class CarriedQuestions {
  readonly #send: (message: ToWorker) => void;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #isOver = false;

  constructor(send: (message: ToWorker) => void) {
    this.#send = send;
  }

  /** Null where it does not answer in time, or has gone. */
  ask({ personId, engagementIds }: Whose): Promise<readonly SessionId[] | null> {
    if (this.#isOver) return Promise.resolve(null);
    const id = this.#next++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(id, null), CARRIED_ANSWER_MS);
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.#send({ type: 'carries', id, personId, engagementIds: engagementIds && [...engagementIds] });
    });
  }

  answered(id: number, sessions: readonly SessionId[]): void {
    this.#settle(id, sessions);
  }

  /** The worker has exited. */
  over(): void {
    this.#isOver = true;
    for (const id of [...this.#waiting.keys()]) this.#settle(id, null);
  }

  #settle(id: number, answer: readonly SessionId[] | null): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.(answer);
  }
}
