import { z } from 'zod';
import type { Engagement } from '../access/engagement.ts';
import { EngagementId, PersonId, TargetId } from '../access/ids.ts';
import { ScopeName } from '../access/scope.ts';
import type { Engagements } from '../use-cases/ports.ts';
import { instant, json, read, Timestamp, text } from './rows.ts';
import type { Trx } from './tables.ts';

const EngagementRow = z.object({
  id: EngagementId,
  name: z.string(),
  vendor: z.string(),
  channel_id: z.string(),
  sponsor_id: PersonId,
  target_ids: z.array(TargetId),
  scopes: z.array(ScopeName),
  last_day: z.iso.date(),
  time_zone: z.string(),
  created_at: Timestamp,
});
const RoleRow = z.object({ engagement_id: EngagementId, role: z.enum(['member', 'reviewer']), person_id: PersonId });

export const engagements = (trx: Trx): Engagements => ({
  byId: async (id) => (await find(trx, [id]))[0] ?? null,
  insert: (engagement) => insertEngagement(trx, engagement),
  async ofMember(id) {
    const rows = await trx
      .selectFrom('engagement_person')
      .select('engagement_id')
      .where('person_id', '=', id)
      .where('role', '=', 'member')
      .execute();
    return find(
      trx,
      rows.map((row) => row.engagement_id),
    );
  },
  all: () => find(trx, null),
});

async function find(trx: Trx, ids: readonly string[] | null): Promise<readonly Engagement[]> {
  if (ids?.length === 0) return [];
  let select = trx.selectFrom('engagement').selectAll().orderBy('created_at').orderBy('id');
  let selectRoles = trx
    .selectFrom('engagement_person')
    .select(['engagement_id', 'role', 'person_id'])
    .orderBy('ordinal');
  if (ids) {
    select = select.where('id', 'in', ids);
    selectRoles = selectRoles.where('engagement_id', 'in', ids);
  }
  const rows = await select.execute();
  const roles = (await selectRoles.execute()).map((row) => read(RoleRow, 'engagement_person', row));
  return rows.map((row) => toEngagement(row, roles));
}

function toEngagement(raw: object, roles: readonly z.output<typeof RoleRow>[]): Engagement {
  const row = read(EngagementRow, 'engagement', raw);
  const having = (role: 'member' | 'reviewer'): PersonId[] =>
    roles.filter((each) => each.engagement_id === row.id && each.role === role).map((each) => each.person_id);
  return {
    id: row.id,
    name: row.name,
    vendor: row.vendor,
    channelId: row.channel_id,
    sponsorId: row.sponsor_id,
    memberIds: having('member'),
    targetIds: row.target_ids,
    scopes: row.scopes,
    reviewerIds: having('reviewer'),
    lastDay: row.last_day,
    timeZone: row.time_zone,
    createdAt: row.created_at,
  };
}

async function insertEngagement(trx: Trx, engagement: Engagement): Promise<void> {
  await trx
    .insertInto('engagement')
    .values({
      id: engagement.id,
      name: text(engagement.name),
      vendor: text(engagement.vendor),
      channel_id: text(engagement.channelId),
      sponsor_id: engagement.sponsorId,
      target_ids: json(engagement.targetIds),
      scopes: json(engagement.scopes),
      last_day: engagement.lastDay,
      time_zone: text(engagement.timeZone),
      created_at: instant(engagement.createdAt),
    })
    .execute();
  const inRole = (role: 'member' | 'reviewer', ids: readonly PersonId[]) =>
    ids.map((id, ordinal) => ({ engagement_id: engagement.id, role, person_id: id, ordinal }));
  const people = [...inRole('member', engagement.memberIds), ...inRole('reviewer', engagement.reviewerIds)];
  if (people.length > 0) await trx.insertInto('engagement_person').values(people).execute();
}
