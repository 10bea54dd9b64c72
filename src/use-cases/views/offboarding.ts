import type { Engagement } from '../../access/engagement.ts';
import type { OffboardingId } from '../../access/ids.ts';
import type { Offboarding } from '../../access/offboarding.ts';
import type { Store } from '../ports/store.ts';
import type { Names } from './views.ts';

type Deps = { readonly store: Store<'offboardings' | 'engagements' | 'persons'> };

export type OffboardingView = {
  readonly offboarding: Offboarding;
  /** Those that it concerns. */
  readonly engagements: readonly Engagement[];
  readonly names: Names;
};

export const viewOffboarding =
  (deps: Deps) =>
  ({ offboardingId }: { offboardingId: OffboardingId }): Promise<OffboardingView | null> =>
    deps.store.transaction(async (tx) => {
      const offboarding = await tx.offboardings.byId(offboardingId);
      if (!offboarding) return null;
      const { personId, by, items, parts } = offboarding;
      const people = [
        ...(personId ? [personId] : []),
        ...(by.kind === 'person' ? [by.id] : []),
        ...items.flatMap(({ tick }) => tick?.by ?? []),
      ];
      return {
        offboarding,
        engagements: await tx.engagements.byIds(parts.map(({ engagementId }) => engagementId)),
        names: await tx.persons.names([...new Set(people)]),
      };
    });
