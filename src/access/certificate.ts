import type { AuditHead } from './audit-head.ts';
import type { Grant } from './grant.ts';
import { expiresAt, startsAt } from './grant.ts';
import {
  type Digest,
  GrantId,
  type Login,
  Login as LoginSchema,
  type PersonId,
  type SessionId,
  type TargetId,
} from './ids.ts';
import { forcedCommand } from './scopes/forced-command.ts';
import type { Scope } from './scopes/scope.ts';

/** What a certificate is to say (OpenSSH PROTOCOL.certkeys). The serial and the nonce are the signer's. */
export type CertificateSpec = {
  readonly keyId: string;
  readonly principals: readonly string[];
  readonly validAfter: Date;
  readonly validBefore: Date;
  readonly criticalOptions: Readonly<Record<string, string>>;
  readonly extensions: readonly string[];
  /** How far the audit log had come: the extension AUDIT_HEAD, which means nothing to ssh. */
  readonly auditHead?: AuditHead;
};

export const AUDIT_HEAD = 'audit-head@daypass';

/** Whoever holds the certificate can show later that the audit log was rewritten. There is no head where no event is committed. */
export const withAuditHead = (spec: CertificateSpec, auditHead: AuditHead | null): CertificateSpec =>
  auditHead === null ? spec : { ...spec, auditHead };

/** Certificates are valid at once on hosts whose clocks lag by up to this. */
export const BACKDATE_SECONDS = 60;
export const UPSTREAM_SECONDS = 300;

/** What the contractor presents to the gateway: one per grant and key, valid to the grant's end. */
export function downstreamCertificate(grant: Grant): CertificateSpec {
  return {
    keyId: `daypass:${grant.id}:${grant.terms.personId}:${grant.digest}`,
    principals: [LoginSchema.parse(grant.terms.login)],
    validAfter: new Date(startsAt(grant).getTime() - BACKDATE_SECONDS * 1000),
    validBefore: expiresAt(grant),
    criticalOptions: verified([grant]),
    extensions: grant.terms.scope.pty ? ['permit-pty'] : [],
  };
}

/** A flag: the signature of a login has to say that the device verified its user. */
export const VERIFY_REQUIRED = 'verify-required';

const verified = (grants: readonly Grant[]): CertificateSpec['criticalOptions'] =>
  grants.some(({ terms }) => terms.keyDemand === 'fido_verified') ? { [VERIFY_REQUIRED]: '' } : {};

/** The grant that such a certificate speaks for; null for one that speaks for several. */
export const grantOfKeyId = (keyId: string): GrantId | null =>
  GrantId.safeParse(/^daypass:([^:]*):/.exec(keyId)?.[1]).data ?? null;

/** How many logins one certificate may name. */
export const PRINCIPALS_MAX = 8;

/** One certificate for several grants of a person: all their logins, until the first of them ends. `set` stands for the grants. */
export function combinedCertificate(person: PersonId, grants: readonly Grant[], set: Digest): CertificateSpec {
  const starts = Math.max(...grants.map((grant) => startsAt(grant).getTime()));
  return {
    keyId: `daypass:person:${person}:${set}`,
    principals: [...new Set(grants.map((grant) => LoginSchema.parse(grant.terms.login)))].sort(),
    validAfter: new Date(starts - BACKDATE_SECONDS * 1000),
    validBefore: new Date(Math.min(...grants.map((grant) => expiresAt(grant).getTime()))),
    criticalOptions: verified(grants),
    extensions: grants.some((grant) => grant.terms.scope.pty) ? ['permit-pty'] : [],
  };
}

export const upstreamPrincipal = (login: Login, target: TargetId): string => `${login}@${target}`;

/**
 * What the gateway presents to one target for one session; `sourceAddress` is the gateway's as the target sees it. As far as sshd can
 * hold a scope, it is told to.
 */
export function upstreamCertificate(
  grant: Grant,
  session: { readonly id: SessionId; readonly targetId: TargetId; readonly sourceAddress: string | null },
  now: Date,
): CertificateSpec {
  const { scope } = grant.terms;
  const command = forcedCommand(scope);
  const end = Math.min(now.getTime() + UPSTREAM_SECONDS * 1000, expiresAt(grant).getTime());
  return {
    keyId: `daypass:${session.id}:${grant.terms.personId}:${grant.digest}`,
    principals: [upstreamPrincipal(grant.terms.login, session.targetId)],
    validAfter: new Date(now.getTime() - BACKDATE_SECONDS * 1000),
    validBefore: new Date(end),
    criticalOptions: {
      ...(command === null ? {} : { 'force-command': command }),
      ...(session.sourceAddress ? { 'source-address': session.sourceAddress } : {}),
    },
    extensions: upstreamExtensions(scope),
  };
}

const upstreamExtensions = ({ pty, tunnels, loopback }: Scope): string[] => [
  ...(tunnels.length > 0 || loopback ? ['permit-port-forwarding'] : []),
  ...(pty ? ['permit-pty'] : []),
];
