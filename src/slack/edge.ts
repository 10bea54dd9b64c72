import type { webApi } from '@slack/bolt';
import { groupsOf } from '../access/engagement-rules.ts';
import type { PersonId } from '../access/ids.ts';
import { type Person, whyShutOut } from '../access/person.ts';
import { engagementRules } from '../access/policy.ts';
import type { Rejection } from '../access/rejection.ts';
import { ok, type Result, refuse } from '../access/result.ts';
import type { Log } from '../log.ts';
import { seeGroup } from '../use-cases/engagements/reviewer-facts.ts';
import { missPerson, seePerson } from '../use-cases/people/see-person.ts';
import type { CertificateAuthority } from '../use-cases/ports/authority.ts';
import type { Clock } from '../use-cases/ports/clock.ts';
import type { Inventory } from '../use-cases/ports/inventory.ts';
import type { RandomSource } from '../use-cases/ports/random.ts';
import type { Store } from '../use-cases/ports/store.ts';
import type { FormTurns } from './conversations/form-turns.ts';
import type { GatewayFacts } from './words/gateway-facts.ts';
import { type NamesOf, peopleIn } from './words/refusals.ts';
import { type AccountDirectory, groupMembers, type Workspace } from './workspace/directory.ts';
import type { Fetch } from './workspace/network.ts';

/** Where security reads, and who it is. */
export type Security = { readonly securityChannel: string; readonly securityUsers: readonly string[] };

/** What every conversation can use. */
export type Edge = {
  readonly web: webApi.WebClient;
  readonly fetch: Fetch;
  readonly own: Workspace;
  readonly directory: AccountDirectory;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly authority: CertificateAuthority;
  readonly inventory: Inventory;
  readonly gateway: GatewayFacts;
  readonly security: Security;
  readonly log: Log;
  readonly formTurns: FormTurns;
  /** Resolves when messages that are being posted at this moment are written down. */
  readonly settled: () => Promise<void>;
};

/** The person behind an interaction, with rights as they are now. */
export type Asker = {
  readonly person: Person;
  readonly userId: string;
  readonly timeZone: string;
  readonly isSecurity: boolean;
};

export type Claim = {
  readonly userId: string;
  /**
   * The workspace of the account, as the payload says; null where it names none. It is not the one in which it happened: a channel can
   * be hosted by another.
   */
  readonly teamId: string | null;
};

/** Asks Slack who this is and writes it down. People of another workspace are externals, and nothing else. */
export async function whoAsks(edge: Edge, claim: Claim): Promise<Result<Asker>> {
  const found = await edge.directory.find(claim.userId);
  if (!found) return refuse({ code: 'person_inactive' });
  const { account, profile, timeZone } = found;
  const { enterpriseId } = edge.own;
  const sameOrganisation = enterpriseId !== null && account.enterpriseId === enterpriseId;
  // User ids are unique only together with their workspace: the account that was found has to be the one that was meant.
  const isMeant = claim.teamId === null || claim.teamId === account.teamId || sameOrganisation;
  if (!isMeant) return refuse({ code: 'person_inactive' });
  const person = await seePerson(edge)({ account, profile });
  const shutOut = whyShutOut(person);
  if (shutOut) return refuse(shutOut);
  const isSecurity = edge.security.securityUsers.includes(account.userId) && person.standing === 'member';
  return ok({ person, userId: account.userId, timeZone, isSecurity });
}

/** Who this is as Slack last said, for what only shows something. Null for somebody unknown, and where it could be several people. */
export async function knownPerson(edge: Edge, { userId, teamId }: Claim): Promise<Person | null> {
  const people = await edge.store.transaction((tx) => tx.persons.byUserId(userId));
  const { enterpriseId } = edge.own;
  const isMeant = (account: Person['accounts'][number]): boolean =>
    account.userId === userId &&
    (teamId === null || account.teamId === teamId || (enterpriseId !== null && account.enterpriseId === enterpriseId));
  const [only, ...others] = people.filter((person) => person.accounts.some(isMeant));
  return others.length === 0 ? (only ?? null) : null;
}

/** Asks Slack about a known person again, before something is decided about them. */
export async function askAgain(edge: Edge, id: PersonId): Promise<void> {
  const person = await edge.store.transaction((tx) => tx.persons.byId(id));
  for (const { teamId, userId } of person?.accounts ?? []) {
    const found = await edge.directory.find(userId);
    // An account of another workspace is somebody else's.
    if (found?.account.teamId === teamId) await seePerson(edge)(found);
    else await missPerson(edge)(id);
  }
}

/** Asks Slack again who is in the groups that policy names, before one of their members decides something. */
export async function readGroups(edge: Pick<Edge, 'store' | 'clock' | 'inventory' | 'web'>): Promise<void> {
  for (const groupId of groupsOf(engagementRules(edge.inventory.policy))) {
    await seeGroup(edge)({ groupId, userIds: await groupMembers(edge.web, groupId) });
  }
}

/** Several people that a form names, each as Slack says they are; null where one is a bot or unknown. */
export async function peopleNamed(edge: Edge, userIds: readonly string[]): Promise<PersonId[] | null> {
  const ids: PersonId[] = [];
  for (const userId of new Set(userIds)) {
    const found = await edge.directory.find(userId);
    if (!found) return null;
    ids.push((await seePerson(edge)(found)).id);
  }
  return ids;
}

/** Those of several accounts whom Slack shows. */
export async function peopleKnown(edge: Edge, userIds: readonly string[]): Promise<PersonId[]> {
  const ids: PersonId[] = [];
  for (const userId of new Set(userIds)) {
    const found = await edge.directory.find(userId);
    if (found) ids.push((await seePerson(edge)(found)).id);
  }
  return ids;
}

export const namesFor = (edge: Edge, rejection: Rejection): Promise<NamesOf> =>
  edge.store.transaction((tx) => tx.persons.names(peopleIn(rejection)));
