import { type SelectQueryBuilder, sql } from 'kysely';
import { z } from 'zod';
import { ASSURANCES } from '../access/assurance.ts';
import { Digest, EngagementId, Fingerprint, Login, PersonId, RequestId } from '../access/ids.ts';
import type { AccessRequest, Ask, Review } from '../access/request.ts';
import { Scope } from '../access/scopes/scope.ts';
import type { Requests } from '../use-cases/ports/requests.ts';
import { commentsOf, countComments, insertComment } from './comments.ts';
import { changedOne, instant, instantOrNull, json, read, Timestamp, text, textOrNull } from './rows.ts';
import type { Sealing } from './sealing.ts';
import {
  areSealed,
  insertSignatures,
  noteLapses,
  pledgesIn,
  type SignedRows,
  signatureIn,
  signedRows,
  writePledges,
} from './signed-reviews.ts';
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
  keyDemand: z.enum(['fido', 'fido_verified']).exactOptional(),
}) satisfies z.ZodType<Ask>;

const base = {
  id: RequestId,
  ask: StoredAsk,
  digest: Digest,
  rule: z.string(),
  approvals: z.int(),
  assurance: z.enum(ASSURANCES).nullable(),
  requested_at: Timestamp,
  expires_at: Timestamp,
  mac: z.string().nullable(),
};
const RequestRow = z.discriminatedUnion('status', [
  z.object({ ...base, status: z.literal('pending') }),
  z.object({ ...base, status: z.enum(['approved', 'denied']), decided_at: Timestamp }),
  z.object({ ...base, status: z.literal('expired'), decided_at: Timestamp }),
  z.object({
    ...{ ...base, status: z.literal('withdrawn'), decided_at: Timestamp },
    replaced_by: RequestId.nullable(),
  }),
]);
const ReviewRow = z.object({
  request_id: RequestId,
  reviewer_id: PersonId,
  verdict: z.enum(['approve', 'deny']),
  comment: z.string().nullable(),
  reviewed_at: Timestamp,
  mac: z.string().nullable(),
});

/** What was asked, by its digest, and what policy wants for it; how it stands is told by its reviews and the file of decisions. */
const sealedRequest = (
  { id, digest, rule, approvals, requestedAt, expiresAt }: AccessRequest,
  /** As it is stored: null is from before it was sealed. */
  assurance: AccessRequest['assurance'] | null,
): object => ({
  ...{ id, digest, rule, approvals },
  ...(assurance !== null && { assurance }),
  requestedAt: requestedAt.toISOString(),
  expiresAt: expiresAt.toISOString(),
});

/** A signature has a seal of its own: it may come later. */
const sealedReview = (requestId: string, { at, reviewerId, verdict, comment }: Review): object => ({
  ...{ requestId, reviewerId, verdict, comment },
  at: at.toISOString(),
});

const overKey = (id: string): string => `request:${id}`;

