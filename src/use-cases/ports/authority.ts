import type { CertificateSpec } from '../../access/certificate.ts';
import type { Digest, Fingerprint, GrantId } from '../../access/ids.ts';
import type { RejectionOf } from '../../access/rejection.ts';
import type { Result } from '../../access/result.ts';

/** What control's keys do. Everything it returns was read back and checked. */
export type CertificateAuthority = {
  /** Signed by the user CA, for the key that a contractor registered. */
  issueDownstream(publicKey: string, spec: CertificateSpec): IssuedCertificate;
  /** Signed by the target CA, for a key that lives in one worker for one session. */
  issueUpstream(publicKeyBlob: Uint8Array, spec: CertificateSpec): IssuedCertificate;
  /** SHA-256 over RFC 8785 JSON. */
  digest(value: unknown): Digest;
  /** HMAC that makes a grant believable; the database does not hold its key. */
  seal(grantId: GrantId, digest: Digest): string;
  sealed(grantId: GrantId, digest: Digest, mac: string): boolean;
  /** Verifies what a client signed to log in; returns what follows from it and nothing that was merely claimed. */
  verifyProof(proof: UserauthProof, remoteAddress: string, now: Date): Result<VerifiedProof, ProofRejection>;
};

/** A certificate as it was issued. */
export type IssuedCertificate = {
  /** 64-bit, decimal. */
  readonly serial: string;
  readonly keyId: string;
  readonly fingerprint: Fingerprint;
  /** `<type>-cert-v01@openssh.com <base64>`. */
  readonly certificate: string;
  readonly issuedAt: Date;
};

/** RFC 4252 §7: the signed data, which begins with the SSH session id, and the signature over it. */
export type UserauthProof = { readonly signed: Uint8Array; readonly signature: Uint8Array };

export type VerifiedProof = {
  /** Hex. */
  readonly sshSessionId: string;
  /** SHA-256 of the signed data, hex: this login and no other. */
  readonly digest: string;
  /** The login name that the client signed. */
  readonly userName: string;
  /** Of the plain key, also where a certificate was presented. */
  readonly fingerprint: Fingerprint;
  /** `<type> <base64>` of the plain key. */
  readonly publicKey: string;
  /** A FIDO device verified its user for this very login, by a PIN or a fingerprint. */
  readonly isUserVerified: boolean;
  /** Present where a certificate of the user CA, valid now and from this address, was presented. */
  readonly certificate: {
    readonly principals: readonly string[];
    readonly keyId: string;
    readonly serial: string;
    readonly validBefore: Date;
  } | null;
};

export type ProofRejection = RejectionOf<
  'proof_invalid' | 'user_not_verified' | 'certificate_refused' | 'certificate_expired' | 'key_too_weak'
>;
