import { COMMENT_LIMITS } from '../../access/comment.ts';
import { isMember } from '../../access/engagement.ts';
import type { PersonId, RequestId } from '../../access/ids.ts';
import { whyNotActive } from '../../access/person.ts';
import type { NotActive, RejectionOf, VerdictRejection } from '../../access/rejection.ts';
import { type RequestComment, whyNotOpen } from '../../access/request.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { secretIn } from '../../access/secret.ts';
import { eligibleReviewers } from '../engagements/eligible-reviewers.ts';
import type { FactParts } from '../engagements/reviewer-facts.ts';
import { tampered } from '../grants/believable.ts';
import { directLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Store, Tx } from '../ports/store.ts';
import { type Reviewing, refreshCards, reviewingOf, whyMayNotReview } from './reviewing.ts';

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
      const found = await reviewingOf(tx, requestId, by);
      if (!found) return refuse(tampered(tx) ?? { code: 'unknown_request' });
      const { request, engagement, requester } = found;
      const refusal = (await mayNotComment(deps, tx, found, now)) ?? whyNotOpen(request, now);
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

/** Whoever may review it may say something, whether or not they have reviewed it, and so may who asks. */
async function mayNotComment(
  deps: Deps,
  tx: Tx<FactParts>,
  commenting: Reviewing,
  now: Date,
): Promise<NotActive | VerdictRejection | RejectionOf<'not_a_member'> | null> {
  const { request, engagement, reviewer, requester } = commenting;
  if (reviewer.id !== requester.id)
    return whyMayNotReview(deps, tx, { ...commenting, request: { ...request, reviews: [] } }, now);
  const inactive = whyNotActive(requester, now, deps.inventory.policy.doubt);
  if (inactive) return inactive;
  return isMember(engagement, requester.id)
    ? null
    : { code: 'not_a_member', engagementId: engagement.id, field: 'engagement' };
}
