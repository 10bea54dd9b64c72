import { z } from 'zod';
import { type Engagement, isOver } from '../access/engagement.ts';
import { isRunning } from '../access/grant.ts';
import { EngagementId, PersonId } from '../access/ids.ts';
import type { Tx } from '../use-cases/ports/store.ts';

export const EngagementRow = z.strictObject({
  id: EngagementId,
  name: z.string(),
  vendor: z.string(),
  sponsor: z.string(),
  state: z.enum(['open', 'unconfirmed', 'ended', 'closed']),
  lastDay: z.string(),
  timeZone: z.string(),
  members: z.int(),
  liveGrants: z.int(),
  pendingRequests: z.int(),
});
export type EngagementRow = z.infer<typeof EngagementRow>;

/** One whole, with its people by name and by id. */
export const EngagementShown = EngagementRow.extend({
  channel: z.string(),
  targets: z.array(z.string()),
  scopes: z.array(z.string()),
  people: z.array(
    z.strictObject({
      id: PersonId,
      name: z.string(),
      role: z.enum(['sponsor', 'member', 'reviewer']),
      state: z.enum(['in it', 'left its channel', 'offboarded']),
    }),
  ),
  createdAt: z.iso.datetime(),
  confirmedAt: z.iso.datetime().nullable(),
  closedAt: z.iso.datetime().nullable(),
  closedBy: z.string().nullable(),
});
export type EngagementShown = z.infer<typeof EngagementShown>;

type MemberState = EngagementShown['people'][number]['state'];
type Parts = 'engagements' | 'persons' | 'grants' | 'requests';

/** The latest ones first. */
export async function listEngagements(
  tx: Tx<Parts>,
  { all, limit }: { readonly all: boolean; readonly limit: number },
  now: Date,
): Promise<EngagementRow[]> {
  const found = (await tx.engagements.all()).filter((each) => all || !isOver(each, now));
  const rows: EngagementRow[] = [];
  for (const engagement of found.reverse().slice(0, limit)) rows.push(await rowOf(tx, engagement, now));
  return rows;
}

export async function showEngagement(tx: Tx<Parts>, id: EngagementId, now: Date): Promise<EngagementShown | null> {
  const engagement = await tx.engagements.byId(id);
  if (!engagement) return null;
  const { sponsorId, memberIds, reviewerIds, leftIds, offboardedIds, closedBy } = engagement;
  const people = [sponsorId, ...memberIds, ...reviewerIds, ...(closedBy ? [closedBy] : [])];
  const names = await tx.persons.names([...new Set(people)]);
  const nameOf = (person: PersonId): string => names.get(person) ?? person;
  const inRole = (role: 'sponsor' | 'reviewer', ids: readonly PersonId[]) =>
    ids.map((person) => ({ id: person, name: nameOf(person), role, state: 'in it' as const }));
  const memberState = (person: PersonId): MemberState =>
    offboardedIds.includes(person) ? 'offboarded' : leftIds.includes(person) ? 'left its channel' : 'in it';
  return {
    ...(await rowOf(tx, engagement, now)),
    ...{ channel: engagement.channelId, targets: [...engagement.targetIds], scopes: [...engagement.scopes] },
    people: [
      ...inRole('sponsor', [sponsorId]),
      ...memberIds.map((person) => ({
        ...{ id: person, name: nameOf(person), role: 'member' as const, state: memberState(person) },
      })),
      ...inRole('reviewer', reviewerIds),
    ] satisfies EngagementShown['people'],
    createdAt: engagement.createdAt.toISOString(),
    confirmedAt: engagement.confirmedAt?.toISOString() ?? null,
    closedAt: engagement.closedAt?.toISOString() ?? null,
    closedBy: closedBy && nameOf(closedBy),
  };
}

async function rowOf(tx: Tx<Parts>, engagement: Engagement, now: Date): Promise<EngagementRow> {
  const { id, name, vendor, sponsorId, lastDay, timeZone, memberIds } = engagement;
  const grants = await tx.grants.ofEngagement(id);
  return {
    ...{ id, name, vendor, sponsor: await tx.persons.name(sponsorId), state: stateOf(engagement, now) },
    ...{ lastDay, timeZone, members: memberIds.length },
    liveGrants: grants.filter((grant) => isRunning(grant, now)).length,
    pendingRequests: (await tx.requests.pendingIn(id)).length,
  };
}

function stateOf(engagement: Engagement, now: Date): EngagementRow['state'] {
  if (engagement.closedAt) return 'closed';
  if (isOver(engagement, now)) return 'ended';
  return engagement.confirmedAt ? 'open' : 'unconfirmed';
}
