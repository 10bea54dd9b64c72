import { PLEDGE_MS } from '../../access/pledge.ts';
import { transition } from '../../access/request.ts';
import { directLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { refreshCards } from './reviewing.ts';

type Deps = { readonly store: Store<'requests' | 'engagements' | 'audit' | 'outbox'>; readonly clock: Clock };

const BATCH = 100;

/** Tells reviewers, on their cards, that they did not sign in time. */
export const lapsePledges = (deps: Deps) => (): Promise<number> =>
  deps.store.transaction(async (tx) => {
    const now = deps.clock.now();
    const before = new Date(now.getTime() - PLEDGE_MS);
    const lapsed = await tx.requests.noteLapses({ before, now, limit: BATCH });
    for (const { requestId, reviewerId: to } of lapsed)
      await tx.outbox.enqueue({ kind: 'review_card_changed', requestId, to }, directLane(to));
    return lapsed.length;
  });

/** Closes requests that nobody reviewed in time. */
export const expireRequests = (deps: Deps) => (): Promise<number> =>
  deps.store.transaction(async (tx) => {
    const now = deps.clock.now();
    const overdue = await tx.requests.lockOverdue(now, BATCH);
    for (const request of overdue) {
      const expired = transition(request, { kind: 'expire' }, now);
      if (!expired.ok) continue;
      await tx.requests.save(expired.value);
      const facts = { request: request.id, digest: request.digest };
      await tx.audit.append({ type: 'request_expired', at: now, actor: { kind: 'daypass' }, facts });
      const engagement = await tx.engagements.byId(request.ask.engagementId);
      if (engagement) await refreshCards(tx, engagement, request.id);
      const requester = directLane(request.ask.personId);
      await tx.outbox.enqueue({ kind: 'request_closed', requestId: request.id }, requester);
    }
    return overdue.length;
  });
