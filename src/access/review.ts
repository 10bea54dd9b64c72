import { type Engagement, isMember } from './engagement.ts';
import type { Person } from './person.ts';
import type { Rejection } from './rejection.ts';
import type { AccessRequest } from './request.ts';

/** A person who could ever review: an active full member of the workspace who works for no vendor's engagement. */
export const isEligibleReviewer = (person: Person, vendorsOfPerson: readonly string[], vendor: string): boolean =>
  person.active && person.standing === 'member' && !vendorsOfPerson.includes(vendor);

/**
 * Whether this person may review this request, read at the click. `vendorsOfReviewer` are the vendors of all engagements
 * that the reviewer is a member of. Returns the refusal, or null.
 */
export function mayNotReview(
  request: AccessRequest,
  engagement: Engagement,
  reviewer: Person,
  vendorsOfReviewer: readonly string[],
): Rejection | null {
  if (reviewer.id === request.ask.personId) return { code: 'own_request' };
  if (!reviewer.active) return { code: 'person_inactive' };
  if (isMember(engagement, reviewer.id)) return { code: 'not_a_reviewer' };
  if (!isEligibleReviewer(reviewer, vendorsOfReviewer, engagement.vendor)) return { code: 'not_a_reviewer' };
  if (engagement.reviewerIds.includes(reviewer.id)) return null;
  return { code: 'not_a_reviewer' };
}
