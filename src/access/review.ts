import { type Engagement, isMember } from './engagement.ts';
import { type EngagementRules, type InGroups, isSameHuman, mayReviewAtAll, vendorKey } from './engagement-rules.ts';
import type { Person } from './person.ts';
import type { Rejection } from './rejection.ts';
import type { AccessRequest } from './request.ts';

/** What a reviewer's right is read from. */
export type ReviewerFacts = {
  readonly reviewer: Person;
  /** Vendors of all engagements that the reviewer is a member of, through whichever account. */
  readonly vendors: readonly string[];
  readonly inGroups: InGroups;
};

/** A person who could ever review: an active full member whom policy names and who works for no vendor's engagement. */
export const isEligibleReviewer = (
  rules: EngagementRules,
  { reviewer, vendors, inGroups }: ReviewerFacts,
  vendor: string,
  now: Date,
): boolean =>
  reviewer.active &&
  reviewer.standing === 'member' &&
  mayReviewAtAll(rules, reviewer, inGroups, now) &&
  !vendors.some((each) => vendorKey(each) === vendorKey(vendor));

/** The people of a request as far as they decide who may review it. */
export type ReviewPeople = {
  readonly requester: Person;
  readonly sponsor: Person;
  readonly members: readonly Person[];
  /** Who has reviewed it. */
  readonly before: readonly Person[];
};

/** Whether this person may review this request, read at the click. Returns the refusal, or null. */
export function mayNotReview(
  rules: EngagementRules,
  { request, engagement }: { readonly request: AccessRequest; readonly engagement: Engagement },
  facts: ReviewerFacts,
  people: ReviewPeople,
  now: Date,
): Rejection | null {
  const { reviewer } = facts;
  const isReviewer = (person: Person): boolean => isSameHuman(rules, person, reviewer);
  if (isReviewer(people.requester)) return { code: 'own_request' };
  if (!reviewer.active) return { code: 'person_inactive' };
  if (isMember(engagement, reviewer.id) || people.members.some(isReviewer)) return { code: 'not_a_reviewer' };
  if (!isEligibleReviewer(rules, facts, engagement.vendor, now)) return { code: 'not_a_reviewer' };
  if (!engagement.reviewerIds.includes(reviewer.id)) return { code: 'not_a_reviewer' };
  if (!rules.own_review && isReviewer(people.sponsor)) return { code: 'own_engagement' };
  const earlier = request.reviews.find((each) =>
    people.before.some((person) => person.id === each.reviewerId && person.id !== reviewer.id && isReviewer(person)),
  );
  return earlier ? { code: 'already_reviewed', at: earlier.at } : null;
}
