import { createHash } from 'node:crypto';
import { VERIFY_REQUIRED } from '../access/certificate.ts';
import { Fingerprint } from '../access/ids.ts';
import { ok, type Result, refuse } from '../access/result.ts';
import type { Certificate } from '../sshwire/certificate.ts';
import { checkCertificate } from '../sshwire/certificate-check.ts';
import { fingerprint, publicKeyLine } from '../sshwire/public-key.ts';
import { type UserauthRefusal, verifyUserauth } from '../sshwire/userauth.ts';
import type { ProofRejection, UserauthProof, VerifiedProof } from '../use-cases/ports/authority.ts';
import { LATEST_SECONDS } from './issue.ts';

/**
 * Verifies a signed login and, where a certificate was presented, that the user CA signed it for now and for this address. All
 * that is returned follows from the key that signed. Hostile bytes are refused, never thrown at.
 */
export function verifyProof(
  userCa: Uint8Array,
  proof: UserauthProof,
  remoteAddress: string,
  now: Date,
): Result<VerifiedProof, ProofRejection> {
  const login = verifyUserauth(proof.signed, proof.signature);
  if (!login.ok) return refuse(rejectionOf(login.refusal));
  const { sshSessionId, userName, key, certificate, isUserVerified } = login.value;
  const proven = {
    sshSessionId: Buffer.from(sshSessionId).toString('hex'),
    digest: createHash('sha256').update(proof.signed).digest('hex'),
    userName,
    fingerprint: Fingerprint.parse(fingerprint(key)),
    publicKey: publicKeyLine(key),
    isUserVerified,
  };
  if (!certificate) return ok({ ...proven, certificate: null });
  const checked = believe(userCa, certificate, { remoteAddress, isUserVerified }, now);
  return checked.ok ? ok({ ...proven, certificate: checked.value }) : checked;
}

function rejectionOf({ part, code, why }: UserauthRefusal) {
  if (part === 'certificate') return { code: 'certificate_refused', why } as const;
  if (part === 'key' && code === 'weak_key') return { code: 'key_too_weak', why } as const;
  return { code: 'proof_invalid', why } as const;
}

function believe(
  userCa: Uint8Array,
  certificate: Certificate,
  { remoteAddress, isUserVerified }: { readonly remoteAddress: string; readonly isUserVerified: boolean },
  now: Date,
): Result<NonNullable<VerifiedProof['certificate']>, ProofRejection> {
  const terms = { caKeys: [userCa], now, sourceAddress: remoteAddress, honours: [VERIFY_REQUIRED] } as const;
  const verdict = checkCertificate(certificate, terms);
  const validBefore = new Date(Number(certificate.validBefore) * 1000);
  if (!verdict.ok) {
    if (verdict.refusal.code === 'expired') return refuse({ code: 'certificate_expired', at: validBefore });
    return refuse({ code: 'certificate_refused', why: verdict.refusal.why });
  }
  if (verdict.value.verifyRequired && !isUserVerified) return refuse({ code: 'user_not_verified' });
  // Valid to sshd; Daypass issues nothing like it.
  if (certificate.validBefore > BigInt(LATEST_SECONDS))
    return refuse({ code: 'certificate_refused', why: 'it never expires' });
  const { principals, keyId, serial } = certificate;
  return ok({ principals, keyId, serial: serial.toString(), validBefore });
}
