import type { Actor } from '../../access/audit-event.ts';
import { type Grant, hasExpired } from '../../access/grant.ts';
import { addedUp, type OffboardingPart } from '../../access/offboarding.ts';
import { type AccessRequest, transition } from '../../access/request.ts';
import { isMeant, type Whose } from '../../access/whose.ts';
import { type EndingParts, endGrantIn } from '../grants/ending.ts';
import { directLane } from '../notice.ts';
import type { Tx } from '../ports/store.ts';
import { refreshCards } from '../requests/reviewing.ts';

export type EndAllParts = EndingParts | 'requests' | 'engagements';

type How = { readonly actor: Actor; readonly comment: string; readonly now: Date };

/** Their requests that wait, each locked: a review that is being written at this moment goes first. Those that are `known` are not again. */
export async function lockWaiting(
  tx: Tx<'requests'>,
  whose: Whose,
  known: readonly AccessRequest[] = [],
): Promise<readonly AccessRequest[]> {
  const found = whose.personId
    ? await tx.requests.pendingOf(whose.personId)
    : (await Promise.all((whose.engagementIds ?? []).map((id) => tx.requests.pendingIn(id)))).flat();
  const others = found.filter((each) => isMeant(whose, each.ask) && !known.some(({ id }) => id === each.id));
  const ids = others.map(({ id }) => id);
  const locked: AccessRequest[] = [];
  for (const id of ids.sort()) {
    const request = await tx.requests.lock(id);
    if (request?.status === 'pending') locked.push(request);
  }
  return [...known, ...locked];
}

/** Their grants that open something, now or later. */
export async function openGrants(tx: Tx<'grants'>, whose: Whose, now: Date): Promise<readonly Grant[]> {
  const found = whose.personId
    ? await tx.grants.ofPerson(whose.personId)
    : (await Promise.all((whose.engagementIds ?? []).map((id) => tx.grants.ofEngagement(id)))).flat();
  return found.filter((grant) => grant.end === null && !hasExpired(grant, now) && isMeant(whose, grant.terms));
}

/**
 * Withdraws requests and revokes grants; what was counted, by engagement. The sessions end once this is committed. Whoever calls has
 * locked the requests that wait, and then the person or the engagements, so that no more of them come.
 */
export async function endAllIn(
  tx: Tx<EndAllParts>,
  whose: Whose,
  waiting: readonly AccessRequest[],
  { actor, comment, now }: How,
): Promise<readonly OffboardingPart[]> {
  const parts: OffboardingPart[] = [];
  const by = actor.kind === 'person' ? actor.id : null;
  // One that came in between has no card yet, so that nobody who holds it waits for what is held here.
  for (const request of await lockWaiting(tx, whose, waiting)) {
    const withdrawn = transition(request, { kind: 'withdraw', by: null }, now);
    if (!withdrawn.ok) continue;
    const { id: requestId, digest, ask } = request;
    await tx.requests.save(withdrawn.value);
    await tx.audit.append({ type: 'request_withdrawn', at: now, actor, facts: { request: requestId, digest } });
    const engagement = await tx.engagements.byId(ask.engagementId);
    if (engagement) await refreshCards(tx, engagement, requestId);
    await tx.outbox.enqueue({ kind: 'request_closed', requestId }, directLane(ask.personId));
    parts.push({ engagementId: ask.engagementId, grants: 0, requests: 1, sessions: 0 });
  }
  for (const { id, terms } of await openGrants(tx, whose, now)) {
    const sessions = (await tx.sessions.liveOfGrant(id)).length;
    const ended = await endGrantIn(tx, id, { how: 'revoked', by, comment }, actor, now);
    if (ended.ok) parts.push({ engagementId: terms.engagementId, grants: 1, requests: 0, sessions });
  }
  tx.announce({ kind: 'rights_changed' });
  return addedUp([], parts);
}
