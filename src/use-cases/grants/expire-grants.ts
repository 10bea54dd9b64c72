import type { GrantId } from '../../access/ids.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { type EndingParts, noteIfOver, refreshMessages } from './ending.ts';

type Deps = { readonly store: Store<EndingParts>; readonly clock: Clock };

const BATCH = 100;

/**
 * Writes down that grants ran out and tells their threads; access had ended by itself at that instant. A grant also runs out once as
 * much time has passed as it had left when it was first seen: a wall clock that is set back lengthens nothing.
 */
export function noteExpiredGrants(deps: Deps & { readonly elapsedMs: () => number }): () => Promise<number> {
  let deadlines = new Map<GrantId, number>();
  return async () => {
    const now = deps.clock.now();
    const elapsed = deps.elapsedMs();
    const open = await deps.store.transaction((tx) => tx.grants.open());
    deadlines = new Map(
      open.map(({ id, expiresAt }) => {
        const left = expiresAt.getTime() - now.getTime();
        return [id, Math.min(deadlines.get(id) ?? Number.POSITIVE_INFINITY, elapsed + left)];
      }),
    );
    const over = [...deadlines].filter(([, deadline]) => deadline <= elapsed).map(([id]) => id);
    return over.length === 0 ? 0 : noteExpiry(deps, over.slice(0, BATCH), now);
  };
}

const noteExpiry = (deps: Deps, ids: readonly GrantId[], now: Date): Promise<number> =>
  deps.store.transaction(async (tx) => {
    const expired = await tx.grants.lockOpen(ids);
    for (const grant of expired) {
      await tx.grants.noteExpiry(grant.id, now);
      const facts = { grant: grant.id, digest: grant.digest, person: grant.terms.personId };
      await tx.audit.append({ type: 'grant_expired', at: now, actor: { kind: 'daypass' }, facts });
      await refreshMessages(tx, grant, now);
      await noteIfOver(tx, grant);
      tx.announce({ kind: 'grant_ended', grantId: grant.id });
    }
    return expired.length;
  });
