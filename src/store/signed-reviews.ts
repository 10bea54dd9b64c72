import { z } from 'zod';
import { Fingerprint, PersonId, RequestId } from '../access/ids.ts';
import type { Pledge, ReviewSignature } from '../access/pledge.ts';
import type { AccessRequest, Review } from '../access/request.ts';
import { instant, read, Timestamp } from './rows.ts';
import type { Sealing } from './sealing.ts';
import type { Trx } from './tables.ts';

const PledgeRow = z.object({
  request_id: RequestId,
  reviewer_id: PersonId,
  pledged_at: Timestamp,
  mac: z.string(),
});
const SignatureRow = z.object({
  request_id: RequestId,
  reviewer_id: PersonId,
  signed_at: Timestamp,
  fingerprint: Fingerprint,
  public_key: z.string(),
  signed: z.string(),
  signature: z.string(),
  mac: z.string(),
});

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

type Asked = Pick<AccessRequest, 'id' | 'digest'>;

const sealedPledge = ({ id, digest }: Asked, { reviewerId, at }: Pledge): object => ({
  ...{ requestId: id, digest, reviewerId },
  at: at.toISOString(),
});

const sealedSignature = (
  { id, digest }: Asked,
  reviewerId: PersonId,
  { at, signed, signature, ...key }: ReviewSignature,
): object => ({
  ...{ requestId: id, digest, reviewerId, ...key, signed: base64(signed), signature: base64(signature) },
  at: at.toISOString(),
});

/** What reviewers pledged and signed, of some requests. */
export type SignedRows = {
  readonly pledges: readonly z.output<typeof PledgeRow>[];
  /** Of one reviewer's the latest last. */
  readonly signatures: readonly z.output<typeof SignatureRow>[];
};

export async function signedRows(trx: Trx, ids: readonly RequestId[]): Promise<SignedRows> {
  const pledges = await trx
    .selectFrom('pledge')
    .selectAll()
    .where('request_id', 'in', ids)
    .orderBy('pledged_at')
    .orderBy('reviewer_id')
    .execute();
  const signatures = await trx
    .selectFrom('review_signature')
    .selectAll()
    .where('request_id', 'in', ids)
    .orderBy('signed_at')
    .execute();
  return {
    pledges: pledges.map((row) => read(PledgeRow, 'pledge', row)),
    signatures: signatures.map((row) => read(SignatureRow, 'review_signature', row)),
  };
}

export const pledgesIn = ({ pledges }: SignedRows, id: RequestId): Pledge[] =>
  pledges.filter((row) => row.request_id === id).map((row) => ({ reviewerId: row.reviewer_id, at: row.pledged_at }));

export function signatureIn({ signatures }: SignedRows, id: RequestId, reviewer: PersonId): ReviewSignature | null {
  const row = signatures.findLast((each) => each.request_id === id && each.reviewer_id === reviewer);
  return row ? toSignature(row) : null;
}

const toSignature = (row: z.output<typeof SignatureRow>): ReviewSignature => ({
  ...{ fingerprint: row.fingerprint, publicKey: row.public_key },
  ...{ signed: bytesOf(row.signed), signature: bytesOf(row.signature) },
  at: row.signed_at,
});

/** Whether none of them was written by somebody else. */
export const areSealed = (sealing: Sealing, request: Asked, { pledges, signatures }: SignedRows): boolean =>
  pledges
    .filter((row) => row.request_id === request.id)
    .every(({ reviewer_id: reviewerId, pledged_at: at, mac }) =>
      sealing.holds('pledge', request.id, sealedPledge(request, { reviewerId, at }), mac),
    ) &&
  signatures
    .filter((row) => row.request_id === request.id)
    .every((row) =>
      sealing.holds('signature', request.id, sealedSignature(request, row.reviewer_id, toSignature(row)), row.mac),
    );

/** Exactly those that the request has: one that was renewed has another time, and one that was signed is gone. */
export async function writePledges(trx: Trx, sealing: Sealing, request: AccessRequest): Promise<void> {
  const stale = trx.deleteFrom('pledge').where('request_id', '=', request.id);
  const kept = request.pledges.map((pledge) => pledge.reviewerId);
  await (kept.length === 0 ? stale : stale.where('reviewer_id', 'not in', kept)).execute();
  for (const pledge of request.pledges) {
    const values = { pledged_at: instant(pledge.at), mac: sealing.seal('pledge', sealedPledge(request, pledge)) };
    await trx
      .insertInto('pledge')
      .values({ request_id: request.id, reviewer_id: pledge.reviewerId, lapse_noted_at: null, ...values })
      .onConflict((conflict) =>
        conflict
          .columns(['request_id', 'reviewer_id'])
          .doUpdateSet({ ...values, lapse_noted_at: null })
          .where('pledge.pledged_at', '<>', values.pledged_at),
      )
      .execute();
  }
}

/** Signatures are only ever added. */
export async function insertSignatures(trx: Trx, sealing: Sealing, request: AccessRequest): Promise<void> {
  const rows = request.reviews.flatMap(({ reviewerId, signature }: Review) => {
    if (!signature) return [];
    const { fingerprint, publicKey, signed, signature: made, at } = signature;
    return {
      ...{ request_id: request.id, reviewer_id: reviewerId, signed_at: instant(at) },
      ...{ fingerprint, public_key: publicKey, signed: base64(signed), signature: base64(made) },
      mac: sealing.seal('signature', sealedSignature(request, reviewerId, signature)),
    };
  });
  if (rows.length === 0) return;
  await trx
    .insertInto('review_signature')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['request_id', 'reviewer_id', 'signed_at']).doNothing())
    .execute();
}

/** Pledges of waiting requests that ran out, each once. */
export async function noteLapses(
  trx: Trx,
  { before, now, limit }: { readonly before: Date; readonly now: Date; readonly limit: number },
): Promise<readonly { readonly requestId: RequestId; readonly reviewerId: PersonId }[]> {
  const over = await trx
    .selectFrom('pledge')
    .select(['request_id', 'reviewer_id'])
    .where('lapse_noted_at', 'is', null)
    .where('pledged_at', '<=', instant(before))
    .orderBy('pledged_at')
    .limit(limit)
    .forUpdate()
    .skipLocked()
    .execute();
  for (const { request_id, reviewer_id } of over) {
    const one = trx
      .updateTable('pledge')
      .set({ lapse_noted_at: instant(now) })
      .where('request_id', '=', request_id);
    await one.where('reviewer_id', '=', reviewer_id).execute();
  }
  return over.map((row) => ({
    requestId: RequestId.parse(row.request_id),
    reviewerId: PersonId.parse(row.reviewer_id),
  }));
}
