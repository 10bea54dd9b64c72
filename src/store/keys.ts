import { z } from 'zod';
import { Digest, Fingerprint, PersonId } from '../access/ids.ts';
import type { RegisteredKey, RegistrationCode } from '../access/person.ts';
import type { RegistryEntry } from '../access/registry-entry.ts';
import type { Keys } from '../use-cases/ports/keys.ts';
import { changedOne, instant, instantOrNull, read, Timestamp, text } from './rows.ts';
import type { Sealing } from './sealing.ts';
import type { Trx } from './tables.ts';

const KeyRow = z.object({
  fingerprint: Fingerprint,
  public_key: z.string(),
  person_id: PersonId,
  registered_at: Timestamp,
  retired_at: Timestamp.nullable(),
  mac: z.string().nullable(),
});
const CodeRow = z.object({
  code_digest: Digest,
  person_id: PersonId,
  expires_at: Timestamp,
  used_at: Timestamp.nullable(),
  mac: z.string().nullable(),
});

const sealedKey = ({ fingerprint, publicKey, personId, registeredAt }: RegisteredKey): object => ({
  fingerprint,
  publicKey,
  personId,
  registeredAt: registeredAt.toISOString(),
});
const sealedCode = ({ codeDigest, personId, expiresAt }: RegistrationCode): object => ({
  codeDigest,
  personId,
  expiresAt: expiresAt.toISOString(),
});
const overKey = (digest: string): string => `code:${digest}`;
const retiredKey = (fingerprint: string): string => `key:${fingerprint}`;
/** A retired key is never anybody's again. */
const FOR_GOOD = '9999-12-01T00:00:00.000Z';

/** One whose seal is broken was never proved: it is told of, and nobody's. */
function toKey(row: object, sealing: Sealing): RegisteredKey[] {
  const { fingerprint, public_key, person_id, registered_at, retired_at, mac } = read(KeyRow, 'registered_key', row);
  const key = {
    fingerprint,
    publicKey: public_key,
    personId: person_id,
    registeredAt: registered_at,
    retiredAt: retired_at,
  };
  if (!sealing.holds('key', fingerprint, sealedKey(key), mac)) return [];
  const remembered = retired_at === null ? sealing.over(retiredKey(fingerprint)) : null;
  if (!remembered) return [key];
  sealing.breaks({ what: 'key', id: fingerprint });
  return [];
}

function toCode(row: object, sealing: Sealing): RegistrationCode | null {
  const { code_digest, person_id, expires_at, used_at, mac } = read(CodeRow, 'registration_code', row);
  const code = { codeDigest: code_digest, personId: person_id, expiresAt: expires_at, usedAt: used_at };
  if (!sealing.holds('code', code_digest, sealedCode(code), mac)) return null;
  if (used_at !== null || !sealing.over(overKey(code_digest))) return code;
  sealing.breaks({ what: 'code', id: code_digest });
  return null;
}

function toKeyEntry(row: object): RegistryEntry {
  const { fingerprint, retired_at } = read(KeyRow.pick({ fingerprint: true, retired_at: true }), 'registered_key', row);
  return { kind: 'key', fingerprint, isRetired: retired_at !== null };
}

function toCodeEntry(row: object): RegistryEntry {
  const columns = CodeRow.pick({ code_digest: true, expires_at: true, used_at: true });
  const { code_digest, expires_at, used_at } = read(columns, 'registration_code', row);
  return { kind: 'code', digest: code_digest, until: used_at ? 0 : expires_at.getTime() };
}

/** Those from before there were seals; codes are asked for anew. */
export async function sealKeys(trx: Trx, sealing: Sealing): Promise<void> {
  for (const raw of await trx.selectFrom('registered_key').selectAll().where('mac', 'is', null).execute()) {
    const { fingerprint, public_key, person_id, registered_at } = read(KeyRow, 'registered_key', raw);
    const key = {
      fingerprint,
      publicKey: public_key,
      personId: person_id,
      registeredAt: registered_at,
      retiredAt: null,
    };
    const mac = sealing.seal('key', sealedKey(key));
    await trx.updateTable('registered_key').set({ mac }).where('fingerprint', '=', fingerprint).execute();
  }
}

