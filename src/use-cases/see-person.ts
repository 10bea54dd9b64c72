import type { Actor } from '../access/audit-event.ts';
import { PersonId } from '../access/ids.ts';
import type { Person, SlackAccount } from '../access/person.ts';
import { endGrantIn } from './grant-ending.ts';
import type { Clock, Profile, RandomSource, Store, Tx } from './ports.ts';

type Deps = { readonly store: Store; readonly clock: Clock; readonly random: RandomSource };

const DAYPASS: Actor = { kind: 'daypass' };

/**
 * Writes down what Slack says of an account at this moment and returns the person behind it. An account that was deactivated
 * takes the person's live grants with it.
 */
export const seePerson =
  (deps: Deps) =>
  ({ account, profile }: { account: SlackAccount; profile: Profile }): Promise<Person> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const known = await tx.persons.byAccount(account.teamId, account.userId);
      if (known) return refresh(tx, known, profile, now);
      const { standing, active } = profile;
      const person: Person = { id: PersonId.parse(deps.random.uuid()), accounts: [account], standing, active };
      if (await tx.persons.insert(person, profile.name)) {
        await tx.audit.append({
          type: 'person_seen',
          at: now,
          actor: DAYPASS,
          facts: { person: person.id, team: account.teamId, user: account.userId, standing, active },
        });
        return person;
      }
      const other = await tx.persons.byAccount(account.teamId, account.userId);
      if (!other) throw new Error('a person vanished between two statements of one transaction');
      return refresh(tx, other, profile, now);
    });

async function refresh(tx: Tx, person: Person, profile: Profile, now: Date): Promise<Person> {
  if ((await tx.persons.name(person.id)) !== profile.name) await tx.persons.rename(person.id, profile.name);
  const { standing, active } = profile;
  if (person.standing === standing && person.active === active) return person;
  await tx.persons.update(person.id, { standing, active });
  await tx.audit.append({
    type: 'person_changed',
    at: now,
    actor: DAYPASS,
    facts: { person: person.id, standing, active },
  });
  if (person.active && !active) {
    for (const grant of await tx.grants.ofPerson(person.id)) {
      await endGrantIn(
        tx,
        grant.id,
        { how: 'revoked', by: null, comment: 'the Slack account was deactivated' },
        DAYPASS,
        now,
      );
    }
  }
  return { ...person, standing, active };
}
