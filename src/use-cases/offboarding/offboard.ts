import { actorOf, type OperatorAccount } from '../../access/audit-event.ts';
import { isOver } from '../../access/engagement.ts';
import type { EngagementId, PersonId } from '../../access/ids.ts';
import type { Offboarding } from '../../access/offboarding.ts';
import { mayAct } from '../../access/person.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import type { Whose } from '../../access/whose.ts';
import { directLane, threadLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store, Tx } from '../ports/store.ts';
import { type BeginDeps, type BeginParts, beginIn, COMMENTS, factsOf, reasonOf } from './begin.ts';
import { type EndAllParts, endAllIn, lockWaiting } from './end-all.ts';

type Deps = BeginDeps & { readonly store: Store<EndAllParts | BeginParts | 'keys'>; readonly clock: Clock };

export type OffboardInput = {
  /** An account of the host, where an operator does it at the command line. */
  readonly by: PersonId | OperatorAccount;
  readonly personId: PersonId;
  /** The one engagement that is meant; null is as far as `by` may. */
  readonly engagementId: EngagementId | null;
  readonly reason: string | null;
  readonly isSecurity: boolean;
};

/**
 * Ends all that somebody has, and lets them have nothing more: everywhere, where security or an operator says so; in the engagements that
 * they opened, where a sponsor does. Their keys are retired where it is everywhere. That nothing is left is proved afterwards.
 */
export const offboardPerson =
  (deps: Deps) =>
  (input: OffboardInput): Promise<Result<Offboarding>> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const { personId } = input;
      const reason = reasonOf(input.reason);
      if (!reason.ok) return reason;
      const where = await placesOf(tx, input, now);
      if (!where.ok) return where;
      const whose: Whose = { personId, engagementIds: where.value };
      // Always in this order: requests, the person, engagements, grants. Two that meet wait for each other, and none for ever.
      const waiting = await lockWaiting(tx, whose);
      const person = await tx.persons.lock(personId);
      if (!person) return refuse({ code: 'may_not_offboard', field: 'person' });
      if (person.offboardedAt) return refuse({ code: 'already_offboarded', at: person.offboardedAt, field: 'person' });
      const actor = actorOf(input.by);
      for (const id of whose.engagementIds ?? []) {
        if (!(await tx.engagements.lock(id))) return refuse({ code: 'not_in_engagement', field: 'person' });
        await tx.engagements.offboard(id, personId, now);
        await tx.outbox.enqueue({ kind: 'engagement_updated', engagementId: id }, threadLane(id));
      }
      // Before keys and the person themselves: who is told of the end of their grants is still reached.
      const parts = await endAllIn(tx, whose, waiting, { actor, comment: COMMENTS.asked, now });
      const keys = whose.engagementIds ? 0 : await endEverywhere(tx, input, now);
      const offboarding = await beginIn(deps, tx, {
        ...{ whose, why: 'asked', actor, reason: reason.value, parts, keys, now },
      });
      await tx.audit.append({ type: 'person_offboarded', at: now, actor, facts: factsOf(offboarding) });
      return ok(offboarding);
    });

/** Where it reaches: null is everywhere. */
async function placesOf(
  tx: Tx<'persons' | 'engagements'>,
  { by, personId, engagementId, isSecurity }: OffboardInput,
  now: Date,
): Promise<Result<readonly EngagementId[] | null>> {
  if (typeof by === 'string' && !mayAct(await tx.persons.byId(by)))
    return refuse({ code: 'may_not_offboard', field: 'person' });
  const working = (await tx.engagements.ofMember(personId)).filter(
    (each) => !isOver(each, now) && !each.offboardedIds.includes(personId),
  );
  const isFull = typeof by !== 'string' || isSecurity;
  const own = working.filter(({ sponsorId }) => isFull || sponsorId === by);
  if (isFull && engagementId === null) return ok(null);
  const meant = own.filter(({ id }) => engagementId === null || id === engagementId).map(({ id }) => id);
  if (meant.length > 0) return ok(meant.sort());
  return refuse({ code: isFull ? 'not_in_engagement' : 'may_not_offboard', field: 'person' });
}

/** Retires their keys, and shuts the person out; returns how many keys. */
async function endEverywhere(
  tx: Tx<'keys' | 'persons' | 'audit' | 'outbox'>,
  { by, personId }: OffboardInput,
  now: Date,
): Promise<number> {
  const actor = actorOf(by);
  let retired = 0;
  for (const { fingerprint } of await tx.keys.ofPerson(personId)) {
    if (!(await tx.keys.retire(fingerprint, now, actor.kind === 'person' ? actor.id : null))) continue;
    await tx.audit.append({ type: 'key_retired', at: now, actor, facts: { person: personId, fingerprint } });
    await tx.outbox.enqueue({ kind: 'key_retired', fingerprint, to: personId }, directLane(personId));
    retired += 1;
  }
  await tx.persons.offboard(personId, now);
  return retired;
}
