import type { Log } from '../log.ts';
import { tellOfUnreadChannels } from '../use-cases/engagements/channel-in-doubt.ts';
import { expireChanges } from '../use-cases/engagements/expire-changes.ts';
import { noteExpiredGrants } from '../use-cases/grants/expire-grants.ts';
import { holdSessionsToGrants, sessionEndOrder } from '../use-cases/grants/hold-sessions.ts';
import { tellBeforeEnd } from '../use-cases/grants/tell-before-end.ts';
import { tellOfDoubts } from '../use-cases/people/people-in-doubt.ts';
import type { CertificateAuthority } from '../use-cases/ports/authority.ts';
import type { Clock } from '../use-cases/ports/clock.ts';
import type { Gateways } from '../use-cases/ports/gateways.ts';
import type { Inventory } from '../use-cases/ports/inventory.ts';
import type { Change, Store } from '../use-cases/ports/store.ts';
import { expireRequests, lapsePledges } from '../use-cases/requests/expire-requests.ts';
import { remindReviewers } from '../use-cases/requests/remind-reviewers.ts';
import { forgetOld } from '../use-cases/upkeep/forget.ts';
import type { Freshness } from './freshness.ts';
import { startSchedules } from './schedules.ts';

type Ending = {
  readonly store: Store;
  readonly gateway: Pick<Gateways, 'carried' | 'terminate' | 'extend'>;
  readonly clock: Clock;
  readonly authority: CertificateAuthority;
  readonly inventory: Inventory;
  readonly log: Log;
  /** What was revoked is known as of then. */
  readonly touch: Freshness;
};

/** Changes after which a live session may have no right to go on, or a longer one. */
const HOLDING: ReadonlySet<Change['kind']> = new Set(['grant_ended', 'sessions_extended', 'rights_changed']);

/** Ends live sessions at each change that asks for it, and looks again on a timer for changes that nobody heard of. */
export async function endSessionsOn(ending: Ending): Promise<AsyncDisposable> {
  const { store, gateway, clock, authority, inventory, log, touch } = ending;
  const deps = { store, clock, authority, inventory, gateways: gateway };
  const hold = async (): Promise<void> => {
    const { renew } = touch.begin();
    await holdSessionsToGrants(deps)();
    renew();
  };
  const act = async (change: Change): Promise<void> => {
    if (HOLDING.has(change.kind)) await hold();
    if (change.kind === 'session_end_asked') {
      const { sessionId, by } = change;
      gateway.terminate([sessionId], await sessionEndOrder(deps)(sessionId, by));
    }
  };
  const unsubscribe = store.subscribe((change) => {
    act(change).catch((error: unknown) =>
      log.error({ err: error, change: change.kind }, 'a change could not be acted on'),
    );
  });
  // Who connects from the first moment on meets workers whose lease is fresh.
  await hold().catch((error: unknown) => log.error({ err: error }, 'sessions could not be checked; trying again'));
  const schedules = startSchedules(
    [
      {
        name: 'note expired grants',
        everyMs: 1_000,
        run: noteExpiredGrants({ ...deps, elapsedMs: () => performance.now() }),
      },
      { name: 'check sessions against their grants', everyMs: 1_000, run: hold },
      { name: 'tell before access ends', everyMs: 5_000, run: tellBeforeEnd(deps) },
      { name: 'report people who cannot be confirmed', everyMs: 60_000, run: tellOfDoubts(deps) },
      { name: 'report channels that cannot be read', everyMs: 60_000, run: tellOfUnreadChannels(deps) },
      { name: 'expire requests', everyMs: 10_000, run: expireRequests(deps) },
      { name: 'expire changes to engagements', everyMs: 10_000, run: expireChanges(deps) },
      { name: 'lapse unsigned approvals', everyMs: 10_000, run: lapsePledges(deps) },
      { name: 'remind reviewers', everyMs: 30_000, run: remindReviewers(deps) },
      { name: 'delete old records', cron: '17 * * * *', run: forgetOld(deps) },
    ],
    log,
  );
  return {
    async [Symbol.asyncDispose]() {
      unsubscribe();
      await schedules[Symbol.asyncDispose]();
    },
  };
}
