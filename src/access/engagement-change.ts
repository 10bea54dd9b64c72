import { hasWaited } from './age.ts';
import type { Engagement } from './engagement.ts';
import { type AllowedHours, coversHours } from './hours.ts';
import type { Digest, EngagementChangeId, EngagementId, Login, PersonId, TargetId } from './ids.ts';
import type { ChangeRejection } from './rejection.ts';
import type { Review } from './request.ts';
import { ok, type Result, refuse } from './result.ts';
import type { ScopeName } from './scopes/scope.ts';

/** What people can change about an engagement. Its channel, its sponsor and its vendor stay. */
export type EngagementTerms = Pick<
  Engagement,
  | 'name'
  | 'memberIds'
  | 'targetIds'
  | 'scopes'
  | 'logins'
  | 'reviewerIds'
  | 'firstDay'
  | 'lastDay'
  | 'hours'
  | 'reference'
>;

/** A change that allows more than before, while and after it is reviewed. */
export type EngagementChange = {
  readonly id: EngagementChangeId;
  readonly engagementId: EngagementId;
  readonly proposedBy: PersonId;
  /** The terms that it was proposed on: it is void once they are others. */
  readonly from: EngagementTerms;
  readonly to: EngagementTerms;
  /** Over id, engagement, `from` and `to`: what a reviewer's click binds to. */
  readonly digest: Digest;
  /** How many approvals it needs. */
  readonly approvals: number;
  readonly proposedAt: Date;
  readonly expiresAt: Date;
  readonly reviews: readonly Review[];
  readonly status: 'pending' | 'approved' | 'denied' | 'expired' | 'withdrawn';
  readonly decidedAt: Date | null;
};

export const termsOf = (engagement: EngagementTerms): EngagementTerms => {
  const { name, memberIds, targetIds, scopes, logins, reviewerIds, firstDay, lastDay, hours, reference } = engagement;
  return { name, memberIds, targetIds, scopes, logins, reviewerIds, firstDay, lastDay, hours, reference };
};

type Lists = {
  readonly memberIds: PersonId;
  readonly targetIds: TargetId;
  readonly scopes: ScopeName;
  readonly reviewerIds: PersonId;
};

const without = <T>(all: readonly T[], some: readonly T[]): T[] => all.filter((each) => !some.includes(each));

/** What `to` has that `from` has not, and the other way round. */
export function listDifference<Key extends keyof Lists>(
  key: Key,
  from: EngagementTerms,
  to: EngagementTerms,
): { readonly added: readonly Lists[Key][]; readonly removed: readonly Lists[Key][] } {
  const [before, after] = [from[key], to[key]] as unknown as [readonly Lists[Key][], readonly Lists[Key][]];
  return { added: without(after, before), removed: without(before, after) };
}

/** As much of `to` as takes away from `from` without adding anything: it takes effect without a review. */
export function narrowed(from: EngagementTerms, to: EngagementTerms): EngagementTerms {
  const kept = <T>(before: readonly T[], after: readonly T[]): T[] => before.filter((each) => after.includes(each));
  return {
    name: to.name,
    reference: to.reference,
    memberIds: kept(from.memberIds, to.memberIds),
    targetIds: kept(from.targetIds, to.targetIds),
    scopes: kept(from.scopes, to.scopes),
    logins: narrowedLogins(from.logins, to.logins),
    // Who reviews decides what others get, so no change of reviewers goes without a review.
    reviewerIds: from.reviewerIds,
    firstDay: later(from.firstDay, to.firstDay),
    lastDay: to.lastDay < from.lastDay ? to.lastDay : from.lastDay,
    hours: narrowedHours(from.hours, to.hours),
  };
}

/** Null stands for every login. */
function narrowedLogins(from: readonly Login[] | null, to: readonly Login[] | null): readonly Login[] | null {
  if (from === null) return to;
  return to === null ? from : from.filter((login) => to.includes(login));
}

