import type { Clock } from '../ports/clock.ts';
import type { Store, Tx } from '../ports/store.ts';

type OldParts = 'sessions' | 'keys' | 'outbox';
type Deps = { readonly store: Store<OldParts>; readonly clock: Clock };

const DAY_MS = 86_400_000;
/** A code is good for minutes; who comes late reads for a day that it has run out, and then that it is not known. */
const CODES_KEPT_MS = DAY_MS;
/** A message is sent once for good while its row is there; nothing asks for one again after so long. */
const DELIVERED_KEPT_MS = 90 * DAY_MS;
/** For operators, who may ask what Slack would not take. */
const BURIED_KEPT_MS = 365 * DAY_MS;
const BATCH = 1_000;

/** Deletes what is of no use any more. The audit log, requests, grants and sessions stay. */
export const forgetOld = (deps: Deps) => async (): Promise<number> => {
  const now = deps.clock.now();
  const before = (keptMs: number): Date => new Date(now.getTime() - keptMs);
  // Proofs over a certificate that has expired; none of them can be accepted again.
  const jobs: ((tx: Tx<OldParts>) => Promise<number>)[] = [
    (tx) => tx.sessions.forgetSshSessionIds(now, BATCH),
    (tx) => tx.keys.forgetCodes(before(CODES_KEPT_MS), BATCH),
    (tx) => tx.outbox.forget('delivered', before(DELIVERED_KEPT_MS), BATCH),
    (tx) => tx.outbox.forget('buried', before(BURIED_KEPT_MS), BATCH),
  ];
  let forgotten = 0;
  for (const job of jobs) {
    for (let last = BATCH; last === BATCH; forgotten += last) last = await deps.store.transaction(job);
  }
  return forgotten;
};
