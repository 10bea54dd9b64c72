import { z } from 'zod';
import { Digest, Fingerprint } from './ids.ts';

/** A key or a registration code as its row is now. */
export const RegistryEntry = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('key'), fingerprint: Fingerprint, isRetired: z.boolean() }),
  /** `until` is in milliseconds since the epoch; 0 once it was used. */
  z.strictObject({ kind: z.literal('code'), digest: Digest, until: z.int().nonnegative() }),
]);
export type RegistryEntry = Readonly<z.infer<typeof RegistryEntry>>;
