import type { Engagement } from '../../access/engagement.ts';
import { isSameHuman } from '../../access/engagement-rules.ts';
import type { PersonId } from '../../access/ids.ts';
import type { Person } from '../../access/person.ts';
import { engagementRules, type Policy } from '../../access/policy.ts';
import { isEligibleReviewer } from '../../access/review.ts';
import type { Tx } from '../ports/store.ts';
import { type FactParts, reviewerFacts } from './reviewer-facts.ts';

/** Who of an engagement's reviewers can decide what this person asks for, at this moment. `joining` would work in it too. */
export async function eligibleReviewers(
  tx: Tx<FactParts>,
  policy: Pick<Policy, 'engagements'>,
  engagement: Engagement,
  requester: Person,
  now: Date,
  joining: readonly Person[] = [],
): Promise<PersonId[]> {
  const rules = engagementRules(policy);
  const sponsor = await tx.persons.byId(engagement.sponsorId);
  const members = await tx.persons.byIds(engagement.memberIds);
  const excluded = [requester, ...members, ...joining, ...(sponsor && !rules.own_review ? [sponsor] : [])];
  const eligible: Person[] = [];
  for (const reviewer of await tx.persons.byIds(engagement.reviewerIds)) {
    // One human counts once, however many accounts review.
    if ([...excluded, ...eligible].some((each) => isSameHuman(rules, each, reviewer))) continue;
    if (isEligibleReviewer(rules, await reviewerFacts(tx, rules, reviewer), engagement.vendor, now))
      eligible.push(reviewer);
  }
  return eligible.map((each) => each.id);
}
