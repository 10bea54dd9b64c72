import { type SelectQueryBuilder, sql } from 'kysely';
import { z } from 'zod';
import { Digest, EngagementId, Fingerprint, Login, PersonId, RequestId } from '../access/ids.ts';
import type { AccessRequest, Ask, Review } from '../access/request.ts';
import { Scope } from '../access/scope.ts';
import type { Requests } from '../use-cases/ports.ts';
import { changedOne, instant, instantOrNull, json, read, Timestamp, text, textOrNull } from './rows.ts';
import type { Tables, Trx } from './tables.ts';
import { TargetPin } from './terms.ts';

const StoredAsk = z.strictObject({
  engagementId: EngagementId,
  personId: PersonId,
  targets: z.array(TargetPin),
  login: Login,
  scope: Scope,
  durationSeconds: z.number(),
  reason: z.string(),
  ticket: z.string().nullable(),
  keyFingerprints: z.array(Fingerprint),
}) satisfies z.ZodType<Ask>;

const base = {
  id: RequestId,
  ask: StoredAsk,
  digest: Digest,
  rule: z.string(),
  approvals: z.int(),
  requested_at: Timestamp,
  expires_at: Timestamp,
};
const RequestRow = z.discriminatedUnion('status', [
  z.object({ ...base, status: z.literal('pending') }),
  z.object({ ...base, status: z.enum(['approved', 'denied']), decided_at: Timestamp }),
  z.object({ ...base, status: z.enum(['expired', 'withdrawn']), decided_at: Timestamp }),
]);
const ReviewRow = z.object({
  request_id: RequestId,
  reviewer_id: PersonId,
  verdict: z.enum(['approve', 'deny']),
  comment: z.string().nullable(),
  reviewed_at: Timestamp,
});

export function requests(trx: Trx): Requests {
  const select = () => trx.selectFrom('access_request').selectAll('access_request');
  const pending = () => select().where('status', '=', 'pending').orderBy('requested_at').orderBy('access_request.id');
  return {
    byId: async (id) => (await load(trx, select().where('id', '=', id)))[0] ?? null,
    lock: async (id) => (await load(trx, select().where('id', '=', id).forUpdate()))[0] ?? null,
    insert: (request) => insertRequest(trx, request),
    save: (request) => saveRequest(trx, request),
    pendingOf: (person) => load(trx, pending().where('person_id', '=', person)),
    pendingForReviewer: (person) =>
      load(
        trx,
        pending()
          .where('access_request.person_id', '<>', person)
          .where((where) =>
            where.exists(
              where
                .selectFrom('engagement_person')
                .select(sql.lit(1).as('found'))
                .whereRef('engagement_person.engagement_id', '=', 'access_request.engagement_id')
                .where('engagement_person.role', '=', 'reviewer')
                .where('engagement_person.person_id', '=', person),
            ),
          )
          .where((where) =>
            where.not(
              where.exists(
                where
                  .selectFrom('review')
                  .select(sql.lit(1).as('found'))
                  .whereRef('review.request_id', '=', 'access_request.id')
                  .where('review.reviewer_id', '=', person),
              ),
            ),
          ),
      ),
    lockOverdue: (now, limit) =>
      load(
        trx,
        select()
          .where('status', '=', 'pending')
          .where('expires_at', '<=', instant(now))
          .orderBy('expires_at')
          .limit(limit)
          .forUpdate()
          .skipLocked(),
      ),
  };
}

type Select = SelectQueryBuilder<Tables, 'access_request', object>;

async function load(trx: Trx, select: Select): Promise<readonly AccessRequest[]> {
  const rows = (await select.execute()).map((row) => read(RequestRow, 'access_request', row));
  if (rows.length === 0) return [];
  const reviews = await trx
    .selectFrom('review')
    .selectAll()
    .where(
      'request_id',
      'in',
      rows.map((row) => row.id),
    )
    .orderBy('ordinal')
    .execute();
  const parsed = reviews.map((row) => read(ReviewRow, 'review', row));
  return rows.map((row) => toRequest(row, parsed));
}

function toRequest(row: z.output<typeof RequestRow>, allReviews: readonly z.output<typeof ReviewRow>[]): AccessRequest {
  const reviews: Review[] = allReviews
    .filter((review) => review.request_id === row.id)
    .map(({ reviewer_id, verdict, comment, reviewed_at }) => ({
      reviewerId: reviewer_id,
      verdict,
      comment,
      at: reviewed_at,
    }));
  const { id, ask, digest, rule, approvals, requested_at, expires_at } = row;
  const common = { id, ask, digest, rule, approvals, requestedAt: requested_at, expiresAt: expires_at, reviews };
  if (row.status === 'pending') return { ...common, status: row.status };
  if (row.status === 'approved' || row.status === 'denied') {
    return { ...common, status: row.status, decidedAt: row.decided_at };
  }
  return { ...common, status: row.status, decidedAt: row.decided_at };
}

const decidedAt = (request: AccessRequest): string | null =>
  instantOrNull(request.status === 'pending' ? null : request.decidedAt);

async function insertRequest(trx: Trx, request: AccessRequest): Promise<void> {
  await trx
    .insertInto('access_request')
    .values({
      id: request.id,
      engagement_id: request.ask.engagementId,
      person_id: request.ask.personId,
      ask: json(request.ask),
      digest: request.digest,
      rule: text(request.rule),
      approvals: request.approvals,
      requested_at: instant(request.requestedAt),
      expires_at: instant(request.expiresAt),
      status: request.status,
      decided_at: decidedAt(request),
    })
    .execute();
  await insertReviews(trx, request);
}

async function saveRequest(trx: Trx, request: AccessRequest): Promise<void> {
  const result = await trx
    .updateTable('access_request')
    .set({ status: request.status, decided_at: decidedAt(request) })
    .where('id', '=', request.id)
    .executeTakeFirstOrThrow();
  changedOne(result, 'access request');
  await insertReviews(trx, request);
}

/** Reviews are only ever added. */
async function insertReviews(trx: Trx, request: AccessRequest): Promise<void> {
  if (request.reviews.length === 0) return;
  const rows = request.reviews.map((review, ordinal) => ({
    request_id: request.id,
    ordinal,
    reviewer_id: review.reviewerId,
    verdict: review.verdict,
    comment: textOrNull(review.comment),
    reviewed_at: instant(review.at),
  }));
  await trx
    .insertInto('review')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['request_id', 'reviewer_id']).doNothing())
    .execute();
}
