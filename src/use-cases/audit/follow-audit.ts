import type { NumberedEvent } from '../ports/audit.ts';
import type { Store } from '../ports/store.ts';

const PAGE = 500;

/** Audit events in the order of their numbers, each once and only when it is committed. */
export class AuditFollower {
  readonly #store: Store<'audit'>;
  #id: number;

  constructor(store: Store<'audit'>, after: number) {
    this.#store = store;
    this.#id = after;
  }

  /** The number of the last event that was handed out. */
  get id(): number {
    return this.#id;
  }

  /** Empty where nothing is new. */
  async next(): Promise<readonly NumberedEvent[]> {
    const events = await this.#store.transaction((tx) => tx.audit.after(this.#id, PAGE));
    this.#id = events.at(-1)?.id ?? this.#id;
    return events;
  }
}
