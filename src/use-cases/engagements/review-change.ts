import { readComment } from '../../access/comment.ts';
import type { Engagement } from '../../access/engagement.ts';
import {
  changeTransition,
  type EngagementChange,
  listDifference,
  sameTerms,
  termsOf,
} from '../../access/engagement-change.ts';
import type { Digest, EngagementChangeId, PersonId } from '../../access/ids.ts';
import { type Person, whyNotActive } from '../../access/person.ts';
import { engagementRules } from '../../access/policy.ts';
import type { ChangeRejection, EngagementRejection, NotActive } from '../../access/rejection.ts';
import type { Review } from '../../access/request.ts';
import { type Result, refuse } from '../../access/result.ts';
import { mayNotReview } from '../../access/review.ts';
import { tampered } from '../grants/believable.ts';
import { messageKey } from '../notice.ts';
import type { CertificateAuthority } from '../ports/authority.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Store, Tx } from '../ports/store.ts';
import { isPostedCard, type PressedCard } from '../posted-card.ts';
import { type ApplyParts, applyTerms } from './apply-terms.ts';
import { changeUnderPolicy } from './change-approvals.ts';
import { wrongTargets } from './open-engagement.ts';
import { refreshChangeCards } from './propose-change.ts';
import { type FactParts, reviewerFacts } from './reviewer-facts.ts';
import { readTerms, wrongPeople } from './wanted-terms.ts';

type Parts = ApplyParts | FactParts | 'engagementChanges' | 'messages' | 'broken';
type Deps = {
  readonly store: Store<Parts>;
  readonly clock: Clock;
  readonly inventory: Inventory;
  readonly authority: Pick<CertificateAuthority, 'digest'>;
};

export type ReviewChangeInput = {
  readonly by: PersonId;
  readonly changeId: EngagementChangeId;
  /** The digest that the pressed button carried. */
  readonly digest: string;
  readonly card: PressedCard;
  readonly verdict: Review['verdict'];
  readonly comment: string | null;
};

/** Takes one reviewer's verdict on a change; the approval that completes it puts the change in force. */
export const reviewChange =
  (given: Deps) =>
  (input: ReviewChangeInput): Promise<Result<EngagementChange>> =>
    given.store.transaction(async (tx) => {
      const deps = { ...given, inventory: { ...given.inventory } };
      const now = deps.clock.now();
      const found = await tx.engagementChanges.byId(input.changeId);
      // The engagement's row is what changes to it take turns at.
      const engagement = found && (await tx.engagements.lock(found.engagementId));
      const change = engagement && (await tx.engagementChanges.byId(input.changeId));
      const reviewer = await tx.persons.byId(input.by);
      if (!engagement || !change || !reviewer) return refuse(tampered(tx) ?? { code: 'unknown_change' });
      const refusal = await refusalOf(deps, tx, { change, engagement, reviewer }, now);
      if (refusal) return refuse(refusal);
      const keys = [input.by, null].map((to) => messageKey({ kind: 'change_card', changeId: change.id, to }));
      if (!(await isPostedCard(tx, input.card, keys))) return refuse({ code: 'unknown_card' });
      const comment = readComment(input.comment);
      if (!comment.ok) return comment;
      const { id, engagementId, from, to } = change;
      // A digest that is recomputed from the stored terms: terms edited in the database cannot be approved.
      if (deps.authority.digest({ id, engagementId, from, to }) !== change.digest)
        return refuse({ code: 'digest_mismatch' });
      const { verdict } = input;
      const command = {
        kind: 'review',
        reviewerId: input.by,
        digest: input.digest as Digest,
        verdict,
        comment: comment.value,
      } as const;
      const wanted = verdict === 'approve' ? await changeUnderPolicy(deps.inventory, tx, change, engagement) : change;
      const reviewed = changeTransition(wanted, command, now);
      if (!reviewed.ok) return reviewed;
      const wrong = verdict === 'approve' ? await noLongerRight(deps, tx, { change, engagement }, now) : null;
      if (wrong) return refuse(wrong);
      await tx.engagementChanges.save({ ...reviewed.value, approvals: change.approvals });
      const actor = { kind: 'person', id: input.by } as const;
      const facts = { engagement: engagement.id, change: change.id, digest: change.digest, verdict };
      await tx.audit.append({ type: 'engagement_change_reviewed', at: now, actor, facts });
      if (reviewed.value.status === 'approved') await applyTerms(tx, deps.inventory, engagement, to, { actor, now });
      await refreshChangeCards(tx, engagement, reviewed.value);
      return reviewed;
    });

type Reviewing = { readonly change: EngagementChange; readonly engagement: Engagement; readonly reviewer: Person };

async function refusalOf(
  deps: Deps,
  tx: Tx<FactParts>,
  { change, engagement, reviewer }: Reviewing,
  now: Date,
): Promise<NotActive | ChangeRejection | null> {
  const { policy } = deps.inventory;
  const inactive = whyNotActive(reviewer, now, policy.doubt);
  if (inactive) return inactive;
  const rules = engagementRules(policy);
  const sponsor = await tx.persons.byId(engagement.sponsorId);
  const proposer = await tx.persons.byId(change.proposedBy);
  if (!sponsor || !proposer) return { code: 'unknown_change' };
  const members = await tx.persons.byIds([...new Set([...engagement.memberIds, ...change.to.memberIds])]);
  const before = await tx.persons.byIds(change.reviews.map((review) => review.reviewerId));
  const facts = await reviewerFacts(tx, rules, reviewer);
  const people = { requester: proposer, sponsor, members, before };
  const mayNot = mayNotReview(rules, { request: change, engagement }, facts, people, now);
  return mayNot?.code === 'own_request' ? { code: 'own_change' } : mayNot;
}

/** What was right when it was proposed: the engagement, the inventory, policy or people may be others by now. */
async function noLongerRight(
  deps: Deps,
  tx: Tx<FactParts>,
  { change, engagement }: Omit<Reviewing, 'reviewer'>,
  now: Date,
): Promise<NotActive | EngagementRejection | ChangeRejection | null> {
  if (!sameTerms(termsOf(engagement), change.from)) return { code: 'engagement_changed' };
  const proposer = await tx.persons.byId(change.proposedBy);
  const inactive = whyNotActive(proposer, now, deps.inventory.policy.doubt);
  if (inactive || !proposer) return { code: 'engagement_changed' };
  const sponsor = await tx.persons.byId(engagement.sponsorId);
  const read = readTerms(deps.inventory, change.to, engagement.timeZone, now);
  if (!read.ok) return read.rejection;
  if (!sponsor) return { code: 'unknown_change' };
  const { added } = listDifference('targetIds', change.from, change.to);
  const about = { id: engagement.id, sponsor, vendor: engagement.vendor, before: change.from };
  return (
    (await wrongTargets(deps, tx, proposer, added, now)) ??
    (await wrongPeople(deps.inventory, tx, change.to, about, now))
  );
}
