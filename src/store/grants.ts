import { z } from 'zod';
import type { Grant, GrantEnd } from '../access/grant.ts';
import { expiresAt, startsAt } from '../access/grant.ts';
import { Digest, Fingerprint, GrantId, PersonId, RequestId } from '../access/ids.ts';
import type { IssuedCertificate } from '../use-cases/ports/authority.ts';
import type { Grants } from '../use-cases/ports/grants.ts';
import { changedOne, instant, instantOrNull, json, read, Timestamp, text, textOrNull } from './rows.ts';
import type { Sealing } from './sealing.ts';
import type { Trx } from './tables.ts';
import { StoredTerms } from './terms.ts';

const base = {
  id: GrantId,
  request_id: RequestId,
  terms: StoredTerms,
  digest: Digest,
  mac: z.string(),
  expiry_noted_at: Timestamp.nullable(),
};
const GrantRow = z.union([
  z.object({ ...base, ended_how: z.null() }),
  z.object({
    ...base,
    ended_how: z.enum(['revoked', 'returned']),
    ended_at: Timestamp,
    ended_by: PersonId.nullable(),
    end_comment: z.string().nullable(),
  }),
]);
const OpenRow = z.object({ id: GrantId, not_after: Timestamp });
const CertificateRow = z.object({
  serial: z.string(),
  key_id: z.string(),
  fingerprint: Fingerprint,
  certificate: z.string(),
  issued_at: Timestamp,
});

const overKey = (id: string): string => `grant:${id}`;

/** An end counts wherever it is written: one that only the file of decisions has was taken out of the row. */
function toGrant(raw: object, sealing: Sealing): Grant {
  const row = read(GrantRow, 'access_grant', raw);
  const { id, request_id, terms, digest, mac } = row;
  const end =
    row.ended_how === null
      ? null
      : { how: row.ended_how, at: row.ended_at, by: row.ended_by, comment: row.end_comment };
  const grant = { id, requestId: request_id, terms, digest, mac, expiredAt: row.expiry_noted_at };
  return { ...grant, end: end ?? rememberedEnd(id, sealing), ...(sealing.suspended && { suspended: true as const }) };
}

function rememberedEnd(id: GrantId, sealing: Sealing): GrantEnd | null {
  const end = sealing.over(overKey(id))?.end;
  if (!end) return null;
  sealing.breaks({ what: 'grant', id });
  return { how: end.how, at: new Date(end.at), by: end.by === null ? null : PersonId.parse(end.by), comment: null };
}

function toCertificate(raw: object): IssuedCertificate {
  const { serial, key_id, fingerprint, certificate, issued_at } = read(CertificateRow, 'certificate', raw);
  return { serial, keyId: key_id, fingerprint, certificate, issuedAt: issued_at };
}

