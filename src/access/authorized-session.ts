import { z } from 'zod';
import type { Running } from './grant.ts';
import { Digest, EngagementId, Fingerprint, GrantId, Login, PersonId, SessionId, TargetId } from './ids.ts';
import { Scope } from './scopes/scope.ts';
import { TargetAlgorithms } from './target.ts';

/** All that a worker may know of a session that it carries. */
export const AuthorizedSession = z.strictObject({
  id: SessionId,
  grantId: GrantId,
  grantDigest: Digest,
  engagementId: EngagementId,
  personId: PersonId,
  keyFingerprint: Fingerprint,
  targetId: TargetId,
  /** What people call it. */
  targetName: z.string(),
  address: z.string(),
  port: z.int(),
  /** `<type> <base64>` lines; any other host key is refused. */
  hostKeys: z.array(z.string()).readonly(),
  algorithms: TargetAlgorithms,
  login: Login,
  scope: Scope,
  endsAt: z.date(),
  /** `ssh-ed25519-cert-v01@openssh.com <base64>` for the worker's session key. */
  certificate: z.string(),
});
export type AuthorizedSession = Readonly<z.infer<typeof AuthorizedSession>>;

/** What runs, as it was decided. */
export const runningOf = (session: AuthorizedSession): Running => {
  const { personId, engagementId, login, keyFingerprint: fingerprint, scope } = session;
  const { targetId: id, address, port, hostKeys } = session;
  const target = { id, address, port, hostKeys: [...hostKeys].sort() };
  return { personId, engagementId, login, fingerprint, scope, target };
};
