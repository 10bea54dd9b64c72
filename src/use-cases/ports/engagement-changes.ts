import type { EngagementChange } from '../../access/engagement-change.ts';
import type { EngagementChangeId, EngagementId } from '../../access/ids.ts';

export type EngagementChanges = {
  byId(id: EngagementChangeId): Promise<EngagementChange | null>;
  /** The one that waits, locked; an engagement has one at a time. */
  lockPending(id: EngagementId): Promise<EngagementChange | null>;
  insert(change: EngagementChange): Promise<void>;
  /** Writes status, reviews and decision; nothing of the terms. */
  save(change: EngagementChange): Promise<void>;
  /** Pending ones whose `expiresAt` has come. */
  overdue(now: Date, limit: number): Promise<readonly EngagementChange[]>;
};
