import { changeTransition } from '../../access/engagement-change.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { refreshChangeCards } from './propose-change.ts';

type Deps = { readonly store: Store<'engagements' | 'engagementChanges' | 'audit' | 'outbox'>; readonly clock: Clock };

const BATCH = 100;

/** Writes down that changes waited for too long; they had expired by themselves at that instant. */
export const expireChanges = (deps: Deps) => (): Promise<number> =>
  deps.store.transaction(async (tx) => {
    const now = deps.clock.now();
    let expired = 0;
    for (const { engagementId } of await tx.engagementChanges.overdue(now, BATCH)) {
      const engagement = await tx.engagements.lock(engagementId);
      const change = engagement && (await tx.engagementChanges.lockPending(engagementId));
      const over = change && changeTransition(change, { kind: 'expire' }, now);
      if (!engagement || !change || !over?.ok || over.value.status !== 'expired') continue;
      await tx.engagementChanges.save(over.value);
      const facts = { engagement: engagementId, change: change.id, digest: change.digest };
      await tx.audit.append({ type: 'engagement_change_expired', at: now, actor: { kind: 'daypass' }, facts });
      await refreshChangeCards(tx, engagement, over.value);
      expired += 1;
    }
    return expired;
  });
