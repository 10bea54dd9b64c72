import type { EngagementId, PersonId } from '../access/ids.ts';
import type { Tx } from '../use-cases/ports/store.ts';

/** What operators call people and engagements, to find them; what changes something takes ids alone. */

const isPartOf = (part: string, name: string): boolean => name.toLowerCase().includes(part.toLowerCase());

/** By an id of Daypass or of Slack, else by a part of the name. */
export async function peopleCalled(tx: Tx<'persons'>, wanted: string): Promise<PersonId[]> {
  const people = await tx.persons.all();
  const known = people.filter(({ id, accounts }) => id === wanted || accounts.some(({ userId }) => userId === wanted));
  if (known.length > 0) return known.map(({ id }) => id);
  const names = await tx.persons.names(people.map(({ id }) => id));
  return people.map(({ id }) => id).filter((id) => isPartOf(wanted, names.get(id) ?? ''));
}

export async function engagementsCalled(tx: Tx<'engagements'>, wanted: string): Promise<EngagementId[]> {
  const all = await tx.engagements.all();
  return all.filter(({ id, name }) => id === wanted || isPartOf(wanted, name)).map(({ id }) => id);
}
