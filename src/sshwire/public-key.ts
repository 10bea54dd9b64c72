import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { attempt, encode, malformed, mpint, type Read, type Reader, reader, string } from './bytes.ts';

/** Key types (RFC 4253 §6.6, RFC 5656, RFC 8709, OpenSSH PROTOCOL.u2f) that Daypass takes. */
export type KeyType = Ed25519Key['type'] | EcdsaKey['type'] | RsaKey['type'];

type Ed25519Key =
  | { readonly type: 'ssh-ed25519'; readonly point: Uint8Array }
  | { readonly type: 'sk-ssh-ed25519@openssh.com'; readonly point: Uint8Array; readonly application: string };
type EcdsaKey =
  | { readonly type: `ecdsa-sha2-${PlainCurve}`; readonly point: Uint8Array }
  | { readonly type: 'sk-ecdsa-sha2-nistp256@openssh.com'; readonly point: Uint8Array; readonly application: string };
/** Exponent and modulus, unsigned big-endian without leading zeros. */
type RsaKey = { readonly type: 'ssh-rsa'; readonly exponent: Uint8Array; readonly modulus: Uint8Array };

/** A key whose strength and form were checked. Made by the readers of this file only. */
export type PublicKey = Ed25519Key | EcdsaKey | RsaKey;

type PlainCurve = 'nistp256' | 'nistp384' | 'nistp521';

export type Curve = { readonly name: PlainCurve; readonly jwk: string; readonly bytes: number; readonly hash: string };

/** RFC 5656 §6.2.1: the hash follows from the curve. */
const CURVES = {
  nistp256: { name: 'nistp256', jwk: 'P-256', bytes: 32, hash: 'sha256' },
  nistp384: { name: 'nistp384', jwk: 'P-384', bytes: 48, hash: 'sha384' },
  nistp521: { name: 'nistp521', jwk: 'P-521', bytes: 66, hash: 'sha512' },
} as const satisfies Record<PlainCurve, Curve>;

const RSA_BITS_MIN = 3_072;
/** OpenSSH's own limit; a longer modulus only costs time. */
const RSA_BITS_MAX = 16_384;
/** Common tools made 35 (OpenSSH before 5.4) and 37 (PuTTY); what is smaller invites forgery, and 1 proves nothing. */
const RSA_EXPONENT_MIN = 35n;
const RSA_EXPONENT_BYTES_MAX = 8;
const APPLICATION_MAX = 255;
const BLOB_MAX = 8_192;
const LINE_MAX = 65_536;

/**
 * Points of order 1, 2, 4 or 8, sign bit cleared: under such a key one signature fits many messages, OpenSSL accepts it, and
 * whoever likes could log in as its owner.
 */
const SMALL_ORDER_POINTS = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

const KEY_TYPES: ReadonlySet<string> = new Set<KeyType>([
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
]);

const isKeyType = (name: string): name is KeyType => KEY_TYPES.has(name);

/** Reads a public key blob: `string type` and the fields of that type, nothing after them. */
export const parsePublicKey = (blob: Uint8Array): Read<PublicKey> =>
  attempt(() => {
    if (blob.length > BLOB_MAX) malformed('too_long', `a public key has no more than ${BLOB_MAX} bytes`);
    const from = reader(blob);
    const key = readKeyFields(requireKeyType(from.text('key type', 64)), from);
    from.end('public key');
    return key;
  });

/** Takes `<type> <base64>[ comment]` apart, as it stands in `.pub` files and in a target's `host_keys`. */
export const splitKeyLine = (line: string): Read<{ readonly type: string; readonly blob: Uint8Array }> =>
  attempt(() => {
    if (line.length > LINE_MAX) malformed('too_long', `a key's line has no more than ${LINE_MAX} characters`);
    const [type = '', base64 = ''] = line.trim().split(/[ \t]+/);
    if (base64 === '') malformed('bad_text', "a key's line is `<type> <base64>`");
    const blob = Buffer.from(base64, 'base64');
    if (blob.toString('base64') !== base64) malformed('bad_text', 'its second word is not base64');
    return { type, blob: new Uint8Array(blob) };
  });

/** Reads the line of a plain key; its first word has to say what the blob is. */
export function parsePublicKeyLine(line: string): Read<PublicKey> {
  const split = splitKeyLine(line);
  if (!split.ok) return split;
  const key = parsePublicKey(split.value.blob);
  return key.ok && key.value.type !== split.value.type ? WRONG_FIRST_WORD : key;
}

export const WRONG_FIRST_WORD = {
  ok: false,
  refusal: { code: 'bad_text', why: 'its first word is not the type of what follows' },
} as const satisfies Read<never>;

/** Which type a name stands for, or the reason why Daypass does not take it. */
export function requireKeyType(name: string): KeyType {
  if (isKeyType(name)) return name;
  if (name === 'ssh-dss') return malformed('weak_key', 'DSA keys are too weak: use ed25519');
  if (name.includes('-cert-')) return malformed('unknown_type', 'it is a certificate, not a plain key');
  return malformed('unknown_type', 'Daypass does not accept its key type: use ed25519, ECDSA, RSA or FIDO');
}

