import type { OffboardingId, PersonId } from '../../access/ids.ts';
import type { Offboarding } from '../../access/offboarding.ts';

export type Offboardings = {
  byId(id: OffboardingId): Promise<Offboarding | null>;
  lock(id: OffboardingId): Promise<Offboarding | null>;
  insert(offboarding: Offboarding): Promise<void>;
  /** Writes what became of it since it began. */
  save(offboarding: Offboarding): Promise<void>;
  /** Those of which it is not proved that nothing is left, the oldest first; of one person where one is named. */
  unproved(limit: number, person?: PersonId): Promise<readonly Offboarding[]>;
  /** The latest ones first. */
  list(limit: number): Promise<readonly Offboarding[]>;
};
