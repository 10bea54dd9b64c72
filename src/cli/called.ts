import { EngagementId, type PersonId } from '../access/ids.ts';
import { withoutControls } from '../access/printable.ts';
import type { Operator } from '../operator/operator.ts';
import { one } from './operator.ts';
import { Refused } from './output.ts';

const LOOKED_AT_MAX = 10_000;
const NAMED_MAX = 5;

/** Of `<team>/<user>`. */
const userOf = (account: string): string => account.split('/')[1] ?? account;

/** By an id alone: people choose their names, and one could be chosen to be mistaken for another. */
export async function personCalled(operator: Operator, given: string): Promise<PersonId> {
  const found = await operator.people({ find: given, limit: LOOKED_AT_MAX });
  const meant = found.filter(({ id, accounts }) => id === given || accounts.some((each) => userOf(each) === given));
  const [person, ...others] = meant;
  if (person && others.length === 0) return person.id;
  if (person)
    throw new Refused(`${given} is the account of ${meant.length} people. Use a Daypass id: daypass people list`);
  const named = found
    .slice(0, NAMED_MAX)
    .map(({ name, accounts: [account], id }) => `${withoutControls(name)}: ${account ? userOf(account) : id}`);
  const hint = named.length === 0 ? 'To list people: daypass people list' : `By name there is ${named.join(', ')}`;
  throw new Refused(`No person has the id ${given}. Give a Slack user id or a Daypass id. ${hint}.`);
}

/** By its id, or the start of it. */
export async function engagementCalled(operator: Operator, given: string): Promise<EngagementId> {
  const rows = await operator.engagements({ all: true, limit: LOOKED_AT_MAX });
  const ids = rows.map(({ id }) => id);
  return EngagementId.parse(one(given.toLowerCase(), ids, 'engagement'));
}
