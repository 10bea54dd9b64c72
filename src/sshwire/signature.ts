import { createHash, verify } from 'node:crypto';
import { attempt, encode, type Reader, reader, uint8, uint32 } from './bytes.ts';
import { curveOf, type KeyType, keyObject, type PublicKey } from './public-key.ts';

/** Names that may stand in a signature blob. SHA-1's `ssh-rsa` is not among them. */
export type SignatureAlgorithm = Exclude<KeyType, 'ssh-rsa'> | 'rsa-sha2-256' | 'rsa-sha2-512';

/** RFC 8332 §3: an RSA key signs under one of two names; every other type signs under its own. */
const signatureAlgorithms = (type: KeyType): readonly SignatureAlgorithm[] =>
  type === 'ssh-rsa' ? ['rsa-sha2-256', 'rsa-sha2-512'] : [type];

/** FIDO: somebody touched the device (PROTOCOL.u2f, WebAuthn §6.1). */
const USER_PRESENT = 0x01;
const SIGNATURE_MAX = 4_096;

/**
 * True only where `signature` (an SSH signature blob: algorithm, signature, and for FIDO flags and counter) was made by `key`
 * over `data` under exactly `algorithm`. Everything else is false; it never throws.
 */
export function verifySignature(
  key: PublicKey,
  algorithm: string | null,
  signature: Uint8Array,
  data: Uint8Array,
): boolean {
  const known = signatureAlgorithms(key.type).find((each) => each === algorithm);
  if (known === undefined) return false;
  try {
    const checked = attempt(() => check(key, known, signature, data));
    return checked.ok && checked.value === true;
  } catch {
    // OpenSSL throws on some keys and signatures that it could as well call wrong.
    return false;
  }
}

/** FIDO: the device verified its user, by a PIN or a fingerprint (PROTOCOL.u2f, WebAuthn §6.1). */
const USER_VERIFIED = 0x04;

/** Whether a signature that was verified says so; only that of a FIDO key can. */
export function isUserVerified(key: PublicKey, signature: Uint8Array): boolean {
  if (!('application' in key)) return false;
  const flags = attempt(() => {
    const from = reader(signature);
    from.text('signature algorithm', 64);
    from.string('signature', SIGNATURE_MAX);
    return from.uint8('FIDO flags');
  });
  return flags.ok && (flags.value & USER_VERIFIED) !== 0;
}

/** The name with which a key's or a signature's blob begins; null where there is none. */
export function blobName(blob: Uint8Array): string | null {
  const name = attempt(() => reader(blob).text('name', 64));
  return name.ok ? name.value : null;
}

function check(key: PublicKey, algorithm: SignatureAlgorithm, signature: Uint8Array, data: Uint8Array): boolean {
  const from = reader(signature);
  if (from.text('signature algorithm', 64) !== algorithm) return false;
  const made = from.string('signature', SIGNATURE_MAX);
  const signed = 'application' in key ? fidoSigned(key.application, from, data) : data;
  from.end('signature');
  if (!signed) return false;
  switch (key.type) {
    case 'ssh-ed25519':
    case 'sk-ssh-ed25519@openssh.com':
      return made.length === 64 && verify(null, signed, keyObject(key), made);
    case 'ssh-rsa': {
      const hash = algorithm === 'rsa-sha2-512' ? 'sha512' : 'sha256';
      const { length } = key.modulus;
      return made.length <= length && verify(hash, signed, keyObject(key), leftPad(made, length));
    }
    default: {
      const curve = curveOf(key.type);
      const numbers = reader(made);
      const r = leftPad(numbers.positiveMpint('signature', curve.bytes), curve.bytes);
      const s = leftPad(numbers.positiveMpint('signature', curve.bytes), curve.bytes);
      numbers.end('signature');
      return verify(curve.hash, signed, { key: keyObject(key), dsaEncoding: 'ieee-p1363' }, encode(r, s));
    }
  }
}

/** PROTOCOL.u2f: the device signs sha256(application) ‖ flags ‖ counter ‖ sha256(message). Null where nobody touched it. */
function fidoSigned(application: string, from: Reader, message: Uint8Array): Uint8Array | null {
  const flags = from.uint8('FIDO flags');
  const counter = from.uint32('FIDO counter');
  if ((flags & USER_PRESENT) === 0) return null;
  return encode(sha256(application), uint8(flags), uint32(counter), sha256(message));
}

const sha256 = (data: Uint8Array | string): Uint8Array => createHash('sha256').update(data).digest();

/** RFC 8332 §3: some signers leave leading zeros out, and OpenSSH accepts that. */
const leftPad = (bytes: Uint8Array, length: number): Uint8Array => encode(new Uint8Array(length - bytes.length), bytes);
