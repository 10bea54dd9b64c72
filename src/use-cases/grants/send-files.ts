import { expiresAt, isActive } from '../../access/grant.ts';
import type { GrantId, PersonId } from '../../access/ids.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { directLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';

type Deps = { readonly store: Store<'grants' | 'outbox'>; readonly clock: Clock };

/** Brings the holder of a live grant its files as a message, once; false where that message is there already. */
export const sendFiles =
  (deps: Deps) =>
  ({ by, grantId }: { by: PersonId; grantId: GrantId }): Promise<Result<boolean>> =>
    deps.store.transaction(async (tx) => {
      const grant = await tx.grants.byId(grantId);
      if (grant?.terms.personId !== by) return refuse({ code: 'unknown_grant' });
      if (!isActive(grant, deps.clock.now())) {
        return refuse({ code: 'grant_already_ended', at: grant.end?.at ?? expiresAt(grant) });
      }
      return ok(await tx.outbox.enqueue({ kind: 'grant_files', grantId }, directLane(by)));
    });
