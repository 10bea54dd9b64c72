import { actorOf, type OperatorAccount } from '../../access/audit-event.ts';
import type { SessionId } from '../../access/ids.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import type { Clock } from '../ports/clock.ts';
import type { Gateways, Watcher } from '../ports/gateways.ts';
import type { Store } from '../ports/store.ts';

type Deps = {
  readonly store: Store<'sessions' | 'grants' | 'audit'>;
  readonly clock: Clock;
  readonly gateways: Pick<Gateways, 'watch'>;
};

export type Watch = {
  /** Whether the person reads that somebody looks on. */
  readonly isTold: boolean;
  stop(): void;
};

/** Shows an operator what passes in a live session, read-only; each time is an audit event before anything is shown. */
export const watchSession =
  (deps: Deps) =>
  async (by: OperatorAccount, sessionId: SessionId, watcher: Omit<Watcher, 'isTold'>): Promise<Result<Watch>> => {
    const found = await deps.store.transaction(async (tx): Promise<Result<{ isTold: boolean }>> => {
      const session = await tx.sessions.byId(sessionId);
      if (!session) return refuse({ code: 'unknown_session' });
      if (session.ended) return refuse({ code: 'session_already_ended', at: session.ended.at });
      const grant = await tx.grants.byId(session.grantId);
      // In doubt the person is told.
      const isTold = grant?.terms.scope.watch !== 'silent';
      await tx.audit.append({
        type: 'session_watched',
        at: deps.clock.now(),
        actor: actorOf(by),
        facts: { session: session.id, grant: session.grantId, person: session.personId, told: isTold },
      });
      return ok({ isTold });
    });
    if (!found.ok) return found;
    const { isTold } = found.value;
    const stop = deps.gateways.watch(sessionId, { ...watcher, isTold });
    if (stop === null) return refuse({ code: 'session_already_ended', at: deps.clock.now() });
    return ok({ isTold, stop });
  };
