import { z } from 'zod';
import type { Engagement } from '../access/engagement.ts';
import type { EngagementTerms } from '../access/engagement-change.ts';
import { AllowedHours } from '../access/hours.ts';
import { EngagementId, Login, PersonId, TargetId } from '../access/ids.ts';
import { ScopeName } from '../access/scopes/scope.ts';
import { isAsRemembered } from './engagement-ends.ts';
import { instant, instantOrNull, json, read, Timestamp, text, textOrNull } from './rows.ts';
import type { Sealing } from './sealing.ts';
import type { Trx } from './tables.ts';

const EngagementRow = z.object({
  id: EngagementId,
  name: z.string(),
  vendor: z.string(),
  channel_id: z.string(),
  sponsor_id: PersonId,
  target_ids: z.array(TargetId),
  scopes: z.array(ScopeName),
  logins: z.array(Login).nullable(),
  first_day: z.iso.date().nullable(),
  last_day: z.iso.date(),
  hours: AllowedHours.nullable(),
  reference: z.string().nullable(),
  time_zone: z.string(),
  created_at: Timestamp,
  confirmed_at: Timestamp.nullable(),
  labels: z.array(z.string()),
  channel_read_at: Timestamp,
  closed_at: Timestamp.nullable(),
  closed_by: PersonId.nullable(),
});
const RoleRow = z.object({
  engagement_id: EngagementId,
  role: z.enum(['member', 'reviewer']),
  person_id: PersonId,
  left_at: Timestamp.nullable(),
  offboarded_at: Timestamp.nullable(),
});

/** What was decided of it, field by field; who left its channel since, and when that was read, are not among it. */
const sealedEngagement = (engagement: Engagement): object => {
  const { id, name, vendor, channelId, sponsorId, memberIds, targetIds, scopes, reviewerIds, lastDay, timeZone } =
    engagement;
  const people = { sponsorId, memberIds, reviewerIds };
  // Left out where there are none, as in the seals from before these were kept.
  const labels = engagement.labels.length === 0 ? {} : { labels: engagement.labels };
  const { logins, firstDay, hours, reference } = engagement;
  const days = { ...(firstDay && { firstDay }), ...(hours && { hours }) };
  const others = { ...(logins && { logins }), ...days, ...(reference && { reference }) };
  const { offboardedIds, closedAt, closedBy } = engagement;
  const offboarded = offboardedIds.length === 0 ? {} : { offboardedIds };
  const closed = closedAt ? { closedAt: closedAt.toISOString(), closedBy } : {};
  const [createdAt, confirmedAt] = [engagement.createdAt, engagement.confirmedAt].map(
    (at) => at?.toISOString() ?? null,
  );
  return {
    id,
    name,
    vendor,
    channelId,
    targetIds,
    scopes,
    lastDay,
    timeZone,
    createdAt,
    confirmedAt,
    ...people,
    ...labels,
    ...others,
    ...offboarded,
    ...closed,
  };
};

/** One whose seal is broken is told of and left out. */
export async function find(trx: Trx, sealing: Sealing, ids: readonly string[] | null): Promise<readonly Engagement[]> {
  const stored = await load(trx, ids);
  return stored.flatMap(({ engagement, mac }) =>
    sealing.holds('engagement', engagement.id, sealedEngagement(engagement), mac) && isAsRemembered(sealing, engagement)
      ? [engagement]
      : [],
  );
}

type Stored = { readonly engagement: Engagement; readonly mac: string | null };

export async function load(trx: Trx, ids: readonly string[] | null): Promise<readonly Stored[]> {
  if (ids?.length === 0) return [];
  let select = trx.selectFrom('engagement').selectAll().orderBy('created_at').orderBy('id');
  let selectRoles = trx
    .selectFrom('engagement_person')
    .select(['engagement_id', 'role', 'person_id', 'left_at', 'offboarded_at'])
    .orderBy('ordinal');
  if (ids) {
    select = select.where('id', 'in', ids);
    selectRoles = selectRoles.where('engagement_id', 'in', ids);
  }
  const rows = await select.execute();
  const roles = (await selectRoles.execute()).map((row) => read(RoleRow, 'engagement_person', row));
  return rows.map((row) => ({ engagement: toEngagement(row, roles), mac: row.mac }));
}

