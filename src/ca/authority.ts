import type { CertificateSpec } from '../access/certificate.ts';
import type { Read } from '../sshwire/bytes.ts';
import { encodePublicKey, type PublicKey, parsePublicKey, parsePublicKeyLine } from '../sshwire/public-key.ts';
import type { CertificateAuthority, IssuedCertificate } from '../use-cases/ports/authority.ts';
import type { Clock } from '../use-cases/ports/clock.ts';
import type { RandomSource } from '../use-cases/ports/random.ts';
import { CertificateFault, DOWNSTREAM, type Issuer, issue, UPSTREAM } from './issue.ts';
import type { Keys } from './keys.ts';
import { verifyProof } from './proof.ts';
import { digest, seal, sealed } from './seal.ts';

const SYSTEM_CLOCK: Clock = { now: () => new Date() };

/** Binds control's keys to the port that use-cases know. The clock only dates what was issued. */
export function certificateAuthority(
  keys: Keys,
  random: RandomSource,
  clock: Clock = SYSTEM_CLOCK,
): CertificateAuthority {
  const userCa = allowed(parsePublicKeyLine(keys.userCaPublicKey));
  const targetCa = allowed(parsePublicKeyLine(keys.targetCaPublicKey));
  const userCaBlob = encodePublicKey(userCa);
  const downstream: Issuer = { direction: DOWNSTREAM, caKey: userCa, sign: keys.signAsUserCa, random };
  const upstream: Issuer = { direction: UPSTREAM, caKey: targetCa, sign: keys.signAsTargetCa, random };
  const issued = (issuer: Issuer, key: Read<PublicKey>, spec: CertificateSpec): IssuedCertificate =>
    issue(issuer, allowed(key), spec, clock.now());
  return {
    issueDownstream: (publicKey, spec) => issued(downstream, parsePublicKeyLine(publicKey), spec),
    issueUpstream: (publicKeyBlob, spec) => issued(upstream, parsePublicKey(publicKeyBlob), spec),
    digest,
    seal: (grantId, of) => seal(keys.mac, grantId, of),
    sealed: (grantId, of, mac) => sealed(keys.mac, grantId, of, mac),
    verifyProof: (proof, remoteAddress, now) => verifyProof(userCaBlob, proof, remoteAddress, now),
  };
}

/** Keys were checked when they were registered or made: a bad one here is a fault. */
function allowed(key: Read<PublicKey>): PublicKey {
  if (key.ok) return key.value;
  throw new CertificateFault('certificate_not_allowed', `the public key is refused: ${key.refusal.why}`);
}
