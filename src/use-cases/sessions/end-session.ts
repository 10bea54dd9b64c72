import { actorOf, type OperatorAccount } from '../../access/audit-event.ts';
import type { PersonId, SessionId } from '../../access/ids.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import type { Session } from '../../access/session.ts';
import { mayEnd } from '../grants/may-end.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';

type Deps = {
  readonly store: Store<'sessions' | 'persons' | 'engagements' | 'audit' | 'announce'>;
  readonly clock: Clock;
};

export type EndSessionInput = {
  /** An account of the host, where an operator ends it at the command line. */
  readonly by: PersonId | OperatorAccount;
  readonly sessionId: SessionId;
  readonly isSecurity: boolean;
};

/** Asks the gateway to end one live session; the grant stays. */
export const endSession =
  (deps: Deps) =>
  (input: EndSessionInput): Promise<Result<Session>> =>
    deps.store.transaction(async (tx) => {
      const session = await tx.sessions.lock(input.sessionId);
      if (!session) return refuse({ code: 'unknown_session' });
      if (!(await mayEnd(tx, input, session))) return refuse({ code: 'may_not_end_session' });
      if (session.ended) return refuse({ code: 'session_already_ended', at: session.ended.at });
      const actor = actorOf(input.by);
      await tx.audit.append({
        type: 'session_terminated',
        at: deps.clock.now(),
        actor,
        facts: { session: session.id, grant: session.grantId, person: session.personId },
      });
      tx.announce({ kind: 'session_end_asked', sessionId: session.id, by: actor });
      return ok(session);
    });
