import { z } from 'zod';
import { isOver } from '../access/engagement.ts';
import { isRunning } from '../access/grant.ts';
import { EngagementId, PersonId } from '../access/ids.ts';
import { type Person, STANDINGS } from '../access/person.ts';
import type { Tx } from '../use-cases/ports/store.ts';
import { peopleCalled } from './called.ts';
import { GrantRow, grantRows } from './grants.ts';
import { KeyRow, keyRows } from './keys.ts';

export const PersonRow = z.strictObject({
  id: PersonId,
  name: z.string(),
  /** `<team>/<user>` of each Slack account. */
  accounts: z.array(z.string()),
  standing: z.enum(STANDINGS),
  state: z.enum(['active', 'deactivated', 'unseen', 'offboarded']),
  confirmedAt: z.iso.datetime(),
  offboardedAt: z.iso.datetime().nullable(),
  keys: z.int(),
  liveGrants: z.int(),
});
export type PersonRow = z.infer<typeof PersonRow>;

export const PersonShown = z.strictObject({
  person: PersonRow,
  engagements: z.array(
    z.strictObject({
      id: EngagementId,
      name: z.string(),
      role: z.enum(['sponsor', 'member', 'reviewer']),
      isOver: z.boolean(),
      offboarded: z.boolean(),
    }),
  ),
  keys: z.array(KeyRow),
  /** Live ones. */
  grants: z.array(GrantRow),
});
export type PersonShown = z.infer<typeof PersonShown>;

type Parts = 'persons' | 'keys' | 'grants' | 'engagements' | 'sessions';

/** All of them, or those who are called so. */
export async function listPeople(
  tx: Tx<Parts>,
  { find, limit }: { readonly find: string | null; readonly limit: number },
  now: Date,
): Promise<PersonRow[]> {
  const people = find === null ? await tx.persons.all() : await tx.persons.byIds(await peopleCalled(tx, find));
  const rows: PersonRow[] = [];
  for (const person of people.slice(0, limit)) rows.push(await rowOf(tx, person, now));
  return rows;
}

export async function showPerson(tx: Tx<Parts>, id: PersonId, now: Date): Promise<PersonShown | null> {
  const person = await tx.persons.byId(id);
  if (!person) return null;
  const engagements = (await tx.engagements.all()).flatMap((each) => {
    const roles = [
      ...(each.sponsorId === id ? ['sponsor' as const] : []),
      ...(each.memberIds.includes(id) ? ['member' as const] : []),
      ...(each.reviewerIds.includes(id) ? ['reviewer' as const] : []),
    ];
    const offboarded = each.offboardedIds.includes(id);
    return roles.map((role) => ({ id: each.id, name: each.name, role, isOver: isOver(each, now), offboarded }));
  });
  const live = (await tx.grants.ofPerson(id)).filter((grant) => isRunning(grant, now));
  return {
    ...{ person: await rowOf(tx, person, now), engagements },
    ...{ keys: await keyRows(tx, await tx.keys.ofPerson(id)), grants: await grantRows(tx, live, now) },
  };
}

async function rowOf(tx: Tx<Parts>, person: Person, now: Date): Promise<PersonRow> {
  const { id, accounts, standing, confirmedAt, offboardedAt } = person;
  return {
    ...{ id, name: await tx.persons.name(id), standing, state: stateOf(person) },
    accounts: accounts.map(({ teamId, userId }) => `${teamId}/${userId}`),
    ...{ confirmedAt: confirmedAt.toISOString(), offboardedAt: offboardedAt?.toISOString() ?? null },
    keys: (await tx.keys.ofPerson(id)).length,
    liveGrants: (await tx.grants.ofPerson(id)).filter((grant) => isRunning(grant, now)).length,
  };
}

function stateOf({ active, unseenSince, offboardedAt }: Person): PersonRow['state'] {
  if (offboardedAt) return 'offboarded';
  if (!active) return 'deactivated';
  return unseenSince ? 'unseen' : 'active';
}
