import { actorOf, type OperatorAccount } from '../../access/audit-event.ts';
import type { EngagementId, PersonId } from '../../access/ids.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { SECURITY_LANE, threadLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';

type Deps = {
  readonly store: Store<'persons' | 'engagements' | 'offboardings' | 'audit' | 'outbox'>;
  readonly clock: Clock;
};

export type ReadmitInput = {
  readonly by: OperatorAccount;
  readonly personId: PersonId;
  /** The engagement that they were offboarded from; null where they were offboarded everywhere. */
  readonly engagementId: EngagementId | null;
};

/** Lets somebody back in who was offboarded. They have nothing by it: they register a key anew, and ask for access anew. */
export const readmitPerson =
  (deps: Deps) =>
  ({ by, personId, engagementId }: ReadmitInput): Promise<Result<PersonId>> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const person = await tx.persons.lock(personId);
      const engagement = engagementId && (await tx.engagements.lock(engagementId));
      const isOut = engagementId ? engagement?.offboardedIds.includes(personId) : person?.offboardedAt;
      if (!isOut) return refuse({ code: 'not_offboarded' });
      // What they had and what they get from now on would be told apart by nobody.
      if ((await tx.offboardings.unproved(1, personId)).length > 0) return refuse({ code: 'offboarding_unproved' });
      if (engagementId) await tx.engagements.readmit(engagementId, personId, now);
      else await tx.persons.readmit(personId, now);
      const facts = { person: personId, engagement: engagementId };
      await tx.audit.append({ type: 'person_readmitted', at: now, actor: actorOf(by), facts });
      const notice = { kind: 'person_readmitted', personId, engagementId, at: now.toISOString() } as const;
      await tx.outbox.enqueue({ ...notice, account: by.account }, SECURITY_LANE);
      if (engagementId) await tx.outbox.enqueue({ kind: 'engagement_updated', engagementId }, threadLane(engagementId));
      return ok(personId);
    });
