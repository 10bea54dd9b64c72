import { hasWaited } from './age.ts';
import type { Assurance } from './assurance.ts';
import type { Digest, EngagementId, Fingerprint, Login, PersonId, RequestId } from './ids.ts';
import { demandOf, type HasDemand } from './key-demand.ts';
import { isPledgeOver, type Pledge, pledgeEnd, type ReviewSignature, satisfies } from './pledge.ts';
import type { RejectionOf, VerdictRejection } from './rejection.ts';
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
} & HasDemand;

/** Characters of reason and ticket; how many targets. */
export const ASK_LIMITS = { reason: 1_000, ticket: 200, targets: 50 } as const;

/** Whether two asks are for the same access, whatever they say about why. */
export function isSameAccess(one: Ask, other: Ask): boolean {
  const what = ({ targets, keyFingerprints, ...ask }: Ask): string =>
    JSON.stringify([
      ...[ask.engagementId, ask.personId, ask.login, ask.scope.name, ask.durationSeconds, demandOf(ask)],
      ...[targets.map(({ id }) => id).sort(), [...keyFingerprints].sort()],
    ]);
  return what(one) === what(other);
}

/** Between the names of rules that decided together. */
export const RULE_BREAK = '\n';

/** What a reviewer or the requester says about a request that waits. */
export type RequestComment = {
  /** How many were before it. */
  readonly ordinal: number;
  readonly by: PersonId;
  readonly text: string;
  readonly at: Date;
};

export type Review = {
  readonly reviewerId: PersonId;
  readonly verdict: 'approve' | 'deny';
  readonly comment: string | null;
  readonly at: Date;
  /** Absent where it was a click alone. */
  readonly signature?: ReviewSignature;
};

type RequestBase = {
  readonly id: RequestId;
  readonly ask: Ask;
  readonly digest: Digest;
  /** The policy rules that it was asked under, how many approvals they want and what each takes; `heldToPolicy` says what counts today. */
  readonly rule: string;
  readonly approvals: number;
  readonly assurance: Assurance;
  readonly requestedAt: Date;
  readonly expiresAt: Date;
  readonly reviews: readonly Review[];
  /** One for each reviewer who pressed Approve and has yet to sign; none once it is decided. */
  readonly pledges: readonly Pledge[];
};

export type PendingRequest = RequestBase & { readonly status: 'pending' };
export type AccessRequest =
  | PendingRequest
  | (RequestBase & { readonly status: 'approved' | 'denied'; readonly decidedAt: Date })
  | (RequestBase & { readonly status: 'expired'; readonly decidedAt: Date })
  | (RequestBase & {
      readonly status: 'withdrawn';
      readonly decidedAt: Date;
      /** The request that took its place, where its requester changed it. */
      readonly replacedBy?: RequestId;
    });

export type RequestCommand =
  | {
      readonly kind: 'review';
      readonly reviewerId: PersonId;
      readonly digest: Digest;
      readonly verdict: Review['verdict'];
      readonly comment: string | null;
      /** Verified, and over this very request. */
      readonly signature?: ReviewSignature;
    }
  /** `by` is null where somebody else may, as control has decided: an operator, or whoever offboards. */
  | { readonly kind: 'withdraw'; readonly by: PersonId | null; readonly replacedBy?: RequestId }
  | { readonly kind: 'expire' };

/** A pending request whose time has run out, or is still to begin, is expired at every look, whether or not a job has written it down. */
export const isExpired = (request: AccessRequest, now: Date): boolean =>
  request.status === 'expired' ||
  (request.status === 'pending' && hasWaited(request.requestedAt, request.expiresAt, now));

/** Whether a review is an approval that is as much as the request wants. */
export const approves = ({ verdict, signature }: Review, { assurance }: Pick<RequestBase, 'assurance'>): boolean =>
  verdict === 'approve' && satisfies(signature, assurance);

/** Whether this reviewer has said what counts: an approval that policy now wants signed is no answer yet. */
export const hasAnswered = (request: Pick<RequestBase, 'reviews' | 'assurance'>, reviewerId: PersonId): boolean =>
  request.reviews.some((review) => review.reviewerId === reviewerId && approves(review, request));

