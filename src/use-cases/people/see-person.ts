import { isTooLongAgo } from '../../access/age.ts';
import type { Actor } from '../../access/audit-event.ts';
import { PersonId } from '../../access/ids.ts';
import { type Person, type SlackAccount, UNSEEN_MS } from '../../access/person.ts';
import type { Clock } from '../ports/clock.ts';
import type { Profile } from '../ports/directory.ts';
import type { RandomSource } from '../ports/random.ts';
import type { Store, Tx } from '../ports/store.ts';
import { endAccessIn, type GoneParts } from './person-gone.ts';

type Deps<Part extends keyof Tx> = { readonly store: Store<Part>; readonly clock: Clock };

const DAYPASS: Actor = { kind: 'daypass' };
const NEW = { unseenSince: null, offboardedAt: null } as const;

/**
 * Writes down what Slack says of an account at this moment and returns the person behind it. An account that was deactivated
 * takes the person's live grants with it.
 */
export const seePerson =
  (deps: Deps<GoneParts | 'broken'> & { readonly random: RandomSource }) =>
  ({ account, profile }: { account: SlackAccount; profile: Profile }): Promise<Person> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const known = await tx.persons.byAccount(account.teamId, account.userId);
      if (known) return refresh(tx, known, profile, now);
      const { active } = profile;
      // Of whom Slack does not say it, the least is believed.
      const standing = profile.standing ?? 'guest';
      const id = PersonId.parse(deps.random.uuid());
      const person: Person = { id, accounts: [account], standing, active, confirmedAt: now, ...NEW };
      if (await tx.persons.insert(person, profile.name ?? account.userId)) {
        const facts = { person: id, team: account.teamId, user: account.userId, standing, active };
        await tx.audit.append({ type: 'person_seen', at: now, actor: DAYPASS, facts });
        return person;
      }
      const other = await tx.persons.byAccount(account.teamId, account.userId);
      if (!other)
        throw new Error(
          tx.broken()
            ? 'an account was changed outside Daypass and belongs to nobody'
            : 'a person vanished between two statements of one transaction',
        );
      return refresh(tx, other, profile, now);
    });

async function refresh(tx: Tx<GoneParts>, { id }: Person, profile: Profile, now: Date): Promise<Person> {
  const person = await tx.persons.lock(id);
  if (!person) throw new Error('a person vanished between two statements of one transaction');
  const { name, active } = profile;
  if (name !== null && (await tx.persons.name(id)) !== name) await tx.persons.rename(id, name);
  const standing = profile.standing ?? person.standing;
  const seen: Person = {
    ...person,
    ...{ standing, active, unseenSince: null },
    confirmedAt: active ? now : person.confirmedAt,
  };
  await tx.persons.update(id, seen);
  if (person.standing !== standing || person.active !== active) {
    const facts = { person: id, standing, active };
    await tx.audit.append({ type: 'person_changed', at: now, actor: DAYPASS, facts });
  }
  if (person.active && !active) await endAccessIn(tx, { personId: id, why: 'deactivated', engagementId: null }, now);
  return seen;
}

/**
 * Writes down that Slack shows an account no more. At once its person gets nothing new; where Slack says so again after a moment, it
 * is over with the access that there is. Returns whether it is to be asked again.
 */
export const missPerson =
  (deps: Deps<GoneParts>) =>
  (personId: PersonId): Promise<'ask_again' | 'over'> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const person = await tx.persons.lock(personId);
      if (!person?.active) return 'over';
      if (person.unseenSince === null) {
        await tx.persons.update(personId, { ...person, unseenSince: now });
        await tx.audit.append({ type: 'person_unseen', at: now, actor: DAYPASS, facts: { person: personId } });
        return 'ask_again';
      }
      if (!isTooLongAgo(person.unseenSince, now, UNSEEN_MS - 1)) return 'ask_again';
      await tx.persons.update(personId, { ...person, active: false });
      const facts = { person: personId, standing: person.standing, active: false };
      await tx.audit.append({ type: 'person_changed', at: now, actor: DAYPASS, facts });
      await endAccessIn(tx, { personId, why: 'unseen', engagementId: null }, now);
      return 'over';
    });
