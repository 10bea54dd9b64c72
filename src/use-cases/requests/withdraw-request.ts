import { actorOf, type OperatorAccount } from '../../access/audit-event.ts';
import type { PersonId, RequestId } from '../../access/ids.ts';
import { type AccessRequest, transition } from '../../access/request.ts';
import { type Result, refuse } from '../../access/result.ts';
import { tampered } from '../grants/believable.ts';
import { directLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { refreshCards } from './reviewing.ts';

type Deps = {
  readonly store: Store<'requests' | 'engagements' | 'audit' | 'outbox' | 'broken'>;
  readonly clock: Clock;
};

/** Takes back one's own request while nobody has decided it; an operator takes back anybody's. */
export const withdrawRequest =
  (deps: Deps) =>
  ({ by, requestId }: { by: PersonId | OperatorAccount; requestId: RequestId }): Promise<Result<AccessRequest>> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const request = await tx.requests.lock(requestId);
      const engagement = request && (await tx.engagements.byId(request.ask.engagementId));
      if (!request || !engagement) return refuse(tampered(tx) ?? { code: 'unknown_request' });
      const withdrawn = transition(request, { kind: 'withdraw', by: typeof by === 'string' ? by : null }, now);
      if (!withdrawn.ok) return withdrawn;
      await tx.requests.save(withdrawn.value);
      const facts = { request: requestId, digest: request.digest };
      await tx.audit.append({ type: 'request_withdrawn', at: now, actor: actorOf(by), facts });
      await refreshCards(tx, engagement, requestId);
      const { personId } = request.ask;
      if (by !== personId) await tx.outbox.enqueue({ kind: 'request_closed', requestId }, directLane(personId));
      return withdrawn;
    });
