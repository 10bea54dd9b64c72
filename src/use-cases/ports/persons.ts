import type { PersonId } from '../../access/ids.ts';
import type { Person } from '../../access/person.ts';

export type Persons = {
  byId(id: PersonId): Promise<Person | null>;
  byIds(ids: readonly PersonId[]): Promise<readonly Person[]>;
  byAccount(teamId: string, userId: string): Promise<Person | null>;
  /** Of whichever workspace: an event names the user alone. */
  byUserId(userId: string): Promise<readonly Person[]>;
  /** `select … for no key update`: what ends a person's access and what gives it take turns. */
  lock(id: PersonId): Promise<Person | null>;
  /** False, and nothing written, where one of the accounts is known already. */
  insert(person: Person, name: string): Promise<boolean>;
  /** Writes what Slack says of it. */
  update(id: PersonId, seen: Omit<Person, 'id' | 'accounts' | 'offboardedAt'>): Promise<void>;
  /** They get nothing any more, until they are readmitted. */
  offboard(id: PersonId, at: Date): Promise<void>;
  readmit(id: PersonId, at: Date): Promise<void>;
  /** Writes down that security is told of a doubt about them; returns those of whom it had not been told. */
  toldOfDoubt(ids: readonly PersonId[], at: Date): Promise<readonly PersonId[]>;
  /** The display name, kept apart so that it can be erased; '(name erased)' where it was. */
  name(id: PersonId): Promise<string>;
  names(ids: readonly PersonId[]): Promise<ReadonlyMap<PersonId, string>>;
  rename(id: PersonId, name: string): Promise<void>;
  all(): Promise<readonly Person[]>;
};
