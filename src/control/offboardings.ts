import type { Log } from '../log.ts';
import { closeEnded } from '../use-cases/offboarding/close-engagement.ts';
import { proveOffboardings } from '../use-cases/offboarding/prove.ts';
import type { CertificateAuthority } from '../use-cases/ports/authority.ts';
import type { Clock } from '../use-cases/ports/clock.ts';
import type { Gateways } from '../use-cases/ports/gateways.ts';
import type { Inventory } from '../use-cases/ports/inventory.ts';
import type { RandomSource } from '../use-cases/ports/random.ts';
import type { Store } from '../use-cases/ports/store.ts';
import { startSchedules } from './schedules.ts';

type Offboardings = {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly inventory: Inventory;
  readonly authority: CertificateAuthority;
  readonly gateways: Pick<Gateways, 'ask'>;
  readonly log: Log;
};

/** Proves what was offboarded, and closes engagements after their last day: also what was left while no control ran. */
export const offboardingsOn = (deps: Offboardings): AsyncDisposable =>
  startSchedules(
    [
      { name: 'prove that nothing is left', everyMs: 1_000, run: proveOffboardings(deps) },
      { name: 'close engagements after their last day', everyMs: 10_000, run: closeEnded(deps) },
    ],
    deps.log,
  );
