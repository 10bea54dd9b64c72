import { dueNotice } from '../../access/ending-notice.ts';
import type { Grant } from '../../access/grant.ts';
import type { PersonId } from '../../access/ids.ts';
import { directLane, messageKey, type Notice, threadLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store, Tx } from '../ports/store.ts';
import { isReached } from './ending.ts';

type Deps = { readonly store: Store<'grants' | 'persons' | 'outbox'>; readonly clock: Clock };

const LIVE_MAX = 100_000;

/**
 * Tells the holders of grants that these end soon, in a message of their own each time, and their threads in one line that changes. That
 * each is told once for good is the outbox's to hold, by its key, whichever control enqueues it. What this process has enqueued
 * is remembered only to ask no more.
 */
export function tellBeforeEnd(deps: Deps): () => Promise<number> {
  let told = new Set<string>();
  return async () => {
    const now = deps.clock.now();
    const { known, added } = await deps.store.transaction(async (tx) => {
      const live = await tx.grants.list({ activeAt: now, limit: LIVE_MAX });
      const known = new Set<string>();
      let added = 0;
      for (const notice of dueNotices(live, now)) {
        const key = messageKey(notice);
        known.add(key);
        if (!told.has(key) && (await tell(tx, notice, live))) added += 1;
      }
      return { known, added };
    });
    told = known;
    return added;
  };
}

type Ending = Extract<Notice, { kind: 'grant_ending' }>;

function dueNotices(live: readonly Grant[], now: Date): readonly Ending[] {
  const byPerson = new Map<PersonId, Grant[]>();
  for (const grant of live) {
    const theirs = byPerson.get(grant.terms.personId) ?? [];
    byPerson.set(grant.terms.personId, [...theirs, grant]);
  }
  return live.flatMap((grant): Ending[] => {
    const others = (byPerson.get(grant.terms.personId) ?? []).filter((each) => each.id !== grant.id);
    const minutes = dueNotice(grant, now, others);
    return minutes === null ? [] : [{ kind: 'grant_ending', grantId: grant.id, minutes }];
  });
}

async function tell(tx: Tx<'persons' | 'outbox'>, notice: Ending, live: readonly Grant[]): Promise<boolean> {
  const terms = live.find((each) => each.id === notice.grantId)?.terms;
  if (!terms || !(await isReached(tx, terms.personId))) return false;
  if (!(await tx.outbox.enqueue(notice, directLane(terms.personId)))) return false;
  const line = { kind: 'grant_ending_line', grantId: notice.grantId } as const;
  await tx.outbox.enqueue(line, threadLane(terms.engagementId));
  return true;
}
