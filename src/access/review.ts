import { type Engagement, isMember } from './engagement.ts';
import { type EngagementRules, type InGroups, isSameHuman, mayReviewAtAll, vendorKey } from './engagement-rules.ts';
import type { Person } from './person.ts';
import type { NotActive, NotEligible, RejectionOf } from './rejection.ts';
import type { AccessRequest } from './request.ts';

/** What a reviewer's right is read from. */
export type ReviewerFacts = {
  readonly reviewer: Person;
  /** Vendors of all engagements that the reviewer is a member of, through whichever account. */
  readonly vendors: readonly string[];
  readonly inGroups: InGroups;
};

/** Why somebody could never review for a vendor's engagement; null for an active full member whom policy names and who works for another. */
function whyNotEligible(
  rules: EngagementRules,
  { reviewer, vendors, inGroups }: ReviewerFacts,
  vendor: string,
  now: Date,
): Extract<NotEligible, 'inactive' | 'offboarded' | 'not_full_member' | 'not_named' | 'vendor'> | null {
  if (!reviewer.active) return 'inactive';
  if (reviewer.offboardedAt) return 'offboarded';
  if (reviewer.standing !== 'member') return 'not_full_member';
  if (!mayReviewAtAll(rules, reviewer, inGroups, now)) return 'not_named';
  return vendors.some((each) => vendorKey(each) === vendorKey(vendor)) ? 'vendor' : null;
}

export const isEligibleReviewer = (...about: Parameters<typeof whyNotEligible>): boolean =>
  whyNotEligible(...about) === null;

/** Why somebody cannot be chosen to review in an engagement that is being opened; null where they can. */
export function whyNotChosen(
  rules: EngagementRules,
  facts: ReviewerFacts,
  {
    sponsor,
    members,
    vendor,
  }: { readonly sponsor: Person; readonly members: readonly Person[]; readonly vendor: string },
  now: Date,
): NotEligible | null {
  const { reviewer } = facts;
  if (!rules.own_review && isSameHuman(rules, sponsor, reviewer))
    return sponsor.id === reviewer.id ? 'opener' : 'opener_account';
  const member = members.find((each) => isSameHuman(rules, each, reviewer));
  if (member) return members.some(({ id }) => id === reviewer.id) ? 'member' : 'member_account';
  return whyNotEligible(rules, facts, vendor, now);
}

/** How many people these are, where several accounts may be one human's. */
export const humansAmong = (rules: EngagementRules, people: readonly Person[]): number =>
  people.filter((one, index) => !people.slice(0, index).some((other) => isSameHuman(rules, other, one))).length;

/** The people of a request as far as they decide who may review it. */
export type ReviewPeople = {
  readonly requester: Person;
  readonly sponsor: Person;
  readonly members: readonly Person[];
  /** Who has reviewed it. */
  readonly before: readonly Person[];
};

type MayNotReview = RejectionOf<'own_request' | 'not_a_reviewer' | 'own_engagement' | 'already_reviewed'>;

/** Whether this person may review this request, read at the click. Returns the refusal, or null. */
export function mayNotReview(
  rules: EngagementRules,
  { request, engagement }: { readonly request: Pick<AccessRequest, 'reviews'>; readonly engagement: Engagement },
  facts: ReviewerFacts,
  people: ReviewPeople,
  now: Date,
): NotActive | MayNotReview | null {
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
