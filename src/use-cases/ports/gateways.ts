import type { Grant } from '../../access/grant.ts';
import type { Fingerprint, GrantId, PersonId, SessionId } from '../../access/ids.ts';
import type { Shown } from '../../access/shown.ts';
import type { Whose } from '../../access/whose.ts';

/** The gateway workers, as control sees them. */
export type Gateways = {
  carried(): readonly Carried[];
  /** Asks each worker what it carries of these. */
  ask(whose: Whose): Promise<GatewaysAnswer>;
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

export type GatewaysAnswer = {
  readonly workers: number;
  /** Fewer than `workers` where one did not answer in time. */
  readonly answered: number;
  /** What a worker says that it carries, or control knows that it does. */
  readonly sessions: readonly SessionId[];
};

/** Why a session is to end. The gateway words it, so nothing of it is a sentence but what somebody wrote. */
export type TerminationOrder =
  | {
      readonly why: 'expired';
      readonly because: 'expired' | 'engagement_over' | 'engagement_not_begun' | 'outside_engagement_hours';
    }
  | { readonly why: 'returned'; readonly because: 'returned' }
  | {
      readonly why: 'revoked';
      readonly because: 'revoked';
      readonly by: Ender | null;
      readonly comment: string | null;
    }
  | {
      readonly why: 'revoked';
      readonly because:
        | 'grant_missing'
        | 'grants_suspended'
        | 'key_retired'
        | 'session_tampered'
        | 'record_tampered'
        | 'engagement_closed';
    }
  | { readonly why: 'unconfirmed'; readonly because: 'person_unconfirmed' | 'channel_unread' }
  | { readonly why: 'ended_by_reviewer'; readonly because: 'ended_by_holder' }
  | { readonly why: 'ended_by_reviewer'; readonly because: 'ended'; readonly by: Ender | null };

/** Who ended something, as its person is told. */
export type Ender =
  | { readonly kind: 'person'; readonly name: string }
  /** `account` is empty where the command line did not tell it. */
  | { readonly kind: 'operator'; readonly account: string };

/** Somebody who looks on at a session; it does not wait for them. */
export type Watcher = {
  /** Whether the person reads of it; policy may say to be silent. */
  readonly isTold: boolean;
  see(shown: Shown): void;
  /** There is nothing more to see. */
  over(): void;
};
