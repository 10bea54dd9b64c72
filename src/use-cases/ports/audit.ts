import type { Actor, AuditEvent } from '../../access/audit-event.ts';
import type { GrantId, SessionId } from '../../access/ids.ts';

export type Audit = {
  append(event: AuditEvent): Promise<void>;
  /** The latest ones, newest first. */
  list(limit: number): Promise<readonly AuditEvent[]>;
  /** Who ended this grant, or asked for the end of this session, as the latest event about it says; null where none does. */
  enderOf(what: 'grant' | 'session', id: GrantId | SessionId): Promise<Actor | null>;
  /** What was written after an event, in order. */
  after(id: number, limit: number): Promise<AuditPage>;
  /** The id of the latest one; 0 where there is none. */
  last(): Promise<number>;
};

export type AuditPage = {
  readonly events: readonly (AuditEvent & { readonly id: number })[];
  /** Transactions older than this were over before the events were read. */
  readonly oldest: bigint;
  /** Transactions that began before the events were read are older than this. */
  readonly next: bigint;
};
