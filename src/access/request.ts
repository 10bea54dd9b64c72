import { isTooLongAgo } from './age.ts';
import type { Digest, EngagementId, Fingerprint, Login, PersonId, RequestId } from './ids.ts';
import type { ReviewRejection } from './rejection.ts';
import { ok, type Result, refuse } from './result.ts';
import type { Scope } from './scopes/scope.ts';
import type { TargetPin } from './target.ts';

/** Exactly what is asked for. Its digest is what a reviewer's click binds to; nothing here changes after the ask. */
export type Ask = {
  readonly engagementId: EngagementId;
  readonly personId: PersonId;
  readonly targets: readonly TargetPin[];
  readonly login: Login;
  readonly scope: Scope;
  readonly durationSeconds: number;
  readonly reason: string;
  readonly ticket: string | null;
  readonly keyFingerprints: readonly Fingerprint[];
};

/** Characters of reason and ticket; how many targets. */
export const ASK_LIMITS = { reason: 1_000, ticket: 200, targets: 50 } as const;

/** Between the names of rules that decided together. */
export const RULE_BREAK = '\n';

export type Review = {
  readonly reviewerId: PersonId;
  readonly verdict: 'approve' | 'deny';
  readonly comment: string | null;
  readonly at: Date;
};

type RequestBase = {
  readonly id: RequestId;
  readonly ask: Ask;
  readonly digest: Digest;
  /** The policy rules that it was asked under, and how many approvals they want; `heldToPolicy` says what counts today. */
  readonly rule: string;
  readonly approvals: number;
  readonly requestedAt: Date;
  readonly expiresAt: Date;
  readonly reviews: readonly Review[];
};

export type PendingRequest = RequestBase & { readonly status: 'pending' };
export type AccessRequest =
  | PendingRequest
  | (RequestBase & { readonly status: 'approved' | 'denied'; readonly decidedAt: Date })
  | (RequestBase & { readonly status: 'expired' | 'withdrawn'; readonly decidedAt: Date });

export type RequestCommand =
  | {
      readonly kind: 'review';
      readonly reviewerId: PersonId;
      readonly digest: Digest;
      readonly verdict: Review['verdict'];
      readonly comment: string | null;
    }
  | { readonly kind: 'withdraw'; readonly by: PersonId }
  | { readonly kind: 'expire' };

/** A pending request whose time has run out, or is still to begin, is expired at every look, whether or not a job has written it down. */
export const isExpired = (request: AccessRequest, now: Date): boolean =>
  request.status === 'expired' || (request.status === 'pending' && hasWaited(request, now));

const hasWaited = ({ requestedAt, expiresAt }: RequestBase, now: Date): boolean =>
  isTooLongAgo(requestedAt, now, expiresAt.getTime() - requestedAt.getTime() - 1);

/** The state machine of a request. Whether a reviewer may review at all is `canReview`'s to say. */
export function transition(
  request: AccessRequest,
  command: RequestCommand,
  now: Date,
): Result<AccessRequest, ReviewRejection> {
  if (request.status !== 'pending') return refuse(decided(request));
  if (isExpired(request, now)) {
    if (command.kind === 'expire') return ok({ ...request, status: 'expired', decidedAt: request.expiresAt });
    return refuse({
      code: 'already_decided',
      requestId: request.id,
      outcome: 'expired',
      by: null,
      at: request.expiresAt,
    });
  }
  switch (command.kind) {
    case 'review':
      return review(request, command, now);
    case 'withdraw':
      if (command.by !== request.ask.personId) return refuse({ code: 'unknown_request' });
      return ok({ ...request, status: 'withdrawn', decidedAt: now });
    case 'expire':
      return ok(request);
  }
}

function review(
  request: PendingRequest,
  command: Extract<RequestCommand, { kind: 'review' }>,
  now: Date,
): Result<AccessRequest, ReviewRejection> {
  if (command.reviewerId === request.ask.personId) return refuse({ code: 'own_request' });
  if (command.digest !== request.digest) return refuse({ code: 'digest_mismatch' });
  const earlier = request.reviews.find((each) => each.reviewerId === command.reviewerId);
  if (earlier) return refuse({ code: 'already_reviewed', at: earlier.at });
  const { reviewerId, verdict, comment } = command;
  const reviews = [...request.reviews, { reviewerId, verdict, comment, at: now }];
  if (verdict === 'deny') return ok({ ...request, reviews, status: 'denied', decidedAt: now });
  const approvals = reviews.filter((each) => each.verdict === 'approve').length;
  if (approvals < request.approvals) return ok({ ...request, reviews });
  return ok({ ...request, reviews, status: 'approved', decidedAt: now });
}

function decided(request: Exclude<AccessRequest, PendingRequest>): ReviewRejection {
  const last = request.reviews.at(-1);
  const byReview = request.status === 'approved' || request.status === 'denied';
  return {
    code: 'already_decided',
    requestId: request.id,
    outcome: request.status,
    by: byReview && last ? last.reviewerId : null,
    at: request.decidedAt,
  };
}
