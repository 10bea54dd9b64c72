import type { PublicKeyAuthContext } from 'ssh2';
import type { Fingerprint } from '../../access/ids.ts';
import type { Rejection } from '../../access/rejection.ts';
import { isCertificateType, parseCertificate } from '../../sshwire/certificate.ts';
import { fingerprint, parsePublicKey } from '../../sshwire/public-key.ts';

/** Why a plain key could not be registered; `silent` where there is nothing to say. */
export function plainRefusal({
  key,
  hashAlgo,
}: PublicKeyAuthContext): Extract<Rejection, { code: 'key_too_weak' }> | 'silent' | null {
  if (isCertificateType(key.algo)) return 'silent';
  // ssh2 says ssh-rsa of all RSA keys; without a hash it was SHA-1.
  if (key.algo === 'ssh-rsa' && hashAlgo === undefined) return 'silent';
  const parsed = parsePublicKey(key.data);
  if (parsed.ok) return null;
  return parsed.refusal.code === 'weak_key' ? { code: 'key_too_weak', why: parsed.refusal.why } : 'silent';
}

/** Of the key that is offered, by itself or in a certificate. */
export function offeredFingerprint({ key }: PublicKeyAuthContext): Fingerprint | null {
  const certificate = isCertificateType(key.algo) ? parseCertificate(key.data) : null;
  const offered = certificate?.ok
    ? { ok: true as const, value: certificate.value.publicKey }
    : parsePublicKey(key.data);
  return offered.ok ? (fingerprint(offered.value) as Fingerprint) : null;
}
