import type { Actor, AuditEvent } from '../../access/audit-event.ts';
import type { AuditHead } from '../../access/audit-head.ts';
import type { GrantId, SessionId } from '../../access/ids.ts';

export type Audit = {
  /** Its number and its hash are those that it gets with the commit. */
  append(event: AuditEvent): Promise<void>;
  /** The latest ones, newest first. */
  list(limit: number): Promise<readonly AuditEvent[]>;
  /** Who ended this grant, or asked for the end of this session, as the latest event about it says; null where none does. */
  enderOf(what: 'grant' | 'session', id: GrantId | SessionId): Promise<Actor | null>;
  /** What was committed after an event, in order: numbers rise with the commits, so none comes later that belongs in between. */
  after(id: number, limit: number): Promise<readonly NumberedEvent[]>;
  /** The number of the latest one that is committed; 0 where there is none. */
  last(): Promise<number>;
  /** The head of the chain, as it is committed; null where there is no event. */
  head(): Promise<AuditHead | null>;
  /** The head at the committed event that a grant began with; null where there is none with a hash. */
  headOfGrant(id: GrantId): Promise<AuditHead | null>;
};

/** `prev` and `hash` are null in events from before the chain. */
export type NumberedEvent = AuditEvent & {
  readonly id: number;
  readonly prev: string | null;
  readonly hash: string | null;
};
