import { readComment } from '../../access/comment.ts';
import type { Digest, PersonId, RequestId } from '../../access/ids.ts';
import { type AccessRequest, pledgeOf, type Review, transition } from '../../access/request.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { whyNoKeySigns } from '../../access/signing-key.ts';
import { heldToPolicy } from '../../access/standing-ask.ts';
import { tampered } from '../grants/believable.ts';
import { directLane, messageKey } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store, Tx } from '../ports/store.ts';
import { isPostedCard, type PressedCard } from '../posted-card.ts';
import {
  conclude,
  grantable,
  type ReviewDeps,
  type ReviewParts,
  reviewingOf,
  whyMayNotReview,
  withGoodSignatures,
} from './reviewing.ts';

type Deps = ReviewDeps & { readonly store: Store<ReviewParts | 'messages' | 'broken'>; readonly clock: Clock };

export type ReviewRequestInput = {
  readonly by: PersonId;
  readonly requestId: RequestId;
  /** The digest that the pressed button carried. */
  readonly digest: string;
  /** The message whose button was pressed. */
  readonly card: PressedCard;
  readonly verdict: Review['verdict'];
  readonly comment: string | null;
};

/**
 * Takes one reviewer's verdict; the approval that completes a request creates its grant and certificates. Where policy wants approvals
 * signed, Approve is a pledge: it waits for the reviewer's signature, and counts for nothing until then.
 */
export const reviewRequest =
  (given: Deps) =>
  (input: ReviewRequestInput): Promise<Result<AccessRequest>> =>
    given.store.transaction(async (tx) => {
      const deps = { ...given, inventory: { ...given.inventory } };
      const now = deps.clock.now();
      const found = await reviewingOf(tx, input.requestId, input.by);
      if (!found) return refuse(tampered(tx) ?? { code: 'unknown_request' });
      const refusal = await whyMayNotReview(deps, tx, found, now);
      if (refusal) return refuse(refusal);
      const keys = [input.by, null].map((to) => messageKey({ kind: 'review_card', requestId: input.requestId, to }));
      if (!(await isPostedCard(tx, input.card, keys))) return refuse({ code: 'unknown_card' });

      const { by: reviewerId, verdict } = input;
      const comment = readComment(input.comment);
      if (!comment.ok) return comment;
      const request = await withGoodSignatures(deps, tx, found.request, now);
      // A digest that is recomputed from the stored ask: an ask edited in the database cannot be approved.
      const digest = deps.authority.digest({ id: request.id, ...request.ask });
      if (digest !== request.digest) return refuse({ code: 'digest_mismatch' });
      const held =
        verdict === 'approve' ? heldToPolicy(deps.inventory, request, found, now) : ok({ request, until: null });
      const reviewed = transition(
        held.ok ? held.value.request : request,
        { kind: 'review', reviewerId, digest: input.digest as Digest, verdict, comment: comment.value },
        now,
      );
      if (!reviewed.ok) return reviewed;
      if (!held.ok) return held;
      const granted = verdict === 'approve' ? await grantable(deps, tx, found, now) : ok(found.engagement);
      if (!granted.ok) return granted;
      if (!pledgeOf(reviewed.value, reviewerId)) {
        await conclude(deps, tx, reviewed.value, { ...found, engagement: granted.value, until: held.value.until }, now);
        return reviewed;
      }
      const unsigned = whyNoKeySigns(await tx.keys.ofPerson(reviewerId), held.value.request, now);
      if (unsigned) return refuse(unsigned);
      await pledged(tx, reviewed.value, reviewerId, now);
      return reviewed;
    });

/** The reviewer alone is told: nothing was decided. */
async function pledged(
  tx: Tx<'requests' | 'audit' | 'outbox'>,
  request: AccessRequest,
  by: PersonId,
  now: Date,
): Promise<void> {
  await tx.requests.save(request);
  const { id: requestId, digest } = request;
  const facts = { request: requestId, digest };
  await tx.audit.append({ type: 'review_pledged', at: now, actor: { kind: 'person', id: by }, facts });
  await tx.outbox.enqueue({ kind: 'review_card_changed', requestId, to: by }, directLane(by));
}
