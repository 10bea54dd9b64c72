import type { PublicKeyAuthContext } from 'ssh2';

/** What a client signed to log in, as it was on the wire (RFC 4252 §7). */
export type WireProof = { readonly signed: Buffer; readonly signature: Buffer };

const CERTIFICATE = /-cert-v01@openssh\.com$/;

export const isCertificate = (algorithm: string): boolean => CERTIFICATE.test(algorithm);

/**
 * The signed data and the signature of a login attempt. ssh2 leaves a certificate's signature as it came, and takes a plain
 * key's apart: that one is put together again. Null where the attempt carries no signature, or one that cannot be.
 */
export function wireProof(attempt: PublicKeyAuthContext): WireProof | null {
  const { blob, signature, key } = attempt;
  if (!blob || !signature) return null;
  if (isCertificate(key.algo)) return { signed: blob, signature };
  const rebuilt = rebuildSignature(key.algo, attempt.hashAlgo, signature);
  return rebuilt && { signed: blob, signature: rebuilt };
}

function rebuildSignature(algorithm: string, hash: string | undefined, bytes: Buffer): Buffer | null {
  if (algorithm === 'ssh-ed25519') return Buffer.concat([string('ssh-ed25519'), string(bytes)]);
  if (algorithm === 'ssh-rsa') {
    if (hash !== 'sha256' && hash !== 'sha512') return null;
    return Buffer.concat([string(hash === 'sha256' ? 'rsa-sha2-256' : 'rsa-sha2-512'), string(bytes)]);
  }
  if (algorithm.startsWith('ecdsa-sha2-')) {
    const numbers = derIntegers(bytes);
    return numbers && Buffer.concat([string(algorithm), string(Buffer.concat(numbers.map(string)))]);
  }
  if (algorithm.startsWith('sk-') && bytes.length > SK_TAIL) {
    const inner = bytes.subarray(0, bytes.length - SK_TAIL);
    return Buffer.concat([string(algorithm), string(inner), bytes.subarray(bytes.length - SK_TAIL)]);
  }
  return null;
}

/** PROTOCOL.u2f: a flags byte and a 32-bit counter follow the signature. */
const SK_TAIL = 5;

const string = (value: Uint8Array | string): Buffer => {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

/** The two integers of a DER `SEQUENCE { r, s }` whose lengths fit one byte each, as they do for every NIST curve up to 521. */
function derIntegers(der: Buffer): [Buffer, Buffer] | null {
  let at = der[1] === 0x81 ? 3 : 2;
  const take = (): Buffer | null => {
    const length = der[at + 1];
    if (der[at] !== 0x02 || length === undefined || at + 2 + length > der.length) return null;
    at += 2 + length;
    return der.subarray(at - length, at);
  };
  if (der[0] !== 0x30) return null;
  const r = take();
  const s = take();
  return r && s && at === der.length ? [r, s] : null;
}
