import { actorOf, type OperatorAccount } from '../../access/audit-event.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';

type Deps = { readonly store: Store<'audit' | 'suspension' | 'liftSuspension'>; readonly clock: Clock };

/** An operator has looked at a database that was restored or exchanged: what it says of grants counts again. */
export const confirmGrants =
  (deps: Deps) =>
  (by: OperatorAccount): Promise<{ lifted: string | null }> =>
    deps.store.transaction(async (tx) => {
      const suspension = tx.suspension();
      if (!suspension) return { lifted: null };
      tx.liftSuspension();
      const facts = { why: suspension.why, since: suspension.at };
      await tx.audit.append({ type: 'grants_confirmed', at: deps.clock.now(), actor: actorOf(by), facts });
      return { lifted: suspension.why };
    });
