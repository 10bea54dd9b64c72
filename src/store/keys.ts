import { z } from 'zod';
import { Digest, Fingerprint, PersonId } from '../access/ids.ts';
import type { RegisteredKey, RegistrationCode } from '../access/person.ts';
import type { Keys } from '../use-cases/ports.ts';
import { changedOne, instant, instantOrNull, read, Timestamp, text } from './rows.ts';
import type { Trx } from './tables.ts';

const KeyRow = z.object({
  fingerprint: Fingerprint,
  public_key: z.string(),
  person_id: PersonId,
  registered_at: Timestamp,
  retired_at: Timestamp.nullable(),
});
const CodeRow = z.object({
  code_digest: Digest,
  person_id: PersonId,
  expires_at: Timestamp,
  used_at: Timestamp.nullable(),
});

function toKey(row: object): RegisteredKey {
  const { fingerprint, public_key, person_id, registered_at, retired_at } = read(KeyRow, 'registered_key', row);
  return {
    ...{ fingerprint, publicKey: public_key, personId: person_id },
    ...{ registeredAt: registered_at, retiredAt: retired_at },
  };
}

function toCode(row: object): RegistrationCode {
  const { code_digest, person_id, expires_at, used_at } = read(CodeRow, 'registration_code', row);
  return { codeDigest: code_digest, personId: person_id, expiresAt: expires_at, usedAt: used_at };
}

export const keys = (trx: Trx): Keys => ({
  async ofPerson(id) {
    const rows = await trx
      .selectFrom('registered_key')
      .selectAll()
      .where('person_id', '=', id)
      .where('retired_at', 'is', null)
      .orderBy('registered_at')
      .orderBy('fingerprint')
      .execute();
    return rows.map(toKey);
  },
  async byFingerprint(fingerprint) {
    const row = await trx
      .selectFrom('registered_key')
      .selectAll()
      .where('fingerprint', '=', fingerprint)
      .executeTakeFirst();
    return row ? toKey(row) : null;
  },
  async retire(fingerprint, at, by) {
    const retired = await trx
      .updateTable('registered_key')
      .set({ retired_at: instant(at), retired_by: by })
      .where('fingerprint', '=', fingerprint)
      .where('retired_at', 'is', null)
      .returning('fingerprint')
      .execute();
    return retired.length === 1;
  },
  async retiredAmong(fingerprints) {
    if (fingerprints.length === 0) return new Set();
    const rows = await trx
      .selectFrom('registered_key')
      .select('fingerprint')
      .where('fingerprint', 'in', fingerprints)
      .where('retired_at', 'is not', null)
      .execute();
    return new Set(rows.map((row) => Fingerprint.parse(row.fingerprint)));
  },
  async list(limit) {
    const rows = await trx
      .selectFrom('registered_key')
      .selectAll()
      .orderBy('registered_at', 'desc')
      .orderBy('fingerprint')
      .limit(limit)
      .execute();
    return rows.map(toKey);
  },
  async insert({ fingerprint, publicKey, personId, registeredAt }) {
    const row = {
      ...{ fingerprint, public_key: text(publicKey), person_id: personId, registered_at: instant(registeredAt) },
      ...{ retired_at: null, retired_by: null },
    };
    await trx.insertInto('registered_key').values(row).execute();
  },
  async insertCode({ codeDigest, personId, expiresAt, usedAt }) {
    const times = { expires_at: instant(expiresAt), used_at: instantOrNull(usedAt) };
    await trx
      .insertInto('registration_code')
      .values({ code_digest: codeDigest, person_id: personId, ...times })
      .execute();
  },
  async lockCode(digest) {
    const row = await trx
      .selectFrom('registration_code')
      .selectAll()
      .where('code_digest', '=', digest)
      .forUpdate()
      .executeTakeFirst();
    return row ? toCode(row) : null;
  },
  async useCode(digest, at) {
    const result = await trx
      .updateTable('registration_code')
      .set({ used_at: instant(at) })
      .where('code_digest', '=', digest)
      .where('used_at', 'is', null)
      .executeTakeFirstOrThrow();
    changedOne(result, 'registration code');
  },
});