export function requests(trx: Trx, sealing: Sealing): Requests {
  const select = () => trx.selectFrom('access_request').selectAll('access_request');
  const pending = () => select().where('status', '=', 'pending').orderBy('requested_at').orderBy('access_request.id');
  return {
    byId: async (id) => (await load(trx, sealing, select().where('id', '=', id)))[0] ?? null,
    lock: async (id) => (await load(trx, sealing, select().where('id', '=', id).forNoKeyUpdate()))[0] ?? null,
    insert: (request) => insertRequest(trx, sealing, request),
    save: (request) => saveRequest(trx, sealing, request),
    pledgedBy: (reviewer) => {
      const own = trx.selectFrom('pledge').select('request_id').where('reviewer_id', '=', reviewer);
      return load(trx, sealing, pending().where('access_request.id', 'in', own));
    },
    noteLapses: (of) => noteLapses(trx, of),
    pendingOf: (person) => load(trx, sealing, pending().where('person_id', '=', person)),
    pendingIn: (engagement) => load(trx, sealing, pending().where('engagement_id', '=', engagement)),
    list({ pending: isPending, limit }) {
      const latest = select().orderBy('requested_at', 'desc').orderBy('access_request.id').limit(limit);
      return load(trx, sealing, isPending ? latest.where('status', '=', 'pending') : latest);
    },
    comments: (id) => commentsOf(trx, sealing, id),
    countComments: (id) => countComments(trx, id),
    comment: (id, comment) => insertComment(trx, sealing, id, comment),
    lastOf: async (person, engagement) => {
      const own = select().where('person_id', '=', person).where('engagement_id', '=', engagement);
      const newest = own.orderBy('requested_at', 'desc').orderBy('access_request.id').limit(1);
      return (await load(trx, sealing, newest))[0] ?? null;
    },
    pendingForReviewer: (person) =>
      load(
        trx,
        sealing,
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
    lockUnreminded: (now, waitedSeconds, limit) =>
      load(
        trx,
        sealing,
        select()
          .where('status', '=', 'pending')
          .where('reminded_at', 'is', null)
          .where(
            sql<boolean>`requested_at + least(make_interval(secs => ${waitedSeconds}), (expires_at - requested_at) / 2) <= ${instant(now)}::timestamptz`,
          )
          .orderBy('requested_at')
          .limit(limit)
          .forNoKeyUpdate()
          .skipLocked(),
      ),
    async reminded(id, at) {
      const set = trx.updateTable('access_request').set({ reminded_at: instant(at) });
      changedOne(await set.where('id', '=', id).executeTakeFirstOrThrow(), 'access request');
    },
    lockOverdue: (now, limit) =>
      load(
        trx,
        sealing,
        select()
          .where('status', '=', 'pending')
          .where('expires_at', '<=', instant(now))
          .orderBy('expires_at')
          .limit(limit)
          .forNoKeyUpdate()
          .skipLocked(),
      ),
  };
}

type Select = SelectQueryBuilder<Tables, 'access_request', object>;

/** One whose seal or whose reviews' seals are broken, or that was decided and waits again, is told of and left out. */
async function load(trx: Trx, sealing: Sealing, select: Select): Promise<readonly AccessRequest[]> {
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
  const signed = await signedRows(
    trx,
    rows.map((row) => row.id),
  );
  return rows.flatMap((row) => {
    const request = toRequest(row, parsed, signed);
    return isWhole(sealing, request, row, parsed) && areSealed(sealing, request, signed) ? [request] : [];
  });
}

function isWhole(
  sealing: Sealing,
  request: AccessRequest,
  { mac, assurance }: z.output<typeof RequestRow>,
  reviews: readonly z.output<typeof ReviewRow>[],
): boolean {
  if (!sealing.holds('request', request.id, sealedRequest(request, assurance), mac)) return false;
  const macOf = (reviewer: string): string | null =>
    reviews.find((each) => each.request_id === request.id && each.reviewer_id === reviewer)?.mac ?? null;
  const isReviewed = request.reviews.every((review) =>
    sealing.holds('review', request.id, sealedReview(request.id, review), macOf(review.reviewerId)),
  );
  if (!isReviewed) return false;
  if (request.status !== 'pending' || !sealing.over(overKey(request.id))) return true;
  sealing.breaks({ what: 'request', id: request.id });
  return false;
}

/** Those from before there were seals, with their reviews. */
export async function sealRequests(trx: Trx, sealing: Sealing): Promise<void> {
  for (const raw of await trx.selectFrom('review').selectAll().where('mac', 'is', null).execute()) {
    const row = read(ReviewRow, 'review', raw);
    const mac = sealing.seal('review', sealedReview(row.request_id, toReview(row)));
    const one = trx.updateTable('review').set({ mac }).where('request_id', '=', row.request_id);
    await one.where('reviewer_id', '=', row.reviewer_id).execute();
  }
  for (const raw of await trx.selectFrom('access_request').selectAll().where('mac', 'is', null).execute()) {
    const row = read(RequestRow, 'access_request', raw);
    const request = toRequest(row, [], { pledges: [], signatures: [] });
    const mac = sealing.seal('request', sealedRequest(request, row.assurance));
    await trx.updateTable('access_request').set({ mac }).where('id', '=', request.id).execute();
  }
}

const toReview = ({ reviewer_id, verdict, comment, reviewed_at }: z.output<typeof ReviewRow>): Review => ({
  reviewerId: reviewer_id,
  verdict,
  comment,
  at: reviewed_at,
});

function toRequest(
  row: z.output<typeof RequestRow>,
  allReviews: readonly z.output<typeof ReviewRow>[],
  signed: SignedRows,
): AccessRequest {
  const reviews = allReviews
    .filter((review) => review.request_id === row.id)
    .map((review): Review => {
      const signature = signatureIn(signed, row.id, review.reviewer_id);
      return { ...toReview(review), ...(signature && { signature }) };
    });
  const { id, ask, digest, rule, approvals, requested_at, expires_at } = row;
  const common = {
    ...{ id, ask, digest, rule, approvals, assurance: row.assurance ?? 'slack' },
    ...{ requestedAt: requested_at, expiresAt: expires_at, reviews, pledges: pledgesIn(signed, row.id) },
  };
  if (row.status === 'pending') return { ...common, status: row.status };
  if (row.status === 'approved' || row.status === 'denied') {
    return { ...common, status: row.status, decidedAt: row.decided_at };
  }
  if (row.status === 'withdrawn') {
    const replaced = row.replaced_by === null ? {} : { replacedBy: row.replaced_by };
    return { ...common, status: row.status, decidedAt: row.decided_at, ...replaced };
  }
  return { ...common, status: row.status, decidedAt: row.decided_at };
}

const replacedBy = (request: AccessRequest): string | null =>
  (request.status === 'withdrawn' && request.replacedBy) || null;

const decidedAt = (request: AccessRequest): string | null =>
  instantOrNull(request.status === 'pending' ? null : request.decidedAt);

async function insertRequest(trx: Trx, sealing: Sealing, request: AccessRequest): Promise<void> {
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
      assurance: request.assurance,
      requested_at: instant(request.requestedAt),
      expires_at: instant(request.expiresAt),
      status: request.status,
      decided_at: decidedAt(request),
      mac: sealing.seal('request', sealedRequest({ ...request, rule: text(request.rule) }, request.assurance)),
      replaced_by: replacedBy(request),
    })
    .execute();
  await insertReviews(trx, sealing, request);
}