export function grants(trx: Trx, sealing: Sealing): Grants {
  const select = () => trx.selectFrom('access_grant').selectAll();
  const one = async (query: ReturnType<typeof select>) => {
    const row = await query.executeTakeFirst();
    return row ? toGrant(row, sealing) : null;
  };
  return {
    byId: (id) => one(select().where('id', '=', id)),
    lock: (id) => one(select().where('id', '=', id).forNoKeyUpdate()),
    byRequest: (id) => one(select().where('request_id', '=', id)),
    insert(grant) {
      sealing.change();
      return insertGrant(trx, grant);
    },
    async end(id, { how, at, by, comment }) {
      const ended = await trx
        .updateTable('access_grant')
        .set({ ended_how: how, ended_at: instant(at), ended_by: by, end_comment: textOrNull(comment) })
        .where('id', '=', id)
        .where('ended_at', 'is', null)
        .returningAll()
        .execute();
      const [row] = ended;
      changedOne({ numUpdatedRows: BigInt(ended.length) }, 'grant that has not ended');
      const until = row ? toGrant(row, sealing).terms.notAfter : instant(at);
      sealing.end({ key: overKey(id), until, end: { how, at: at.toISOString(), by } });
    },
    async ofPerson(id) {
      const rows = await select().where('person_id', '=', id).orderBy('not_before').orderBy('id').execute();
      return rows.map((row) => toGrant(row, sealing));
    },
    async ofEngagement(id) {
      const rows = await select().where('engagement_id', '=', id).orderBy('not_before').orderBy('id').execute();
      return rows.map((row) => toGrant(row, sealing));
    },
    async list({ activeAt, limit }) {
      let query = select().orderBy('not_before', 'desc').orderBy('id').limit(limit);
      if (activeAt) {
        query = query
          .where('ended_at', 'is', null)
          .where('expiry_noted_at', 'is', null)
          .where('not_before', '<=', instant(activeAt))
          .where('not_after', '>', instant(activeAt));
      }
      const found = (await query.execute()).map((row) => toGrant(row, sealing));
      return activeAt ? found.filter((grant) => grant.end === null) : found;
    },
    async activeIn(id, at) {
      const rows = await select()
        .where('engagement_id', '=', id)
        .where('ended_at', 'is', null)
        .where('expiry_noted_at', 'is', null)
        .where('not_before', '<=', instant(at))
        .where('not_after', '>', instant(at))
        .orderBy('not_after')
        .orderBy('id')
        .execute();
      return rows.map((row) => toGrant(row, sealing)).filter((grant) => grant.end === null);
    },
    async open() {
      const rows = await trx
        .selectFrom('access_grant')
        .select(['id', 'not_after'])
        .where('ended_at', 'is', null)
        .where('expiry_noted_at', 'is', null)
        .orderBy('not_after')
        .execute();
      return rows.map((row) => {
        const { id, not_after } = read(OpenRow, 'access_grant', row);
        return { id, expiresAt: not_after };
      });
    },
    async lockOpen(ids) {
      if (ids.length === 0) return [];
      const rows = await select()
        .where('id', 'in', ids)
        .where('ended_at', 'is', null)
        .where('expiry_noted_at', 'is', null)
        .orderBy('not_after')
        .forNoKeyUpdate()
        .skipLocked()
        .execute();
      return rows.map((row) => toGrant(row, sealing));
    },
    async noteExpiry(id, at) {
      const result = await trx
        .updateTable('access_grant')
        .set({ expiry_noted_at: instant(at) })
        .where('id', '=', id)
        .executeTakeFirstOrThrow();
      changedOne(result, 'grant');
    },
    insertCertificate: (grantId, certificate) => insertCertificate(trx, grantId, certificate),
    async certificates(id) {
      const rows = await trx
        .selectFrom('certificate')
        .selectAll()
        .where('grant_id', '=', id)
        .orderBy('issued_at')
        .orderBy('serial')
        .execute();
      return rows.map(toCertificate);
    },
  };
}

async function insertGrant(trx: Trx, grant: Grant): Promise<void> {
  const { terms, end } = grant;
  await trx
    .insertInto('access_grant')
    .values({
      id: grant.id,
      request_id: grant.requestId,
      engagement_id: terms.engagementId,
      person_id: terms.personId,
      not_before: instant(startsAt(grant)),
      not_after: instant(expiresAt(grant)),
      terms: json(terms),
      digest: grant.digest,
      mac: text(grant.mac),
      ended_how: end?.how ?? null,
      ended_at: instantOrNull(end?.at ?? null),
      ended_by: end?.by ?? null,
      end_comment: textOrNull(end?.comment ?? null),
      expiry_noted_at: instantOrNull(grant.expiredAt),
    })
    .execute();
}

async function insertCertificate(trx: Trx, grantId: GrantId | null, issued: IssuedCertificate): Promise<void> {
  await trx
    .insertInto('certificate')
    .values({
      serial: issued.serial,
      grant_id: grantId,
      key_id: text(issued.keyId),
      fingerprint: issued.fingerprint,
      certificate: issued.certificate,
      issued_at: instant(issued.issuedAt),
    })
    .execute();
}
