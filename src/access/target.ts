import { z } from 'zod';
import { Login, TargetId } from './ids.ts';

/** `<type> <base64>`, the pinned form of a host key; a comment is dropped. */
const PublicKeyLine = z
  .string()
  .regex(
    /^(?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa) [A-Za-z0-9+/]+={0,2}(?: .*)?$/,
    'must be "<type> <base64>", for example "ssh-ed25519 AAAAC3Nz…"; `daypass targets scan` prints host keys',
  )
  .transform((line) => line.split(' ').slice(0, 2).join(' '));

/** Which algorithms a target may be reached with: `legacy` adds some that only old or unusual ones need, none of them weak. */
export const TargetAlgorithms = z.enum(['default', 'legacy']);
export type TargetAlgorithms = z.infer<typeof TargetAlgorithms>;

/** A host that Daypass fronts, as written in targets.yml. */
export const Target = z.strictObject({
  id: TargetId.meta({ description: 'Short name that contractors type; a DNS label.', examples: ['web-01'] }),
  name: z
    .string()
    .min(1)
    .max(80)
    .meta({ description: 'What people call it.', examples: ['Web server'] }),
  address: z
    .string()
    .min(1)
    .max(253)
    .regex(/^[A-Za-z0-9.:_-]+$/, 'must be a host name or an IP address')
    .meta({ description: 'Where the gateway reaches it.', examples: ['192.0.2.11'] }),
  port: z
    .int()
    .min(1)
    .max(65535)
    .default(22)
    .meta({ description: 'The port its sshd listens on.', examples: [22] }),
  host_keys: z
    .array(PublicKeyLine)
    .min(1)
    .max(8)
    .meta({
      description: 'The host keys it may show; any other is refused. `daypass targets scan` prints them.',
      examples: [['ssh-ed25519 AAAAC3Nz…']],
    }),
  algorithms: TargetAlgorithms.optional().meta({
    description:
      '`legacy` for a target that supports none of the usual algorithms, as `daypass targets check` reports. It adds key exchange with NIST curves and with Diffie-Hellman groups 14 and 16 with SHA-2, AES-CTR with 128 and 192 bits, chacha20-poly1305, and HMAC-SHA-2 that is not encrypt-then-MAC. Never SHA-1.',
    examples: ['legacy'],
  }),
  labels: z
    .record(z.string(), z.string())
    .default({})
    .meta({ description: 'What policy rules can match.', examples: [{ env: 'production' }] }),
  logins: z
    .array(Login)
    .min(1)
    .max(16)
    .meta({
      description: 'The Unix accounts that can be requested. Dedicated accounts are best.',
      examples: [['deploy']],
    }),
});
export type Target = z.infer<typeof Target>;

/** The part of a target that a digest covers: what was approved is this host, not whatever bears its name later. */
export type TargetPin = {
  readonly id: TargetId;
  readonly address: string;
  readonly port: number;
  readonly hostKeys: readonly string[];
};

export const pin = (target: Target): TargetPin => ({
  id: target.id,
  address: target.address,
  port: target.port,
  hostKeys: [...target.host_keys].sort(),
});

export const samePin = (a: TargetPin, b: TargetPin): boolean =>
  a.id === b.id &&
  a.address === b.address &&
  a.port === b.port &&
  a.hostKeys.length === b.hostKeys.length &&
  a.hostKeys.every((key, index) => key === b.hostKeys[index]);

/** `web-01`, `web-01.<site>.daypass` → `web-01`; anything else is not a name that Daypass fronts. */
export function targetIdFromName(name: string, site: string): TargetId | null {
  const suffix = `.${site}.daypass`;
  const bare = name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
  const parsed = TargetId.safeParse(bare);
  return parsed.success ? parsed.data : null;
}