async function saveRequest(trx: Trx, sealing: Sealing, request: AccessRequest): Promise<void> {
  const result = await trx
    .updateTable('access_request')
    .set({ status: request.status, decided_at: decidedAt(request), replaced_by: replacedBy(request) })
    .where('id', '=', request.id)
    .executeTakeFirstOrThrow();
  changedOne(result, 'access request');
  await insertReviews(trx, sealing, request);
  await insertSignatures(trx, sealing, request);
  await writePledges(trx, sealing, request);
  if (request.status !== 'pending')
    sealing.end({ key: overKey(request.id), until: request.expiresAt.toISOString(), end: null });
}

/** Reviews are only ever added. */
async function insertReviews(trx: Trx, sealing: Sealing, request: AccessRequest): Promise<void> {
  if (request.reviews.length === 0) return;
  const rows = request.reviews.map((review, ordinal) => ({
    request_id: request.id,
    ordinal,
    reviewer_id: review.reviewerId,
    verdict: review.verdict,
    comment: textOrNull(review.comment),
    reviewed_at: instant(review.at),
    mac: sealing.seal('review', sealedReview(request.id, { ...review, comment: textOrNull(review.comment) })),
  }));
  await trx
    .insertInto('review')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['request_id', 'reviewer_id']).doNothing())
    .execute();
}
