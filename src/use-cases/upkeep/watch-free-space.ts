import { type SpaceLevel, spaceLevel } from '../../access/disk-space.ts';
import { SECURITY_LANE } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';

type Deps = {
  readonly store: Store<'audit' | 'outbox'>;
  readonly clock: Clock;
  /** MiB that recordings may still fill. */
  readonly freeMiB: () => Promise<number>;
  readonly minFreeMiB: number;
};

/** Tells security's channel, once each time, that recordings run out of space, and that there is some again. */
export function freeSpaceWatch({ store, clock, freeMiB, minFreeMiB }: Deps): () => Promise<void> {
  let told: SpaceLevel = 'enough';
  return async () => {
    const free = await freeMiB();
    const level = spaceLevel(free, minFreeMiB, told);
    if (level === told) return;
    const at = clock.now();
    const facts = { level, freeMiB: free, minFreeMiB };
    await store.transaction(async (tx) => {
      await tx.audit.append({ type: 'free_space_changed', at, actor: { kind: 'daypass' }, facts });
      await tx.outbox.enqueue({ kind: 'free_space', at: at.toISOString(), ...facts }, SECURITY_LANE);
    });
    told = level;
  };
}
