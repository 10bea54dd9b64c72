import { z } from 'zod';

const uuid = <Brand extends string>() => z.uuid().brand<Brand>();

export const PersonId = uuid<'PersonId'>();
export type PersonId = z.infer<typeof PersonId>;
export const EngagementId = uuid<'EngagementId'>();
export type EngagementId = z.infer<typeof EngagementId>;
export const EngagementChangeId = uuid<'EngagementChangeId'>();
export type EngagementChangeId = z.infer<typeof EngagementChangeId>;
export const RequestId = uuid<'RequestId'>();
export type RequestId = z.infer<typeof RequestId>;
export const GrantId = uuid<'GrantId'>();
export type GrantId = z.infer<typeof GrantId>;
export const SessionId = uuid<'SessionId'>();
export type SessionId = z.infer<typeof SessionId>;
export const OffboardingId = uuid<'OffboardingId'>();
export type OffboardingId = z.infer<typeof OffboardingId>;

/** A target's short name; also a DNS label, because clients say `<target id>.<site>.daypass`. */
export const TargetId = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be a DNS label: a-z, 0-9 and inner hyphens')
  .brand<'TargetId'>();
export type TargetId = z.infer<typeof TargetId>;

/** A Unix account on a target. The same rule bounds certificate principals. */
export const Login = z
  .string()
  .regex(/^[a-z_][a-z0-9_.-]{0,31}$/, 'must be a Unix account name: a-z, 0-9, _ . -, at most 32 characters')
  .brand<'Login'>();
export type Login = z.infer<typeof Login>;

/** OpenSSH's `SHA256:<unpadded base64>` of a public key blob. */
export const Fingerprint = z
  .string()
  .regex(/^SHA256:[A-Za-z0-9+/]{43}$/)
  .brand<'Fingerprint'>();
export type Fingerprint = z.infer<typeof Fingerprint>;

/** Lower-case hex SHA-256 over RFC 8785 JSON. */
export const Digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand<'Digest'>();
export type Digest = z.infer<typeof Digest>;

/** What people see of an id or digest; never used to look anything up. */
export const short = (id: string): string => id.slice(0, 8);
