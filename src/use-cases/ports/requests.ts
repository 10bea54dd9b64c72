import type { EngagementId, PersonId, RequestId } from '../../access/ids.ts';
import type { AccessRequest, RequestComment } from '../../access/request.ts';

export type Requests = {
  byId(id: RequestId): Promise<AccessRequest | null>;
  /** `select … for no key update`: concurrent decisions on one request take turns. */
  lock(id: RequestId): Promise<AccessRequest | null>;
  insert(request: AccessRequest): Promise<void>;
  /** Writes status, reviews with their signatures, pledges and decision; nothing of the ask. */
  save(request: AccessRequest): Promise<void>;
  /** Those that are to be believed, oldest first. */
  comments(id: RequestId): Promise<readonly RequestComment[]>;
  /** How many were ever added, whole or not. */
  countComments(id: RequestId): Promise<number>;
  /** Comments are only ever added. */
  comment(id: RequestId, comment: RequestComment): Promise<void>;
  pendingOf(person: PersonId): Promise<readonly AccessRequest[]>;
  pendingIn(engagement: EngagementId): Promise<readonly AccessRequest[]>;
  /** The latest ones first; where `pending`, only those that wait. */
  list(filter: { readonly pending: boolean; readonly limit: number }): Promise<readonly AccessRequest[]>;
  /** Pending ones that this reviewer pressed Approve on and has yet to sign. */
  pledgedBy(reviewer: PersonId): Promise<readonly AccessRequest[]>;
  /** Pledges from before then that are still to be signed; each is answered once. */
  noteLapses(of: {
    readonly before: Date;
    readonly now: Date;
    readonly limit: number;
  }): Promise<readonly { readonly requestId: RequestId; readonly reviewerId: PersonId }[]>;
  /** The newest that a person asked for in an engagement, whatever became of it. */
  lastOf(person: PersonId, engagement: EngagementId): Promise<AccessRequest | null>;
  pendingForReviewer(person: PersonId): Promise<readonly AccessRequest[]>;
  /** Pending ones of which nobody was reminded, and that have waited this long or half of the time they can, locked. */
  lockUnreminded(now: Date, waitedSeconds: number, limit: number): Promise<readonly AccessRequest[]>;
  /** Writes down that its reviewers are reminded. */
  reminded(id: RequestId, at: Date): Promise<void>;
  /** Pending ones whose `expiresAt` has come, locked. */
  lockOverdue(now: Date, limit: number): Promise<readonly AccessRequest[]>;
};
