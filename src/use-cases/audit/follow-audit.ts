import type { AuditEvent } from '../../access/audit-event.ts';
import type { AuditPage } from '../ports/audit.ts';
import type { Store } from '../ports/store.ts';

export type NumberedEvent = AuditEvent & { readonly id: number };

const PAGE = 500;
/** Between taking a number and being seen at work a transaction needs far less. */
const GAP_MS = 2_000;

type Gap = { readonly next: bigint; readonly sinceMs: number };

/**
 * Audit events in the order of their numbers, each once and only when it is committed. A number that is missing belongs to a
 * transaction that is still at work, or to one that was rolled back: it is passed over once every transaction that could have
 * taken it is over.
 */
export class AuditFollower {
  readonly #store: Store<'audit'>;
  readonly #nowMs: () => number;
  #gap: Gap | null = null;
  #id: number;

  constructor(store: Store<'audit'>, after: number, nowMs: () => number) {
    this.#store = store;
    this.#id = after;
    this.#nowMs = nowMs;
  }

  /** The number of the last event that was handed out or passed over. */
  get id(): number {
    return this.#id;
  }

  /** What can be told by now; empty where nothing is new, or where an earlier event may still come. */
  async next(): Promise<readonly NumberedEvent[]> {
    return this.#take(await this.#store.transaction((tx) => tx.audit.after(this.#id, PAGE)));
  }

  #take({ events, oldest, next }: AuditPage): readonly NumberedEvent[] {
    const told: NumberedEvent[] = [];
    for (const event of events) {
      if (event.id !== this.#id + 1 && !this.#isOver(oldest)) {
        this.#gap ??= { next, sinceMs: this.#nowMs() };
        break;
      }
      this.#gap = null;
      this.#id = event.id;
      told.push(event);
    }
    return told;
  }

  #isOver(oldest: bigint): boolean {
    return this.#gap !== null && oldest >= this.#gap.next && this.#nowMs() - this.#gap.sinceMs >= GAP_MS;
  }
}
