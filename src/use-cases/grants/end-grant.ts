import { actorOf, type OperatorAccount } from '../../access/audit-event.ts';
import { readComment } from '../../access/comment.ts';
import { type Grant, isActive } from '../../access/grant.ts';
import type { GrantId, PersonId } from '../../access/ids.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { type EndingParts, endGrantIn } from './ending.ts';
import { mayEnd } from './may-end.ts';

type Deps = { readonly store: Store<EndingParts | 'engagements'>; readonly clock: Clock };

export type EndGrantInput = {
  /** An account of the host, where an operator ends it at the command line. */
  readonly by: PersonId | OperatorAccount;
  readonly grantId: GrantId;
  readonly comment: string | null;
  /** Whether the person belongs to security, as the configuration names them. */
  readonly isSecurity: boolean;
};

export type EndedGrant = {
  readonly grant: Grant;
  /** What else the person had on these targets, ended with it: one of two overlapping grants would be no end. */
  readonly also: readonly Grant[];
  /** Live ones that the person keeps. */
  readonly left: readonly Grant[];
};

/**
 * Ends a grant before its time: returned by its holder, or revoked by anybody who may. Who revokes in Slack means the person and the
 * targets, so whatever else of theirs they may end there ends too; an operator names one grant.
 */
export const endGrant =
  (deps: Deps) =>
  (input: EndGrantInput): Promise<Result<EndedGrant>> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const grant = await tx.grants.byId(input.grantId);
      if (!grant) return refuse({ code: 'unknown_grant' });
      if (!(await mayEnd(tx, input, grant.terms))) return refuse({ code: 'may_not_end_grant' });
      const comment = readComment(input.comment);
      if (!comment.ok) return comment;
      const { personId } = grant.terms;
      // An approval that is being written at this moment goes first, and then its grant ends here too.
      await tx.persons.lock(personId);
      const how = input.by === personId ? 'returned' : 'revoked';
      const actor = actorOf(input.by);
      const by = actor.kind === 'person' ? actor.id : null;
      const end = { how, by, comment: comment.value } as const;
      const ended = await endGrantIn(tx, grant.id, end, actor, now);
      if (!ended.ok) return ended;
      const others = (await tx.grants.ofPerson(personId)).filter((each) => isActive(each, now));
      const also: Grant[] = [];
      for (const other of how === 'revoked' && by ? others.filter((each) => overlap(each, grant)) : []) {
        if (!(await mayEnd(tx, input, other.terms))) continue;
        const too = await endGrantIn(tx, other.id, end, actor, now);
        if (too.ok) also.push(too.value);
      }
      const left = others.filter((each) => !also.some((gone) => gone.id === each.id));
      return ok({ grant: ended.value, also, left });
    });

const overlap = (a: Grant, b: Grant): boolean =>
  a.terms.targets.some((target) => b.terms.targets.some((each) => each.id === target.id));