/** `changed` is told of each row that is written. */
export const keys = (trx: Trx, sealing: Sealing, changed: (entry: RegistryEntry) => void): Keys => ({
  async ofPerson(id) {
    const rows = await trx
      .selectFrom('registered_key')
      .selectAll()
      .where('person_id', '=', id)
      .where('retired_at', 'is', null)
      .orderBy('registered_at')
      .orderBy('fingerprint')
      .execute();
    return rows.flatMap((row) => toKey(row, sealing));
  },
  async byFingerprint(fingerprint) {
    const row = await trx
      .selectFrom('registered_key')
      .selectAll()
      .where('fingerprint', '=', fingerprint)
      .executeTakeFirst();
    return row ? (toKey(row, sealing)[0] ?? null) : null;
  },
  async retire(fingerprint, at, by) {
    const retired = await trx
      .updateTable('registered_key')
      .set({ retired_at: instant(at), retired_by: by })
      .where('fingerprint', '=', fingerprint)
      .where('retired_at', 'is', null)
      .returning('fingerprint')
      .execute();
    if (retired.length !== 1) return false;
    sealing.end({ key: retiredKey(fingerprint), until: FOR_GOOD, end: null });
    changed({ kind: 'key', fingerprint, isRetired: true });
    return true;
  },
  async retiredAmong(fingerprints) {
    if (fingerprints.length === 0) return new Set();
    const rows = await trx
      .selectFrom('registered_key')
      .select('fingerprint')
      .where('fingerprint', 'in', fingerprints)
      .where('retired_at', 'is not', null)
      .execute();
    const remembered = fingerprints.filter((each) => sealing.over(retiredKey(each)));
    return new Set([...remembered, ...rows.map((row) => Fingerprint.parse(row.fingerprint))]);
  },
  async list(limit) {
    const rows = await trx
      .selectFrom('registered_key')
      .selectAll()
      .orderBy('registered_at', 'desc')
      .orderBy('fingerprint')
      .limit(limit)
      .execute();
    return rows.flatMap((row) => toKey(row, sealing));
  },
  async registry(max) {
    const keyRows = await trx
      .selectFrom('registered_key')
      .select(['fingerprint', 'retired_at'])
      .orderBy('registered_at', 'desc')
      .orderBy('fingerprint')
      .limit(max.keys)
      .execute();
    const codeRows = await trx
      .selectFrom('registration_code')
      .select(['code_digest', 'expires_at', 'used_at'])
      .orderBy('expires_at', 'desc')
      .orderBy('code_digest')
      .limit(max.codes)
      .execute();
    return [...keyRows.reverse().map(toKeyEntry), ...codeRows.reverse().map(toCodeEntry)];
  },
  async insert({ fingerprint, publicKey, personId, registeredAt }) {
    const key = { fingerprint, publicKey: text(publicKey), personId, registeredAt, retiredAt: null };
    const mac = sealing.seal('key', sealedKey(key));
    const row = {
      ...{ fingerprint, public_key: key.publicKey, person_id: personId },
      ...{ registered_at: instant(registeredAt), mac },
      ...{ retired_at: null, retired_by: null },
    };
    await trx.insertInto('registered_key').values(row).execute();
    changed({ kind: 'key', fingerprint, isRetired: false });
  },
  async insertCode({ codeDigest, personId, expiresAt, usedAt }) {
    const times = { expires_at: instant(expiresAt), used_at: instantOrNull(usedAt) };
    const mac = sealing.seal('code', sealedCode({ codeDigest, personId, expiresAt, usedAt }));
    await trx
      .insertInto('registration_code')
      .values({ code_digest: codeDigest, person_id: personId, ...times, mac })
      .execute();
    changed({ kind: 'code', digest: codeDigest, until: usedAt ? 0 : expiresAt.getTime() });
  },
  async lockCode(digest) {
    const row = await trx
      .selectFrom('registration_code')
      .selectAll()
      .where('code_digest', '=', digest)
      .forNoKeyUpdate()
      .executeTakeFirst();
    return row ? toCode(row, sealing) : null;
  },
  async useCode(digest, at) {
    const used = await trx
      .updateTable('registration_code')
      .set({ used_at: instant(at) })
      .where('code_digest', '=', digest)
      .where('used_at', 'is', null)
      .returning('expires_at')
      .execute();
    changedOne({ numUpdatedRows: BigInt(used.length) }, 'registration code');
    const until = Timestamp.parse(used[0]?.expires_at ?? instant(at));
    sealing.end({ key: overKey(digest), until: instant(until), end: null });
    changed({ kind: 'code', digest, until: 0 });
  },
  async forgetCodes(before, limit) {
    const old = trx
      .selectFrom('registration_code')
      .select('code_digest')
      .where('expires_at', '<', instant(before))
      .limit(limit);
    const result = await trx.deleteFrom('registration_code').where('code_digest', 'in', old).executeTakeFirst();
    return Number(result.numDeletedRows);
  },
});