/** Seals an engagement as the database holds it. */
export async function sealEngagement(trx: Trx, sealing: Sealing, id: string): Promise<void> {
  for (const { engagement } of await load(trx, [id])) {
    const mac = sealing.seal('engagement', sealedEngagement(engagement));
    await trx.updateTable('engagement').set({ mac }).where('id', '=', id).execute();
  }
}

function toEngagement(raw: object, roles: readonly z.output<typeof RoleRow>[]): Engagement {
  const row = read(EngagementRow, 'engagement', raw);
  const own = roles.filter((each) => each.engagement_id === row.id);
  const having = (role: 'member' | 'reviewer'): PersonId[] =>
    own.filter((each) => each.role === role).map((each) => each.person_id);
  return {
    id: row.id,
    name: row.name,
    vendor: row.vendor,
    channelId: row.channel_id,
    sponsorId: row.sponsor_id,
    memberIds: having('member'),
    leftIds: own.filter((each) => each.role === 'member' && each.left_at !== null).map((each) => each.person_id),
    targetIds: row.target_ids,
    scopes: row.scopes,
    reviewerIds: having('reviewer'),
    logins: row.logins,
    firstDay: row.first_day,
    lastDay: row.last_day,
    hours: row.hours,
    reference: row.reference,
    timeZone: row.time_zone,
    createdAt: row.created_at,
    confirmedAt: row.confirmed_at,
    labels: row.labels,
    offboardedIds: own.filter((each) => each.role === 'member' && each.offboarded_at).map((each) => each.person_id),
    ...{ closedAt: row.closed_at, closedBy: row.closed_by },
    channelReadAt: row.channel_read_at,
  };
}

export async function insertEngagement(trx: Trx, sealing: Sealing, engagement: Engagement): Promise<void> {
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
      logins: engagement.logins && json(engagement.logins),
      first_day: engagement.firstDay,
      last_day: engagement.lastDay,
      hours: engagement.hours && json(engagement.hours),
      reference: textOrNull(engagement.reference),
      time_zone: text(engagement.timeZone),
      created_at: instant(engagement.createdAt),
      confirmed_at: instantOrNull(engagement.confirmedAt),
      confirmed_by: null,
      labels: json(engagement.labels.map(text)),
      channel_read_at: instant(engagement.channelReadAt),
      ...{ channel_refused: null, channel_told_at: null },
      ...{ closed_at: instantOrNull(engagement.closedAt), closed_by: engagement.closedBy },
    })
    .execute();
  for (const role of ['member', 'reviewer'] as const) await putPeople(trx, engagement.id, role, engagement);
  await sealEngagement(trx, sealing, engagement.id);
}

type Role = 'member' | 'reviewer';

export async function changeEngagement(
  trx: Trx,
  sealing: Sealing,
  id: EngagementId,
  terms: EngagementTerms,
  labels: readonly string[],
): Promise<void> {
  await trx
    .updateTable('engagement')
    .set({
      name: text(terms.name),
      target_ids: json(terms.targetIds),
      scopes: json(terms.scopes),
      logins: terms.logins && json(terms.logins),
      first_day: terms.firstDay,
      last_day: terms.lastDay,
      hours: terms.hours && json(terms.hours),
      reference: textOrNull(terms.reference),
      labels: json(labels.map(text)),
    })
    .where('id', '=', id)
    .execute();
  for (const role of ['member', 'reviewer'] as const) {
    const staying = role === 'member' ? terms.memberIds : terms.reviewerIds;
    let gone = trx.deleteFrom('engagement_person').where('engagement_id', '=', id).where('role', '=', role);
    if (staying.length > 0) gone = gone.where('person_id', 'not in', staying);
    await gone.execute();
    await putPeople(trx, id, role, terms);
  }
  await sealEngagement(trx, sealing, id);
}

/** Those who are in it already keep when they were seen and when they left. */
async function putPeople(
  trx: Trx,
  id: EngagementId,
  role: Role,
  { memberIds, reviewerIds }: Pick<Engagement, 'memberIds' | 'reviewerIds'>,
): Promise<void> {
  const rows = (role === 'member' ? memberIds : reviewerIds).map((person_id, ordinal) => ({
    ...{ engagement_id: id, role, person_id, ordinal },
    ...{ seen_at: null, left_at: null, offboarded_at: null },
  }));
  if (rows.length === 0) return;
  await trx
    .insertInto('engagement_person')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['engagement_id', 'role', 'person_id'])
        .doUpdateSet((set) => ({ ordinal: set.ref('excluded.ordinal') })),
    )
    .execute();
}
