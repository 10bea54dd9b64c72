import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { encode, mpint, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import { encodePublicKey, type KeyType, type PublicKey, parsePublicKey } from '../../../src/sshwire/public-key.ts';

/** Key pairs of every type that Daypass takes, signing as their owners' tools and devices would. */

export type TestKey = {
  readonly type: KeyType;
  readonly publicKey: PublicKey;
  readonly blob: Uint8Array;
  /** A signature blob; RSA signs with SHA-512 unless told. */
  sign(data: Uint8Array, how?: SignHow): Uint8Array;
};

export type SignHow = { readonly algorithm?: string; readonly hash?: string; readonly flags?: number };

export const KEY_TYPES = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
] as const satisfies readonly KeyType[];

export const FIDO_APPLICATION = 'ssh:';
const FIDO_COUNTER = 41;
export const USER_PRESENT = 0x01;

export function makeKey(type: KeyType, rsaBits = 3_072): TestKey {
  switch (type) {
    case 'ssh-ed25519':
    case 'sk-ssh-ed25519@openssh.com':
      return edwardsKey(type);
    case 'ssh-rsa':
      return rsaKey(rsaBits);
    case 'ecdsa-sha2-nistp384':
      return ecdsaKey(type, 'nistp384', 48, 'sha384');
    case 'ecdsa-sha2-nistp521':
      return ecdsaKey(type, 'nistp521', 66, 'sha512');
    default:
      return ecdsaKey(type, 'nistp256', 32, 'sha256');
  }
}

/** Reads a blob that the test itself made and that must be right. */
export function publicKeyOf(blob: Uint8Array): PublicKey {
  const key = parsePublicKey(blob);
  if (!key.ok) throw new Error(key.refusal.why);
  return key.value;
}

const testKey = (type: KeyType, fields: Uint8Array, signed: TestKey['sign']): TestKey => {
  const publicKey = publicKeyOf(encode(string(type), fields));
  return { type, publicKey, blob: encodePublicKey(publicKey), sign: signed };
};

const member = (key: KeyObject, name: 'x' | 'y' | 'n' | 'e'): Uint8Array => {
  const value = key.export({ format: 'jwk' })[name];
  if (value === undefined) throw new Error(`no ${name} in this key`);
  return new Uint8Array(Buffer.from(value, 'base64url'));
};

function edwardsKey(type: 'ssh-ed25519' | 'sk-ssh-ed25519@openssh.com'): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const point = string(member(publicKey, 'x'));
  if (type === 'ssh-ed25519') {
    return testKey(type, point, (data, how) =>
      encode(string(how?.algorithm ?? type), string(sign(null, data, privateKey))),
    );
  }
  return testKey(type, encode(point, string(FIDO_APPLICATION)), (data, how) =>
    fidoSignature(type, data, how, (message) => sign(null, message, privateKey)),
  );
}

function ecdsaKey(type: KeyType, curve: string, bytes: number, hash: string): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: `P-${curve.slice(5)}` });
  const point = encode(uint8(4), member(publicKey, 'x'), member(publicKey, 'y'));
  const fields = encode(string(curve), string(point));
  const numbers = (message: Uint8Array, algorithm = hash): Uint8Array => {
    const raw = sign(algorithm, message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return encode(mpint(raw.subarray(0, bytes)), mpint(raw.subarray(bytes)));
  };
  if (type !== 'sk-ecdsa-sha2-nistp256@openssh.com') {
    return testKey(type, fields, (data, how) =>
      encode(string(how?.algorithm ?? type), string(numbers(data, how?.hash))),
    );
  }
  return testKey(type, encode(fields, string(FIDO_APPLICATION)), (data, how) =>
    fidoSignature(type, data, how, numbers),
  );
}

/** PROTOCOL.u2f: sha256(application) ‖ flags ‖ counter ‖ sha256(message), as a device signs it. */
function fidoSignature(
  type: string,
  data: Uint8Array,
  how: SignHow | undefined,
  device: (message: Uint8Array) => Uint8Array,
): Uint8Array {
  const flags = uint8(how?.flags ?? USER_PRESENT);
  const made = device(encode(sha256(FIDO_APPLICATION), flags, uint32(FIDO_COUNTER), sha256(data)));
  return encode(string(how?.algorithm ?? type), string(made), flags, uint32(FIDO_COUNTER));
}

const sha256 = (data: Uint8Array | string): Uint8Array => createHash('sha256').update(data).digest();

/** Signs under the algorithm's own hash, unless `hash` says otherwise. */
function rsaKey(modulusLength: number): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength });
  const fields = encode(mpint(member(publicKey, 'e')), mpint(member(publicKey, 'n')));
  return testKey('ssh-rsa', fields, (data, how) => {
    const algorithm = how?.algorithm ?? 'rsa-sha2-512';
    const hash = how?.hash ?? (algorithm === 'rsa-sha2-256' ? 'sha256' : 'sha512');
    return encode(string(algorithm), string(sign(hash, data, privateKey)));
  });
}

/** Takes one of the keys that `oneOfEach` made. */
export function keyIn(keys: ReadonlyMap<KeyType, TestKey>, type: KeyType): TestKey {
  const key = keys.get(type);
  if (!key) throw new Error(`no key of type ${type}`);
  return key;
}

let made: ReadonlyMap<KeyType, TestKey> | null = null;

/** Keys are made once for all files that one process tests: RSA takes its time. */
export function oneOfEach(): ReadonlyMap<KeyType, TestKey> {
  made ??= new Map(KEY_TYPES.map((type) => [type, makeKey(type)]));
  return made;
}
