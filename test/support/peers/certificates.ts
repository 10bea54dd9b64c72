import { randomBytes } from 'node:crypto';
import { encode, string, uint8 } from '../../../src/sshwire/bytes.ts';
import {
  type CertificateBody,
  certificateLine,
  certificateType,
  encodeCertificate,
  encodeToBeSigned,
} from '../../../src/sshwire/certificate.ts';
import type { PublicKey } from '../../../src/sshwire/public-key.ts';
import type { TestKey } from './ssh-keys.ts';

/** Certificates that say whatever a test wants, true or not. */

export type TestCertificate = { readonly blob: Uint8Array; readonly line: string };

const HOUR = 3_600n;

export const certificateBody = (
  ca: TestKey,
  publicKey: PublicKey,
  now: Date,
  change: Partial<CertificateBody> = {},
): CertificateBody => {
  const seconds = BigInt(Math.floor(now.getTime() / 1000));
  return {
    nonce: new Uint8Array(randomBytes(32)),
    publicKey,
    serial: 7n,
    kind: 'user',
    keyId: 'test certificate',
    principals: ['deploy'],
    validAfter: seconds - HOUR,
    validBefore: seconds + HOUR,
    criticalOptions: [],
    extensions: [],
    signatureKey: ca.blob,
    ...change,
  };
};

/** Signs a body as `signer`, which need not be the CA that the body names. */
export function signBody(body: CertificateBody, signer: TestKey): TestCertificate {
  const signed = encodeToBeSigned(body);
  const blob = encodeCertificate(signed, signer.sign(signed));
  return { blob, line: certificateLine(certificateType(body.publicKey.type), blob) };
}

export const makeCertificate = (
  ca: TestKey,
  publicKey: PublicKey,
  now: Date,
  change: Partial<CertificateBody> = {},
): TestCertificate => signBody(certificateBody(ca, publicKey, now, change), ca);

export const SESSION_ID = new Uint8Array(32).fill(0xa5);

export type Userauth = {
  readonly sessionId: Uint8Array;
  readonly message: number;
  readonly user: string;
  readonly service: string;
  readonly method: string;
  readonly signs: number;
  readonly algorithm: string;
  readonly blob: Uint8Array;
};

/** RFC 4252 §7: what a client signs. */
export const userauth = (part: Partial<Userauth> & Pick<Userauth, 'algorithm' | 'blob'>): Uint8Array =>
  encode(
    string(part.sessionId ?? SESSION_ID),
    uint8(part.message ?? 50),
    string(part.user ?? 'deploy+web-01'),
    string(part.service ?? 'ssh-connection'),
    string(part.method ?? 'publickey'),
    uint8(part.signs ?? 1),
    string(part.algorithm),
    string(part.blob),
  );

/** The algorithm name under which OpenSSH presents a certificate of this key; RSA's newest. */
export const certificateAlgorithm = (key: TestKey): string =>
  key.type === 'ssh-rsa' ? 'rsa-sha2-512-cert-v01@openssh.com' : certificateType(key.type);

export const plainAlgorithm = (key: TestKey): string => (key.type === 'ssh-rsa' ? 'rsa-sha2-512' : key.type);

/** A login as the owner of `key` would make it with this certificate. */
export function proofOf(key: TestKey, certificate: Uint8Array, change: Partial<Userauth> = {}) {
  const signed = userauth({ algorithm: certificateAlgorithm(key), blob: certificate, ...change });
  return { signed, signature: key.sign(signed) };
}
