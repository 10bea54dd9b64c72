import type { SessionId } from '../../access/ids.ts';
import type { Shown } from '../../access/shown.ts';
import type { Watcher } from '../../use-cases/ports/gateways.ts';
import type { ToWorker } from '../pipe/worker-messages.ts';
import { WATCHED } from '../words/session-words.ts';

/** Those who look on at sessions of one worker, by a number that it shows them things under. */
export class Watchers {
  readonly #send: (message: ToWorker) => void;
  readonly #watchers = new Map<number, Watcher>();
  #next = 0;

  constructor(send: (message: ToWorker) => void) {
    this.#send = send;
  }

  /** Shows what passes in a session that the worker carries; the answer stops that. */
  watch(session: SessionId, watcher: Watcher): () => void {
    const watch = this.#next++;
    this.#watchers.set(watch, watcher);
    this.#send({ type: 'watch', session, watch, told: watcher.isTold ? WATCHED : null });
    return () => {
      if (this.#watchers.delete(watch)) this.#send({ type: 'unwatch', session, watch });
    };
  }

  see(watch: number, shown: readonly Shown[]): void {
    // Who looks on may stop at any of them.
    for (const each of shown) this.#watchers.get(watch)?.see(each);
  }

  /** There is nothing more to see. */
  over(watch: number): void {
    const watcher = this.#watchers.get(watch);
    this.#watchers.delete(watch);
    watcher?.over();
  }

  allOver(): void {
    for (const watch of [...this.#watchers.keys()]) this.over(watch);
  }
}
