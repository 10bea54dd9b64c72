import { type Actor, actorOf, type OperatorAccount } from '../../access/audit-event.ts';
import { type Engagement, engagementEnd } from '../../access/engagement.ts';
import type { EngagementId, PersonId } from '../../access/ids.ts';
import type { Offboarding, OffboardingWhy } from '../../access/offboarding.ts';
import { mayAct } from '../../access/person.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import type { Whose } from '../../access/whose.ts';
import { directLane, threadLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store, Tx } from '../ports/store.ts';
import { type BeginDeps, type BeginParts, beginIn, COMMENTS, factsOf, reasonOf } from './begin.ts';
import { type EndAllParts, endAllIn, lockWaiting } from './end-all.ts';

type Deps = BeginDeps & { readonly store: Store<EndAllParts | BeginParts>; readonly clock: Clock };

export type CloseEngagementInput = {
  /** An account of the host, where an operator does it at the command line. */
  readonly by: PersonId | OperatorAccount;
  readonly engagementId: EngagementId;
  readonly reason: string | null;
  readonly isSecurity: boolean;
};

/** Ends an engagement before its last day, with everything that everybody has in it. Its sponsor may, security, and the operator. */
export const closeEngagement =
  (deps: Deps) =>
  (input: CloseEngagementInput): Promise<Result<Offboarding | null>> =>
    deps.store.transaction(async (tx) => {
      const { by, engagementId, isSecurity } = input;
      const reason = reasonOf(input.reason);
      if (!reason.ok) return reason;
      const person = typeof by === 'string' ? await tx.persons.byId(by) : null;
      const engagement = await tx.engagements.byId(engagementId);
      const mayClose = typeof by !== 'string' || (mayAct(person) && (isSecurity || engagement?.sponsorId === by));
      // Who may not is not told whether there is such an engagement.
      if (!engagement || !mayClose) return refuse({ code: 'may_not_close', field: 'engagement' });
      const how = { why: 'closed', actor: actorOf(by), reason: reason.value } as const;
      return closeIn(deps, tx, engagementId, how, deps.clock.now());
    });

/** Closes engagements whose last day is over, each once, however long ago that was. Returns how many. */
export const closeEnded = (deps: Deps) => async (): Promise<number> => {
  const now = deps.clock.now();
  const open = await deps.store.transaction((tx) => tx.engagements.unclosed());
  const ended = open.filter((engagement) => now >= engagementEnd(engagement));
  let closed = 0;
  for (const { id } of ended) {
    const how = { why: 'last_day', actor: { kind: 'daypass' }, reason: null } as const;
    if ((await deps.store.transaction((tx) => closeIn(deps, tx, id, how, now))).ok) closed += 1;
  }
  return closed;
};

type How = { readonly why: OffboardingWhy; readonly actor: Actor; readonly reason: string | null };

/** In one that nobody confirmed there was nothing to have, so there is nothing to clean up after it. */
async function closeIn(
  deps: Deps,
  tx: Tx<EndAllParts | BeginParts>,
  id: EngagementId,
  { why, actor, reason }: How,
  now: Date,
): Promise<Result<Offboarding | null>> {
  const whose: Whose = { personId: null, engagementIds: [id] };
  const waiting = await lockWaiting(tx, whose);
  const engagement = await tx.engagements.lock(id);
  if (!engagement) return refuse({ code: 'may_not_close', field: 'engagement' });
  if (engagement.closedAt) return refuse({ code: 'already_closed', at: engagement.closedAt, field: 'engagement' });
  await tx.engagements.close(id, { by: actor.kind === 'person' ? actor.id : null, at: now });
  await tx.audit.append({ type: 'engagement_closed', at: now, actor, facts: { engagement: id, why } });
  await tellOfClose(tx, engagement);
  if (!engagement.confirmedAt) return ok(null);
  const parts = await endAllIn(tx, whose, waiting, { actor, comment: COMMENTS[why], now });
  const offboarding = await beginIn(deps, tx, { whose, why, actor, reason, parts, keys: 0, now });
  await tx.audit.append({ type: 'person_offboarded', at: now, actor, facts: factsOf(offboarding) });
  return ok(offboarding);
}

async function tellOfClose(tx: Tx<'engagements' | 'outbox'>, { id, confirmedAt }: Engagement): Promise<void> {
  if (confirmedAt) {
    await tx.outbox.enqueue({ kind: 'engagement_updated', engagementId: id }, threadLane(id));
    return;
  }
  for (const to of await tx.engagements.confirmers(id)) {
    await tx.outbox.enqueue({ kind: 'engagement_confirm_changed', engagementId: id, to }, directLane(to));
  }
}
