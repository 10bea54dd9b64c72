import { z } from 'zod';
import type { GrantTerms } from '../access/grant.ts';
import { Digest, EngagementId, Fingerprint, Login, PersonId, TargetId } from '../access/ids.ts';
import { Scope } from '../access/scopes/scope.ts';
import type { TargetPin as Pin } from '../access/target.ts';

export const TargetPin = z.strictObject({
  id: TargetId,
  address: z.string(),
  port: z.int(),
  hostKeys: z.array(z.string()),
}) satisfies z.ZodType<Pin>;

/** Strict, so that nothing a digest covers is dropped on the way. */
export const StoredTerms = z.strictObject({
  requestDigest: Digest,
  engagementId: EngagementId,
  personId: PersonId,
  targets: z.array(TargetPin),
  login: Login,
  scope: Scope,
  notBefore: z.iso.datetime(),
  notAfter: z.iso.datetime(),
  keyFingerprints: z.array(Fingerprint),
  keyDemand: z.enum(['fido', 'fido_verified']).exactOptional(),
}) satisfies z.ZodType<GrantTerms>;
