import { hasAnswered, isExpired } from '../../access/request.ts';
import { shownUnderPolicy, type Today } from '../../access/standing-ask.ts';
import { eligibleReviewers } from '../engagements/eligible-reviewers.ts';
import type { FactParts } from '../engagements/reviewer-facts.ts';
import { directLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';

type Deps = {
  readonly store: Store<FactParts | 'requests' | 'audit' | 'outbox'>;
  readonly clock: Clock;
  readonly inventory: Today;
};

const BATCH = 100;

/** Reminds, once for each request that waits, the reviewers who have said nothing yet. */
export const remindReviewers = (deps: Deps) => (): Promise<number> =>
  deps.store.transaction(async (tx) => {
    const now = deps.clock.now();
    const { policy } = deps.inventory;
    const waiting = await tx.requests.lockUnreminded(now, policy.remind_after, BATCH);
    for (const request of waiting) {
      await tx.requests.reminded(request.id, now);
      const engagement = await tx.engagements.byId(request.ask.engagementId);
      const requester = await tx.persons.byId(request.ask.personId);
      if (!engagement || !requester || isExpired(request, now)) continue;
      const eligible = await eligibleReviewers(tx, policy, engagement, requester, now);
      const shown = shownUnderPolicy(deps.inventory, request, { requester, engagement }, now);
      const silent = eligible.filter((id) => !hasAnswered(shown, id));
      const facts = { request: request.id, digest: request.digest, reviewers: silent };
      await tx.audit.append({ type: 'request_reminded', at: now, actor: { kind: 'daypass' }, facts });
      for (const to of silent) {
        await tx.outbox.enqueue({ kind: 'review_reminder', requestId: request.id, to }, directLane(to));
      }
    }
    return waiting.length;
  });
