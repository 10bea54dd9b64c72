import type { Engagement } from '../../access/engagement.ts';
import type { EngagementChange } from '../../access/engagement-change.ts';
import type { Grant } from '../../access/grant.ts';
import type { EngagementChangeId, EngagementId, PersonId } from '../../access/ids.ts';
import type { Person } from '../../access/person.ts';
import { isExpired } from '../../access/request.ts';
import type { Session } from '../../access/session.ts';
import { changeUnderPolicy } from '../engagements/change-approvals.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Store } from '../ports/store.ts';
import type { Names } from './views.ts';

type Deps<Part extends 'engagements' | 'engagementChanges' | 'grants' | 'sessions' | 'requests' | 'persons'> = {
  readonly store: Store<Part>;
  readonly clock: Clock;
};

/** How an engagement stands at this moment. */
export type EngagementView = {
  readonly engagement: Engagement;
  readonly members: readonly Person[];
  /** Live ones, the one that ends first first. */
  readonly grants: readonly Grant[];
  readonly live: readonly Session[];
  /** Requests that wait for a review. */
  readonly pending: number;
  readonly names: Names;
};

export const viewEngagement =
  (deps: Deps<'engagements' | 'grants' | 'sessions' | 'requests' | 'persons'>) =>
  ({ engagementId }: { readonly engagementId: EngagementId }): Promise<EngagementView | null> =>
    deps.store.transaction(async (tx) => {
      const engagement = await tx.engagements.byId(engagementId);
      if (!engagement) return null;
      const now = deps.clock.now();
      const grants = await tx.grants.activeIn(engagementId, now);
      const live = (await tx.sessions.live()).filter((each) => each.engagementId === engagementId);
      const { sponsorId, memberIds, reviewerIds, closedBy } = engagement;
      const waiting = await Promise.all(memberIds.map((id) => tx.requests.pendingOf(id)));
      const own = waiting.flat().filter(({ ask }) => ask.engagementId === engagementId);
      const holders = grants.map(({ terms }) => terms.personId);
      return {
        ...{ engagement, grants, live },
        members: await tx.persons.byIds(memberIds),
        pending: own.filter((request) => !isExpired(request, now)).length,
        names: await tx.persons.names([
          ...new Set([sponsorId, ...memberIds, ...reviewerIds, ...holders, ...(closedBy ? [closedBy] : [])]),
        ]),
      };
    });

export type ChangeView = {
  readonly change: EngagementChange;
  readonly engagement: Engagement;
  readonly names: Names;
};

type ChangeDeps = Pick<Deps<'engagements' | 'engagementChanges' | 'persons'>, 'store'> & {
  readonly inventory: Pick<Inventory, 'policy' | 'targets'>;
};

/** While it waits, as today's policy wants it reviewed. */
export const viewChange =
  (deps: ChangeDeps) =>
  ({ changeId }: { readonly changeId: EngagementChangeId }): Promise<ChangeView | null> =>
    deps.store.transaction(async (tx) => {
      const stored = await tx.engagementChanges.byId(changeId);
      const engagement = stored && (await tx.engagements.byId(stored.engagementId));
      if (!stored || !engagement) return null;
      const change = await changeUnderPolicy(deps.inventory, tx, stored, engagement);
      const { from, to, proposedBy, reviews } = change;
      const people: PersonId[] = [proposedBy, ...reviews.map(({ reviewerId }) => reviewerId)];
      const named = [from, to].flatMap(({ memberIds, reviewerIds }) => [...memberIds, ...reviewerIds]);
      return { change, engagement, names: await tx.persons.names([...new Set([...people, ...named])]) };
    });
