import type { Actor } from '../access/audit-event.ts';
import type { Grant } from '../access/grant.ts';
import type { GrantId, PersonId } from '../access/ids.ts';
import { type Result, refuse } from '../access/result.ts';
import { mayEnd } from './ending-rights.ts';
import { endGrantIn } from './grant-ending.ts';
import type { Clock, Store } from './ports.ts';

type Deps = { readonly store: Store; readonly clock: Clock };

export type EndGrantInput = {
  /** Null is an operator at the command line. */
  readonly by: PersonId | null;
  readonly grantId: GrantId;
  readonly comment: string | null;
  /** Whether the person belongs to security, as the configuration names them. */
  readonly isSecurity: boolean;
};

const COMMENT_MAX = 1_000;

/** Ends a grant before its time: returned by its holder, or revoked by anybody who may. */
export const endGrant =
  (deps: Deps) =>
  (input: EndGrantInput): Promise<Result<Grant>> =>
    deps.store.transaction(async (tx) => {
      const grant = await tx.grants.byId(input.grantId);
      if (!grant) return refuse({ code: 'unknown_grant' });
      if (!(await mayEnd(tx, input, grant.terms))) return refuse({ code: 'may_not_end_grant' });
      const comment = input.comment?.trim().slice(0, COMMENT_MAX) || null;
      const how = input.by === grant.terms.personId ? 'returned' : 'revoked';
      const actor: Actor = input.by ? { kind: 'person', id: input.by } : { kind: 'operator' };
      return endGrantIn(tx, grant.id, { how, by: input.by, comment }, actor, deps.clock.now());
    });
