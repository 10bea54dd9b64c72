import type { Offboarding } from '../../access/offboarding.ts';
import { addedUp, isProved, type LeftOver } from '../../access/offboarding.ts';
import { isMeant, type Whose } from '../../access/whose.ts';
import type { CertificateAuthority } from '../ports/authority.ts';
import type { Clock } from '../ports/clock.ts';
import type { Gateways } from '../ports/gateways.ts';
import type { Store } from '../ports/store.ts';
import { COMMENTS, tellIn } from './begin.ts';
import { completeIn } from './complete.ts';
import { type EndAllParts, endAllIn, lockWaiting, openGrants } from './end-all.ts';

type Deps = {
  readonly store: Store<EndAllParts | 'offboardings'>;
  readonly clock: Clock;
  readonly gateways: Pick<Gateways, 'ask'>;
  readonly authority: Pick<CertificateAuthority, 'digest'>;
};

/** Asked about at one time; the others follow. */
const AT_ONCE_MAX = 20;

/**
 * Proves of each offboarding that nothing is left: asks every worker what it carries, and looks for grants. One of which it cannot be
 * said is asked about again the next time. Returns how many are proved now.
 */
export const proveOffboardings = (deps: Deps) => async (): Promise<number> => {
  const unproved = await deps.store.transaction((tx) => tx.offboardings.unproved(AT_ONCE_MAX));
  const proved = await Promise.all(unproved.map((offboarding) => proveOne(deps, offboarding)));
  return proved.filter(Boolean).length;
};

async function proveOne(deps: Deps, offboarding: Offboarding): Promise<boolean> {
  const { id, personId, engagementIds, why, by: actor } = offboarding;
  const whose: Whose = { personId, engagementIds };
  const { store, clock, gateways } = deps;
  // What was asked for at the very moment at which it began.
  const more = await store.transaction(async (tx) => {
    const waiting = await lockWaiting(tx, whose);
    const now = clock.now();
    if (waiting.length === 0 && (await openGrants(tx, whose, now)).length === 0) return [];
    return endAllIn(tx, whose, waiting, { actor, comment: COMMENTS[why], now });
  });
  const answer = await gateways.ask(whose);
  return store.transaction(async (tx) => {
    const before = await tx.offboardings.lock(id);
    if (!before || isProved(before)) return false;
    const now = clock.now();
    // A session whose end is not written down yet counts as one that lives.
    const recorded = (await tx.sessions.live()).filter((each) => isMeant(whose, each));
    const left: LeftOver = {
      at: now,
      ...{ workers: answer.workers, answered: answer.answered },
      sessions: new Set([...answer.sessions, ...recorded.map((each) => each.id)]).size,
      grants: (await openGrants(tx, whose, now)).length,
    };
    if (before.left && isSame(before.left, left) && more.length === 0) return false;
    const after: Offboarding = { ...before, left, parts: addedUp(before.parts, more) };
    await tx.offboardings.save(after);
    await tellIn(tx, after);
    if (!isProved(after)) return false;
    const facts = { offboarding: id, workers: left.workers };
    await tx.audit.append({ type: 'offboarding_proved', at: now, actor: { kind: 'daypass' }, facts });
    await completeIn(deps, tx, after, now);
    return true;
  });
}

const isSame = (a: LeftOver, b: LeftOver): boolean =>
  a.workers === b.workers && a.answered === b.answered && a.sessions === b.sessions && a.grants === b.grants;
