import { type Engagement, isMember, isOver } from '../../access/engagement.ts';
import { type Grant, isActive } from '../../access/grant.ts';
import type { PersonId, RequestId } from '../../access/ids.ts';
import type { RegisteredKey } from '../../access/person.ts';
import type { Policy } from '../../access/policy.ts';
import { type AccessRequest, isExpired } from '../../access/request.ts';
import type { Session } from '../../access/session.ts';
import { eligibleReviewers } from '../engagements/eligible-reviewers.ts';
import type { FactParts } from '../engagements/reviewer-facts.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Store, Tx } from '../ports/store.ts';
import type { Names } from './views.ts';

type Deps = {
  readonly store: Store<FactParts | 'keys' | 'requests' | 'grants' | 'sessions'>;
  readonly clock: Clock;
  readonly inventory: Pick<Inventory, 'policy'>;
};

export type AccessList = {
  readonly grants: readonly Grant[];
  readonly pending: readonly AccessRequest[];
  /** Who can decide each of those at this moment. */
  readonly asked: ReadonlyMap<RequestId, readonly PersonId[]>;
  readonly toReview: readonly AccessRequest[];
  /** Live grants of others that this person may end. */
  readonly revocable: readonly Grant[];
  readonly engagements: readonly Engagement[];
  /** Engagements this person opened or reviews for that are not over, with the sessions that live in them. */
  readonly governed: readonly { readonly engagement: Engagement; readonly live: readonly Session[] }[];
  readonly keys: readonly RegisteredKey[];
  readonly names: Names;
};

const LIST_MAX = 200;

/** What one person has, waits for, and may decide. */
export const listAccess =
  (deps: Deps) =>
  ({ personId, isSecurity }: { personId: PersonId; isSecurity: boolean }): Promise<AccessList> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const mine = await tx.grants.ofPerson(personId);
      const grants = mine.filter((grant) => isActive(grant, now));
      const pending = (await tx.requests.pendingOf(personId)).filter((request) => !isExpired(request, now));
      const toReview = (await tx.requests.pendingForReviewer(personId)).filter((request) => !isExpired(request, now));
      const engagements = await tx.engagements.all();
      const governed = engagements.filter(
        (each) => isSecurity || each.sponsorId === personId || each.reviewerIds.includes(personId),
      );
      const governs = new Set(governed.map((each) => each.id));
      const live = await tx.grants.list({ activeAt: now, limit: LIST_MAX });
      const revocable = live.filter(
        (grant) => grant.terms.personId !== personId && governs.has(grant.terms.engagementId),
      );
      const sessions = governed.length === 0 ? [] : await tx.sessions.live();
      const present = governed
        .filter((each) => !isOver(each, now))
        .map((engagement) => ({ engagement, live: sessions.filter((each) => each.engagementId === engagement.id) }));
      const asked = await askedFor(tx, deps.inventory.policy, pending, now);
      return {
        grants,
        pending,
        asked,
        toReview,
        revocable,
        engagements: engagements.filter((each) => isMember(each, personId) && each.confirmedAt !== null),
        governed: present,
        keys: await tx.keys.ofPerson(personId),
        names: await tx.persons.names([
          ...new Set([
            personId,
            ...[...asked.values()].flat(),
            ...revocable.map((grant) => grant.terms.personId),
            ...toReview.map((request) => request.ask.personId),
            ...present.flatMap((each) => each.live.map((session) => session.personId)),
          ]),
        ]),
      };
    });

async function askedFor(
  tx: Tx<FactParts>,
  policy: Policy,
  requests: readonly AccessRequest[],
  now: Date,
): Promise<ReadonlyMap<RequestId, readonly PersonId[]>> {
  const asked = new Map<RequestId, readonly PersonId[]>();
  for (const { id, ask } of requests) {
    const engagement = await tx.engagements.byId(ask.engagementId);
    const requester = await tx.persons.byId(ask.personId);
    if (engagement && requester) asked.set(id, await eligibleReviewers(tx, policy, engagement, requester, now));
  }
  return asked;
}
