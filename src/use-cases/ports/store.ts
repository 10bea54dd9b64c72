import type { Actor } from '../../access/audit-event.ts';
import type { GrantId, SessionId } from '../../access/ids.ts';
import type { RegistryEntry } from '../../access/registry-entry.ts';
import type { Audit } from './audit.ts';
import type { EngagementChanges } from './engagement-changes.ts';
import type { Engagements } from './engagements.ts';
import type { Grants } from './grants.ts';
import type { Groups } from './groups.ts';
import type { Keys } from './keys.ts';
import type { Messages } from './messages.ts';
import type { Offboardings } from './offboardings.ts';
import type { Outbox } from './outbox.ts';
import type { Persons } from './persons.ts';
import type { Requests } from './requests.ts';
import type { Broken, Suspension } from './seals.ts';
import type { Sessions } from './sessions.ts';

/**
 * Everything that changes goes through here: one transaction, committed when `work` resolves, rolled back when it throws.
 * `Store<'grants' | 'audit'>` is asked for by somebody who touches nothing else.
 */
export type Store<Part extends keyof WholeTx = keyof WholeTx> = {
  transaction<T>(work: (tx: Tx<Part>) => Promise<T>): Promise<T>;
  /** Hears of each change after its commit, from this process and, on PostgreSQL, from every other. */
  subscribe(listener: (change: Change) => void): () => void;
};

/** What one transaction reaches, or the parts of it that somebody touches. */
export type Tx<Part extends keyof WholeTx = keyof WholeTx> = Pick<WholeTx, Part>;

type WholeTx = {
  readonly persons: Persons;
  readonly keys: Keys;
  readonly engagements: Engagements;
  readonly engagementChanges: EngagementChanges;
  readonly groups: Groups;
  readonly requests: Requests;
  readonly grants: Grants;
  readonly sessions: Sessions;
  readonly offboardings: Offboardings;
  readonly audit: Audit;
  readonly outbox: Outbox;
  readonly messages: Messages;
  announce(change: Change): void;
  /** The first record that this transaction met whose seal is broken; such a record is answered as if it were not there. */
  broken(): Broken | null;
  /** Such a record was found by other means; it is told of like the others. */
  breaks(broken: Broken): void;
  /** Why no grant is believed at the moment; null where they are. */
  suspension(): Suspension | null;
  /** Lets grants be believed again once this transaction has committed. */
  liftSuspension(): void;
};

/** What others must act on at once. Delivery is at most once: whoever listens also looks again on a timer. */
export type Change =
  | { readonly kind: 'outbox' }
  | { readonly kind: 'sessions_extended'; readonly grantId: GrantId }
  | { readonly kind: 'grant_ended'; readonly grantId: GrantId }
  /** Somebody's standing or keys changed: live sessions are looked at again. */
  | { readonly kind: 'rights_changed' }
  | { readonly kind: 'registry_changed'; readonly entry: RegistryEntry }
  | { readonly kind: 'session_end_asked'; readonly sessionId: SessionId; readonly by: Actor };
