import { type Engagement, isMember } from '../../access/engagement.ts';
import type { PersonId, RequestId } from '../../access/ids.ts';
import { type Person, whyNotActive } from '../../access/person.ts';
import { engagementRules } from '../../access/policy.ts';
import type { Rejection } from '../../access/rejection.ts';
import { type AccessRequest, COMMENT_LIMITS, type RequestComment, whyNotOpen } from '../../access/request.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { mayNotReview } from '../../access/review.ts';
import { secretIn } from '../../access/secret.ts';
import { eligibleReviewers } from '../engagements/eligible-reviewers.ts';
import { type FactParts, reviewerFacts } from '../engagements/reviewer-facts.ts';
import { tampered } from '../grants/believable.ts';
import { directLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Store, Tx } from '../ports/store.ts';
import { refreshCards } from './reviewing.ts';

type Deps = {
  readonly store: Store<FactParts | 'requests' | 'audit' | 'outbox' | 'broken'>;
  readonly clock: Clock;
  readonly inventory: Pick<Inventory, 'policy'>;
};

export type CommentInput = { readonly by: PersonId; readonly requestId: RequestId; readonly text: string };

/** Reviewers and the requester say something to each other about a request that waits. The vendor's other people do not read it. */
export const commentOnRequest =
  (deps: Deps) =>
  ({ by, requestId, text }: CommentInput): Promise<Result<RequestComment>> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const request = await tx.requests.lock(requestId);
      const engagement = request && (await tx.engagements.byId(request.ask.engagementId));
      const person = await tx.persons.byId(by);
      const requester = request && (await tx.persons.byId(request.ask.personId));
      if (!request || !engagement || !person || !requester) return refuse(tampered(tx) ?? { code: 'unknown_request' });
      const refusal =
        (await mayNotComment(deps, tx, { request, engagement, person, requester }, now)) ?? whyNotOpen(request, now);
      if (refusal) return refuse(refusal);
      const said = text.trim();
      if (said === '' || said.length > COMMENT_LIMITS.length)
        return refuse({ code: 'comment_missing', field: 'comment' });
      const secret = secretIn(said);
      if (secret) return refuse({ code: 'secret_found', what: secret, field: 'comment' });
      const ordinal = await tx.requests.countComments(requestId);
      if (ordinal >= COMMENT_LIMITS.each) return refuse({ code: 'too_many_comments', max: COMMENT_LIMITS.each });

      const comment = { ordinal, by, text: said, at: now };
      await tx.requests.comment(requestId, comment);
      const facts = { request: requestId, digest: request.digest, comment: ordinal };
      await tx.audit.append({ type: 'request_commented', at: now, actor: { kind: 'person', id: by }, facts });
      await refreshCards(tx, engagement, requestId);
      const isRequester = by === requester.id;
      const readers = isRequester
        ? await eligibleReviewers(tx, deps.inventory.policy, engagement, requester, now)
        : [requester.id];
      for (const to of readers) {
        await tx.outbox.enqueue({ kind: 'request_commented', requestId, ordinal, to }, directLane(to));
      }
      return ok(comment);
    });

type Commenting = {
  readonly request: AccessRequest;
  readonly engagement: Engagement;
  readonly person: Person;
  readonly requester: Person;
};

/** Whoever may review it may say something, and so may who asks. */
async function mayNotComment(
  { inventory: { policy } }: Deps,
  tx: Tx<FactParts>,
  { request, engagement, person, requester }: Commenting,
  now: Date,
): Promise<Rejection | null> {
  const inactive = whyNotActive(person, now, policy.doubt);
  if (inactive) return inactive;
  if (person.id === requester.id)
    return isMember(engagement, person.id)
      ? null
      : { code: 'not_a_member', engagementId: engagement.id, field: 'engagement' };
  const rules = engagementRules(policy);
  const sponsor = await tx.persons.byId(engagement.sponsorId);
  if (!sponsor) return { code: 'unknown_request' };
  const members = await tx.persons.byIds(engagement.memberIds);
  const facts = await reviewerFacts(tx, rules, person);
  return mayNotReview(rules, { request, engagement }, facts, { requester, sponsor, members, before: [] }, now);
}
