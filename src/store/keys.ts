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
});
const CodeRow = z.object({
  code_digest: Digest,
  person_id: PersonId,
  expires_at: Timestamp,
  used_at: Timestamp.nullable(),
});

function toKey(row: object): RegisteredKey {
  const { fingerprint, public_key, person_id, registered_at } = read(KeyRow, 'registered_key', row);
  return { fingerprint, publicKey: public_key, personId: person_id, registeredAt: registered_at };
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
  async insert({ fingerprint, publicKey, personId, registeredAt }) {
    const row = { fingerprint, public_key: text(publicKey), person_id: personId, registered_at: instant(registeredAt) };
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