/** What this reviewer has yet to sign. */
export const pledgeOf = ({ pledges }: Pick<RequestBase, 'pledges'>, reviewerId: PersonId): Pledge | null =>
  pledges.find((each) => each.reviewerId === reviewerId) ?? null;

/** Why nothing can be said or done about it any more; null while it waits. */
export function whyNotOpen(request: AccessRequest, now: Date): RejectionOf<'already_decided'> | null {
  if (request.status !== 'pending') return decided(request);
  return isExpired(request, now) ? expired(request) : null;
}

const expired = ({ id, expiresAt }: RequestBase): RejectionOf<'already_decided'> => ({
  ...{ code: 'already_decided', requestId: id, outcome: 'expired', by: null, at: expiresAt },
});

/** The state machine of a request. Whether a reviewer may review at all is `canReview`'s to say. */
export function transition(
  request: AccessRequest,
  command: RequestCommand,
  now: Date,
): Result<AccessRequest, VerdictRejection> {
  if (request.status !== 'pending') return refuse(decided(request));
  if (isExpired(request, now)) {
    if (command.kind === 'expire')
      return ok({ ...request, pledges: [], status: 'expired', decidedAt: request.expiresAt });
    return refuse(expired(request));
  }
  switch (command.kind) {
    case 'review':
      return review(request, command, now);
    case 'withdraw':
      if (command.by !== null && command.by !== request.ask.personId) return refuse({ code: 'unknown_request' });
      return ok({
        ...{ ...request, pledges: [], status: 'withdrawn', decidedAt: now },
        ...(command.replacedBy && { replacedBy: command.replacedBy }),
      });
    case 'expire':
      return ok(request);
  }
}

function review(
  request: PendingRequest,
  command: Extract<RequestCommand, { kind: 'review' }>,
  now: Date,
): Result<AccessRequest, VerdictRejection> {
  if (command.reviewerId === request.ask.personId) return refuse({ code: 'own_request' });
  if (command.digest !== request.digest) return refuse({ code: 'digest_mismatch' });
  const { reviewerId, verdict, comment, signature } = command;
  const earlier = request.reviews.find((each) => each.reviewerId === reviewerId);
  // An approval from before policy wanted more does not count, and is signed later.
  if (earlier && (verdict === 'deny' || approves(earlier, request)))
    return refuse({ code: 'already_reviewed', at: earlier.at });
  const own: Review = { reviewerId, verdict, comment, at: now };
  if (verdict === 'deny')
    return ok({ ...request, reviews: [...request.reviews, own], pledges: [], status: 'denied', decidedAt: now });
  const others = request.pledges.filter((each) => each.reviewerId !== reviewerId);
  if (signature) {
    const unsigned = whyNotSigned(request, reviewerId, signature, now);
    if (unsigned) return refuse(unsigned);
  } else if (!approves(own, request)) {
    return ok({ ...request, pledges: [...others, { reviewerId, at: now }] });
  }
  const given = { ...(earlier ?? own), ...(signature && { signature }) };
  const reviews = earlier
    ? request.reviews.map((each) => (each === earlier ? given : each))
    : [...request.reviews, given];
  if (reviews.filter((each) => approves(each, request)).length < request.approvals)
    return ok({ ...request, reviews, pledges: others });
  return ok({ ...request, reviews, pledges: [], status: 'approved', decidedAt: now });
}

/** A signature completes a click of the same person's that was not long ago. */
function whyNotSigned(
  request: PendingRequest,
  reviewerId: PersonId,
  signature: ReviewSignature,
  now: Date,
): VerdictRejection | null {
  const pledge = pledgeOf(request, reviewerId);
  if (!pledge) return { code: 'no_pledge' };
  if (isPledgeOver(pledge, now)) return { code: 'pledge_over', at: pledgeEnd(pledge) };
  return satisfies(signature, request.assurance) ? null : { code: 'fido_key_wanted' };
}

function decided(request: Exclude<AccessRequest, PendingRequest>): RejectionOf<'already_decided'> {
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
