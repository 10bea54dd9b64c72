import type { SelectQueryBuilder } from 'kysely';
import { z } from 'zod';
import type { EngagementChange, EngagementTerms } from '../access/engagement-change.ts';
import { AllowedHours } from '../access/hours.ts';
import { Digest, EngagementChangeId, EngagementId, Login, PersonId, TargetId } from '../access/ids.ts';
import type { Review } from '../access/request.ts';
import { ScopeName } from '../access/scopes/scope.ts';
import type { EngagementChanges } from '../use-cases/ports/engagement-changes.ts';
import { changedOne, instant, instantOrNull, json, read, Timestamp, text, textOrNull } from './rows.ts';
import type { Sealing } from './sealing.ts';
import type { Tables, Trx } from './tables.ts';

const StoredTerms = z.strictObject({
  name: z.string(),
  memberIds: z.array(PersonId),
  targetIds: z.array(TargetId),
  scopes: z.array(ScopeName),
  logins: z.array(Login).nullable(),
  reviewerIds: z.array(PersonId),
  firstDay: z.iso.date().nullable(),
  lastDay: z.iso.date(),
  hours: AllowedHours.nullable(),
  reference: z.string().nullable(),
}) satisfies z.ZodType<EngagementTerms>;

const StoredReview = z.strictObject({
  reviewerId: PersonId,
  verdict: z.enum(['approve', 'deny']),
  comment: z.string().nullable(),
  at: z.iso.datetime().transform((at) => new Date(at)),
});

const ChangeRow = z.object({
  id: EngagementChangeId,
  engagement_id: EngagementId,
  proposed_by: PersonId,
  from_terms: StoredTerms,
  to_terms: StoredTerms,
  digest: Digest,
  approvals: z.int(),
  proposed_at: Timestamp,
  expires_at: Timestamp,
  reviews: z.array(StoredReview),
  status: z.enum(['pending', 'approved', 'denied', 'expired', 'withdrawn']),
  decided_at: Timestamp.nullable(),
  mac: z.string(),
});

/** All that decides, the terms by their digest. */
const sealedChange = (change: EngagementChange): object => {
  const { id, engagementId, proposedBy, digest, approvals, reviews, status } = change;
  const [proposedAt, expiresAt, decidedAt] = [change.proposedAt, change.expiresAt, change.decidedAt].map(
    (at) => at?.toISOString() ?? null,
  );
  const said = reviews.map(asStored);
  return { id, engagementId, proposedBy, digest, approvals, status, proposedAt, expiresAt, decidedAt, reviews: said };
};

const asStored = ({ reviewerId, verdict, comment, at }: Review) => ({
  ...{ reviewerId, verdict, comment: textOrNull(comment) },
  at: at.toISOString(),
});

const overKey = (id: string): string => `change:${id}`;

type Select = SelectQueryBuilder<Tables, 'engagement_change', object>;

export function engagementChanges(trx: Trx, sealing: Sealing): EngagementChanges {
  const select = () => trx.selectFrom('engagement_change').selectAll();
  const waiting = () => select().where('status', '=', 'pending');
  return {
    byId: async (id) => (await load(sealing, select().where('id', '=', id)))[0] ?? null,
    lockPending: async (id) =>
      (await load(sealing, waiting().where('engagement_id', '=', id).forNoKeyUpdate()))[0] ?? null,
    insert: (change) => insertChange(trx, sealing, change),
    save: (change) => saveChange(trx, sealing, change),
    overdue: (now, limit) =>
      load(sealing, waiting().where('expires_at', '<=', instant(now)).orderBy('expires_at').limit(limit)),
  };
}

/** One whose seal is broken, or that was decided and waits again, is told of and left out. */
async function load(sealing: Sealing, select: Select): Promise<readonly EngagementChange[]> {
  const rows = (await select.execute()).map((row) => read(ChangeRow, 'engagement_change', row));
  return rows.flatMap((row) => {
    const change = toChange(row);
    if (!sealing.holds('engagement_change', change.id, sealedChange(change), row.mac)) return [];
    if (change.status !== 'pending' || !sealing.over(overKey(change.id))) return [change];
    sealing.breaks({ what: 'engagement_change', id: change.id });
    return [];
  });
}

const toChange = (row: z.output<typeof ChangeRow>): EngagementChange => ({
  id: row.id,
  engagementId: row.engagement_id,
  proposedBy: row.proposed_by,
  from: row.from_terms,
  to: row.to_terms,
  digest: row.digest,
  approvals: row.approvals,
  proposedAt: row.proposed_at,
  expiresAt: row.expires_at,
  reviews: row.reviews,
  status: row.status,
  decidedAt: row.decided_at,
});

async function insertChange(trx: Trx, sealing: Sealing, change: EngagementChange): Promise<void> {
  await trx
    .insertInto('engagement_change')
    .values({
      id: change.id,
      engagement_id: change.engagementId,
      proposed_by: change.proposedBy,
      from_terms: json(change.from),
      to_terms: json(change.to),
      digest: change.digest,
      approvals: change.approvals,
      proposed_at: instant(change.proposedAt),
      expires_at: instant(change.expiresAt),
      reviews: json(change.reviews.map(asStored)),
      status: text(change.status),
      decided_at: instantOrNull(change.decidedAt),
      mac: sealing.seal('engagement_change', sealedChange(change)),
    })
    .execute();
  closeIfDecided(sealing, change);
}

async function saveChange(trx: Trx, sealing: Sealing, change: EngagementChange): Promise<void> {
  const result = await trx
    .updateTable('engagement_change')
    .set({
      reviews: json(change.reviews.map(asStored)),
      status: text(change.status),
      decided_at: instantOrNull(change.decidedAt),
      mac: sealing.seal('engagement_change', sealedChange(change)),
    })
    .where('id', '=', change.id)
    .executeTakeFirstOrThrow();
  changedOne(result, 'engagement change');
  closeIfDecided(sealing, change);
}

function closeIfDecided(sealing: Sealing, { id, status, expiresAt }: EngagementChange): void {
  if (status === 'pending') return;
  sealing.end({ key: overKey(id), until: expiresAt.toISOString(), end: null });
}
