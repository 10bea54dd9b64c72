import type { Digest, Fingerprint, PersonId } from '../../access/ids.ts';
import type { RegisteredKey, RegistrationCode } from '../../access/person.ts';
import type { RegistryEntry } from '../../access/registry-entry.ts';

export type Keys = {
  /** In use, the newest last. */
  ofPerson(id: PersonId): Promise<readonly RegisteredKey[]>;
  /** False where it was retired before. */
  retire(fingerprint: Fingerprint, at: Date, by: PersonId | null): Promise<boolean>;
  retiredAmong(fingerprints: readonly Fingerprint[]): Promise<ReadonlySet<Fingerprint>>;
  /** Of everybody, retired ones too, the newest first. */
  list(limit: number): Promise<readonly RegisteredKey[]>;
  /** Also a retired one. */
  byFingerprint(fingerprint: Fingerprint): Promise<RegisteredKey | null>;
  insert(key: Omit<RegisteredKey, 'retiredAt'>): Promise<void>;
  insertCode(code: RegistrationCode): Promise<void>;
  /** Keys and codes as their rows are, whatever their seals say: nothing may be decided by it. The newest of each, the oldest first. */
  registry(max: RegistryMax): Promise<RegistryEntry[]>;
  /** Locks the code's row until the transaction ends. */
  lockCode(digest: Digest): Promise<RegistrationCode | null>;
  useCode(digest: Digest, at: Date): Promise<void>;
  /** Deletes codes that ran out before then; returns how many, at most `limit`. */
  forgetCodes(before: Date, limit: number): Promise<number>;
};

export type RegistryMax = { readonly keys: number; readonly codes: number };
