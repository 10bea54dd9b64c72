import type { EngagementId, PersonId } from './ids.ts';

/** What a person has, what is in engagements, or both; null is any. */
export type Whose = {
  readonly personId: PersonId | null;
  readonly engagementIds: readonly EngagementId[] | null;
};

/** Whether something in this engagement, of this person, is meant. */
export const isMeant = (
  { personId, engagementIds }: Whose,
  of: { readonly personId: PersonId; readonly engagementId: EngagementId },
): boolean =>
  (personId === null || personId === of.personId) &&
  (engagementIds === null || engagementIds.includes(of.engagementId));