/** Reads what follows a type name, in a plain key's blob and, after the nonce, in a certificate. */
export function readKeyFields(named: KeyType, from: Reader): PublicKey {
  switch (named) {
    case 'ssh-ed25519':
      return { type: named, point: ed25519Point(from) };
    case 'sk-ssh-ed25519@openssh.com':
      return { type: named, point: ed25519Point(from), application: application(from) };
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return { type: named, point: curvePoint(CURVES.nistp256, from), application: application(from) };
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      return { type: named, point: curvePoint(curveOf(named), from) };
    case 'ssh-rsa':
      return rsaKey(from);
  }
  named satisfies never;
}

export function curveOf(named: EcdsaKey['type']): Curve {
  switch (named) {
    case 'ecdsa-sha2-nistp384':
      return CURVES.nistp384;
    case 'ecdsa-sha2-nistp521':
      return CURVES.nistp521;
    case 'ecdsa-sha2-nistp256':
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return CURVES.nistp256;
  }
  named satisfies never;
}

function ed25519Point(from: Reader): Uint8Array {
  const point = from.string('ed25519 key', 64);
  if (point.length !== 32) malformed('weak_key', 'an ed25519 key has 32 bytes');
  const unsigned = Buffer.from(point);
  unsigned[31] = (unsigned[31] ?? 0) & 0x7f;
  if (SMALL_ORDER_POINTS.has(unsigned.toString('hex'))) {
    malformed('weak_key', 'its ed25519 point has a small order: anybody can sign for it');
  }
  return point;
}

/** RFC 5656 §3.1: the curve's name once more, then an uncompressed point. */
function curvePoint(curve: Curve, from: Reader): Uint8Array {
  if (from.text('curve', 16) !== curve.name) malformed('bad_value', 'its curve does not match its type');
  const point = from.string('elliptic curve point', 2 * CURVES.nistp521.bytes + 1);
  if (point.length !== 2 * curve.bytes + 1 || point[0] !== 0x04) {
    malformed('weak_key', 'its elliptic curve point is not an uncompressed point of its curve');
  }
  try {
    ellipticKeyObject(curve, point);
  } catch {
    malformed('weak_key', 'its elliptic curve point is not on its curve');
  }
  return point;
}

function application(from: Reader): string {
  const name = from.text('application', APPLICATION_MAX);
  if (!name.startsWith('ssh:')) malformed('bad_value', 'a FIDO key for SSH has an application that begins with ssh:');
  return name;
}

function rsaKey(from: Reader): RsaKey {
  const exponent = from.positiveMpint('RSA exponent', RSA_EXPONENT_BYTES_MAX);
  const modulus = from.positiveMpint('RSA modulus', RSA_BITS_MAX / 8);
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  if (bits < RSA_BITS_MIN) malformed('weak_key', `its RSA key has ${bits} bits, and ${RSA_BITS_MIN} are needed`);
  const e = BigInt(`0x${Buffer.from(exponent).toString('hex')}`);
  if (e < RSA_EXPONENT_MIN || e % 2n === 0n) malformed('weak_key', 'its RSA exponent is even or too small');
  if ((modulus.at(-1) ?? 0) % 2 === 0) malformed('weak_key', 'its RSA modulus is even');
  return { type: 'ssh-rsa', exponent, modulus };
}

/** What follows the type name; the inverse of `readKeyFields`. */
export function encodeKeyFields(key: PublicKey): Uint8Array {
  switch (key.type) {
    case 'ssh-ed25519':
      return string(key.point);
    case 'sk-ssh-ed25519@openssh.com':
      return encode(string(key.point), string(key.application));
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return encode(string(curveOf(key.type).name), string(key.point), string(key.application));
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      return encode(string(curveOf(key.type).name), string(key.point));
    case 'ssh-rsa':
      return encode(mpint(key.exponent), mpint(key.modulus));
  }
  key satisfies never;
}

export const encodePublicKey = (key: PublicKey): Uint8Array => encode(string(key.type), encodeKeyFields(key));

/** `<type> <base64>`. */
export const publicKeyLine = (key: PublicKey): string =>
  `${key.type} ${Buffer.from(encodePublicKey(key)).toString('base64')}`;

/** OpenSSH's `SHA256:<unpadded base64>`. */
export const fingerprint = (key: PublicKey): string =>
  `SHA256:${createHash('sha256').update(encodePublicKey(key)).digest('base64').replace('=', '')}`;

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

function ellipticKeyObject(curve: Curve, point: Uint8Array): KeyObject {
  const x = base64url(point.subarray(1, 1 + curve.bytes));
  const y = base64url(point.subarray(1 + curve.bytes));
  return createPublicKey({ key: { kty: 'EC', crv: curve.jwk, x, y }, format: 'jwk' });
}

/** The key as OpenSSL takes it. */
export function keyObject(key: PublicKey): KeyObject {
  switch (key.type) {
    case 'ssh-ed25519':
    case 'sk-ssh-ed25519@openssh.com':
      return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: base64url(key.point) }, format: 'jwk' });
    case 'ssh-rsa': {
      const jwk = { kty: 'RSA', e: base64url(key.exponent), n: base64url(key.modulus) };
      return createPublicKey({ key: jwk, format: 'jwk' });
    }
    default:
      return ellipticKeyObject(curveOf(key.type), key.point);
  }
}
