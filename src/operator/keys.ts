import { z } from 'zod';
import { Fingerprint } from '../access/ids.ts';
import type { RegisteredKey } from '../access/person.ts';
import type { Tx } from '../use-cases/ports/store.ts';

export const KeyRow = z.strictObject({
  fingerprint: Fingerprint,
  type: z.string(),
  person: z.string(),
  registeredAt: z.iso.datetime(),
  retiredAt: z.iso.datetime().nullable(),
});
export type KeyRow = z.infer<typeof KeyRow>;

export async function keyRows(tx: Tx<'persons'>, keys: readonly RegisteredKey[]): Promise<KeyRow[]> {
  const names = await tx.persons.names([...new Set(keys.map((key) => key.personId))]);
  return keys.map(({ fingerprint, publicKey, personId, registeredAt, retiredAt }) => ({
    ...{ fingerprint, type: publicKey.split(' ')[0] ?? '', person: names.get(personId) ?? personId },
    ...{ registeredAt: registeredAt.toISOString(), retiredAt: retiredAt?.toISOString() ?? null },
  }));
}
