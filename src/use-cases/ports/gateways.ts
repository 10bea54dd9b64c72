import type { Grant } from '../../access/grant.ts';
import type { Fingerprint, GrantId, PersonId, SessionId } from '../../access/ids.ts';
import type { SessionEnding } from '../../access/session.ts';
import type { Shown } from '../../access/shown.ts';

/** The gateway workers, as control sees them. */
export type Gateways = {
  carried(): readonly Carried[];
  /** Ends live sessions: both TCP sides are destroyed without waiting for either peer. */
  terminate(sessions: readonly SessionId[], order: TerminationOrder): void;
  /**
   * A live session goes on until this grant's end, where the grant allows what runs, and ends later than what it runs under. Returns
   * whether it runs under it now.
   */
  extend(session: SessionId, under: Grant): boolean;
  /** Shows what passes in a live session from now on; null where no worker carries it. */
  watch(session: SessionId, watcher: Watcher): (() => void) | null;
};

/** What a worker carries, as control decided it; unlike the session's record it is in memory only. */
export type Carried = {
  readonly session: SessionId;
  /** Under which it runs now. */
  readonly grantId: GrantId;
  readonly personId: PersonId;
  readonly keyFingerprint: Fingerprint;
};

export type TerminationOrder = {
  readonly why: Extract<SessionEnding, { how: 'terminated' }>['why'];
  /** One line for the person's terminal. */
  readonly message: string;
};

/** Somebody who looks on at a session; it does not wait for them. */
export type Watcher = {
  /** What the person reads of it; null where policy says to be silent. */
  readonly told: string | null;
  see(shown: Shown): void;
  /** There is nothing more to see. */
  over(): void;
};