/** Null stands for any time. Hours that are neither within the other nor around it take effect as a whole. */
function narrowedHours(from: AllowedHours | null, to: AllowedHours | null): AllowedHours | null {
  if (from === null) return to;
  return to !== null && coversHours(from, to) ? to : from;
}

/** Null stands for a day that is past. */
const later = (a: string | null, b: string | null): string | null => {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
};

/** Whether two sets of terms allow the same; order says nothing. */
export function sameTerms(a: EngagementTerms, b: EngagementTerms): boolean {
  const sameSet = (one: readonly string[] | null, other: readonly string[] | null): boolean =>
    one === null || other === null ? one === other : one.length === other.length && without(one, other).length === 0;
  return (
    a.name === b.name &&
    a.reference === b.reference &&
    a.firstDay === b.firstDay &&
    a.lastDay === b.lastDay &&
    JSON.stringify(a.hours) === JSON.stringify(b.hours) &&
    sameSet(a.memberIds, b.memberIds) &&
    sameSet(a.targetIds, b.targetIds) &&
    sameSet(a.scopes, b.scopes) &&
    sameSet(a.reviewerIds, b.reviewerIds) &&
    sameSet(a.logins, b.logins)
  );
}

export type ChangeCommand =
  | {
      readonly kind: 'review';
      readonly reviewerId: PersonId;
      readonly digest: Digest;
      readonly verdict: Review['verdict'];
      readonly comment: string | null;
    }
  | { readonly kind: 'withdraw' }
  | { readonly kind: 'expire' };

/** A pending change whose time has run out is expired at every look. */
export const isChangeExpired = ({ status, proposedAt, expiresAt }: EngagementChange, now: Date): boolean =>
  status === 'expired' || (status === 'pending' && hasWaited(proposedAt, expiresAt, now));

/** The state machine of a change. Whether a reviewer may review at all is decided before. */
export function changeTransition(
  change: EngagementChange,
  command: ChangeCommand,
  now: Date,
): Result<EngagementChange, ChangeRejection> {
  if (change.status !== 'pending') return refuse(alreadyDecided(change, change.status, change.decidedAt ?? now));
  if (isChangeExpired(change, now)) {
    if (command.kind !== 'expire') return refuse(alreadyDecided(change, 'expired', change.expiresAt));
    return ok({ ...change, status: 'expired', decidedAt: change.expiresAt });
  }
  switch (command.kind) {
    case 'review':
      return review(change, command, now);
    case 'withdraw':
      return ok({ ...change, status: 'withdrawn', decidedAt: now });
    case 'expire':
      return ok(change);
    default:
      return command satisfies never;
  }
}

function review(
  change: EngagementChange,
  { reviewerId, digest, verdict, comment }: Extract<ChangeCommand, { kind: 'review' }>,
  now: Date,
): Result<EngagementChange, ChangeRejection> {
  if (reviewerId === change.proposedBy) return refuse({ code: 'own_change' });
  if (digest !== change.digest) return refuse({ code: 'digest_mismatch' });
  const earlier = change.reviews.find((each) => each.reviewerId === reviewerId);
  if (earlier) return refuse({ code: 'already_reviewed', at: earlier.at });
  const reviews = [...change.reviews, { reviewerId, verdict, comment, at: now }];
  if (verdict === 'deny') return ok({ ...change, reviews, status: 'denied', decidedAt: now });
  if (reviews.length < change.approvals) return ok({ ...change, reviews });
  return ok({ ...change, reviews, status: 'approved', decidedAt: now });
}

const alreadyDecided = (
  change: EngagementChange,
  outcome: Exclude<EngagementChange['status'], 'pending'>,
  at: Date,
): ChangeRejection => ({
  code: 'change_decided',
  outcome,
  by: outcome === 'approved' || outcome === 'denied' ? (change.reviews.at(-1)?.reviewerId ?? null) : null,
  at,
});
