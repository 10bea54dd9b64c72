import { type Engagement, isMember, isOver } from '../../access/engagement.ts';
import type { PersonId } from '../../access/ids.ts';
import { mayAct, type Person, type RegisteredKey } from '../../access/person.ts';
import type { Ask } from '../../access/request.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import type { Names } from './views.ts';

type Deps = { readonly store: Store<'persons' | 'keys' | 'engagements' | 'requests'>; readonly clock: Clock };

export type AskFormView = {
  readonly person: Person;
  /** That this person works in at this moment. */
  readonly engagements: readonly Engagement[];
  /** The one that is wanted, or the only one there is. */
  readonly chosen: Engagement | null;
  /** What this person asked for last in the chosen one. */
  readonly last: Ask | null;
  readonly keys: readonly RegisteredKey[];
  /** Of who opened the engagements. */
  readonly names: Names;
};

/** What the request form of one person is made from; null for somebody who is unknown, or may nothing. */
export const viewAskForm =
  (deps: Deps) =>
  ({ personId, wanted }: { personId: PersonId; wanted: string | null }): Promise<AskFormView | null> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const person = await tx.persons.byId(personId);
      if (!mayAct(person)) return null;
      const engagements = (await tx.engagements.ofMember(personId)).filter(
        (each) => isMember(each, personId) && each.confirmedAt !== null && !isOver(each, now),
      );
      const only = engagements.length === 1 ? engagements[0] : undefined;
      const chosen = engagements.find((each) => each.id === wanted) ?? only ?? null;
      return {
        person,
        engagements,
        chosen,
        last: chosen && ((await tx.requests.lastOf(personId, chosen.id))?.ask ?? null),
        keys: await tx.keys.ofPerson(personId),
        names: await tx.persons.names([...new Set(engagements.map((each) => each.sponsorId))]),
      };
    });
