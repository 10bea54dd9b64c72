import { z } from 'zod';
import { RequestId } from '../access/ids.ts';
import { type AccessRequest, approves, isExpired, RULE_BREAK } from '../access/request.ts';
import type { Tx } from '../use-cases/ports/store.ts';

export const RequestRow = z.strictObject({
  id: RequestId,
  state: z.enum(['pending', 'approved', 'denied', 'expired', 'withdrawn']),
  person: z.string(),
  engagement: z.string(),
  targets: z.array(z.string()),
  login: z.string(),
  scope: z.string(),
  seconds: z.int(),
  approvals: z.int(),
  approvalsNeeded: z.int(),
  requestedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});
export type RequestRow = z.infer<typeof RequestRow>;

export const RequestShown = RequestRow.extend({
  reason: z.string(),
  ticket: z.string().nullable(),
  rules: z.array(z.string()),
  keys: z.array(z.string()),
  digest: z.string(),
  decidedAt: z.iso.datetime().nullable(),
  reviews: z.array(
    z.strictObject({
      reviewer: z.string(),
      verdict: z.enum(['approve', 'deny']),
      comment: z.string().nullable(),
      at: z.iso.datetime(),
    }),
  ),
});
export type RequestShown = z.infer<typeof RequestShown>;

type Parts = 'requests' | 'persons' | 'engagements';

export async function listRequests(
  tx: Tx<Parts>,
  { all, limit }: { readonly all: boolean; readonly limit: number },
  now: Date,
): Promise<RequestRow[]> {
  const rows: RequestRow[] = [];
  for (const request of await tx.requests.list({ pending: !all, limit })) {
    if (all || !isExpired(request, now)) rows.push(await rowOf(tx, request, now));
  }
  return rows;
}

export async function showRequest(tx: Tx<Parts>, id: RequestId, now: Date): Promise<RequestShown | null> {
  const request = await tx.requests.byId(id);
  if (!request) return null;
  const { ask, rule, digest, reviews } = request;
  const names = await tx.persons.names([...new Set(reviews.map(({ reviewerId }) => reviewerId))]);
  return {
    ...(await rowOf(tx, request, now)),
    ...{
      reason: ask.reason,
      ticket: ask.ticket,
      rules: rule.split(RULE_BREAK),
      keys: [...ask.keyFingerprints],
      digest,
    },
    decidedAt: request.status === 'pending' ? null : request.decidedAt.toISOString(),
    reviews: reviews.map(({ reviewerId, verdict, comment, at }) => ({
      ...{ reviewer: names.get(reviewerId) ?? reviewerId, verdict, comment, at: at.toISOString() },
    })),
  };
}

async function rowOf(tx: Tx<Parts>, request: AccessRequest, now: Date): Promise<RequestRow> {
  const { id, ask, status, reviews, approvals } = request;
  return {
    ...{ id, state: isExpired(request, now) ? 'expired' : status, person: await tx.persons.name(ask.personId) },
    engagement: (await tx.engagements.byId(ask.engagementId))?.name ?? ask.engagementId,
    ...{ targets: ask.targets.map((target) => target.id), login: ask.login, scope: ask.scope.name },
    ...{ seconds: ask.durationSeconds, approvalsNeeded: approvals },
    approvals: reviews.filter((each) => approves(each, request)).length,
    ...{ requestedAt: request.requestedAt.toISOString(), expiresAt: request.expiresAt.toISOString() },
  };
}
