import type { EngagementRules } from '../../access/engagement-rules.ts';
import type { Person } from '../../access/person.ts';
import type { ReviewerFacts } from '../../access/review.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store, Tx } from '../ports/store.ts';

/** What is read to know it. */
export type FactParts = 'persons' | 'engagements' | 'groups';

/** What decides whether somebody may review, read at this moment: vendors through all accounts that are known as theirs, and groups. */
export async function reviewerFacts(
  tx: Tx<FactParts>,
  rules: EngagementRules,
  reviewer: Person,
): Promise<ReviewerFacts> {
  const own = reviewer.accounts.map((account) => account.userId);
  const others = rules.one_person.filter((set) => set.some((userId) => own.includes(userId))).flat();
  const people = [reviewer, ...(await Promise.all(others.map((userId) => tx.persons.byUserId(userId)))).flat()];
  const vendors = new Set<string>();
  for (const id of new Set(people.map((person) => person.id))) {
    for (const engagement of await tx.engagements.ofMember(id)) vendors.add(engagement.vendor);
  }
  return { reviewer, vendors: [...vendors], inGroups: await tx.groups.of(own) };
}

type Deps = { readonly store: Store<'groups'>; readonly clock: Clock };

/** Writes down who is in a group of policy. Who was in it when it was read for the first time was there before. */
export const seeGroup =
  (deps: Deps) =>
  ({ groupId, userIds }: { readonly groupId: string; readonly userIds: readonly string[] }): Promise<void> =>
    deps.store.transaction((tx) => tx.groups.save(groupId, userIds, deps.clock.now(), new Date(0)));
