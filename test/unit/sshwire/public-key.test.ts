import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encode, mpint, string, uint8 } from '../../../src/sshwire/bytes.ts';
import {
  encodePublicKey,
  fingerprint,
  type KeyType,
  parsePublicKey,
  parsePublicKeyLine,
  publicKeyLine,
} from '../../../src/sshwire/public-key.ts';
import { KEY_TYPES, keyIn, oneOfEach, publicKeyOf, type TestKey } from '../../support/peers/ssh-keys.ts';

const keys = oneOfEach();
const key = (type: KeyType): TestKey => keyIn(keys, type);

const bytesOf = (base64url: string | undefined): Uint8Array => Buffer.from(base64url ?? '', 'base64url');
const refusalOf = (blob: Uint8Array): { code: string; why: string } => {
  const read = parsePublicKey(blob);
  return read.ok ? { code: 'read', why: '' } : read.refusal;
};
const codeOf = (blob: Uint8Array): string => refusalOf(blob).code;

describe.each(KEY_TYPES)('a key of type %s', (type) => {
  it('comes back from its blob and from its line', () => {
    const { publicKey, blob } = key(type);
    expect(Buffer.from(encodePublicKey(publicKeyOf(blob))).equals(blob)).toBe(true);
    expect(parsePublicKeyLine(publicKeyLine(publicKey))).toEqual({ ok: true, value: publicKey });
    expect(parsePublicKeyLine(`${publicKeyLine(publicKey)} somebody@host\n`)).toEqual({ ok: true, value: publicKey });
  });

  it('has a fingerprint as OpenSSH writes it', () => {
    expect(fingerprint(key(type).publicKey)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  });

  it('is refused when bytes follow it or are missing', () => {
    const { blob } = key(type);
    expect(codeOf(encode(blob, uint8(0)))).toBe('trailing_bytes');
    for (let length = 0; length < blob.length; length += 1) expect(codeOf(blob.subarray(0, length))).toBe('truncated');
  });

  it('is refused under another type’s name', () => {
    for (const other of KEY_TYPES.filter((each) => each !== type)) {
      const fields = key(type).blob.subarray(4 + type.length);
      expect([other, codeOf(encode(string(other), fields))]).not.toEqual([other, 'read']);
      const line = publicKeyLine(key(type).publicKey).replace(type, other);
      expect(parsePublicKeyLine(line)).toMatchObject({ ok: false, refusal: { code: 'bad_text' } });
    }
  });
});

describe('an RSA key', () => {
  const rsa = (modulusLength: number, publicExponent = 65_537): Uint8Array => {
    const jwk = generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey.export({ format: 'jwk' });
    return encode(string('ssh-rsa'), mpint(bytesOf(jwk.e)), mpint(bytesOf(jwk.n)));
  };
  const modulus = new Uint8Array(384).fill(0xff);
  const withParts = (exponent: Uint8Array, n: Uint8Array): Uint8Array => encode(string('ssh-rsa'), exponent, n);

  it('is refused below 3072 bits, and the refusal says how many it has', () => {
    expect(refusalOf(rsa(2_048))).toEqual({ code: 'weak_key', why: 'its RSA key has 2048 bits, and 3072 are needed' });
    const shorter = modulus.slice();
    shorter[0] = 0x7f;
    expect(refusalOf(withParts(mpint(Uint8Array.of(1, 0, 1)), mpint(shorter))).why).toContain('3071 bits');
    expect(codeOf(withParts(mpint(Uint8Array.of(1, 0, 1)), mpint(modulus)))).toBe('read');
  });

  it('is refused with an exponent that is even or tiny, or a modulus that is even', () => {
    for (const exponent of [1, 2, 3, 34, 36]) {
      expect([exponent, codeOf(withParts(mpint(Uint8Array.of(exponent)), mpint(modulus)))]).toEqual([
        exponent,
        'weak_key',
      ]);
    }
    expect(codeOf(withParts(mpint(Uint8Array.of(37)), mpint(modulus)))).toBe('read');
    const even = modulus.slice();
    even[383] = 0xfe;
    expect(codeOf(withParts(mpint(Uint8Array.of(1, 0, 1)), mpint(even)))).toBe('weak_key');
  });

  it('is refused when it would take long: a huge exponent or modulus', () => {
    expect(codeOf(withParts(mpint(new Uint8Array(9).fill(0x7f)), mpint(modulus)))).toBe('too_long');
    expect(codeOf(withParts(mpint(Uint8Array.of(1, 0, 1)), mpint(new Uint8Array(2_049).fill(0xff))))).toBe('too_long');
  });

  it('is refused when its numbers are not in their shortest form, zero or negative', () => {
    const e = mpint(Uint8Array.of(1, 0, 1));
    expect(codeOf(withParts(string(Uint8Array.of(0, 1, 0, 1)), mpint(modulus)))).toBe('not_canonical');
    expect(codeOf(withParts(e, string(encode(uint8(0), uint8(0), modulus.subarray(1)))))).toBe('not_canonical');
    expect(codeOf(withParts(e, string(modulus)))).toBe('not_canonical');
    expect(codeOf(withParts(string(''), mpint(modulus)))).toBe('bad_value');
  });
});

describe('an elliptic curve key', () => {
  const { blob } = key('ecdsa-sha2-nistp256');
  const point = blob.slice(-65);
  const withPoint = (bytes: Uint8Array, curve = 'nistp256'): Uint8Array =>
    encode(string('ecdsa-sha2-nistp256'), string(curve), string(bytes));

  it('is refused when its point is not on its curve', () => {
    const off = point.slice();
    off[64] = (off[64] ?? 0) ^ 1;
    expect(codeOf(withPoint(off))).toBe('weak_key');
    expect(codeOf(withPoint(encode(uint8(4), new Uint8Array(64))))).toBe('weak_key');
    expect(codeOf(withPoint(encode(uint8(4), new Uint8Array(64).fill(0xff))))).toBe('weak_key');
    expect(codeOf(withPoint(point))).toBe('read');
  });

  it('is refused when its point is compressed, at infinity or of another curve', () => {
    expect(codeOf(withPoint(encode(uint8(2), point.subarray(1, 33))))).toBe('weak_key');
    expect(codeOf(withPoint(uint8(0)))).toBe('weak_key');
    expect(codeOf(withPoint(key('ecdsa-sha2-nistp384').blob.slice(-97)))).toBe('weak_key');
    expect(codeOf(withPoint(point, 'nistp384'))).toBe('bad_value');
  });
});

describe('an ed25519 key', () => {
  const ed = (point: Uint8Array): Uint8Array => encode(string('ssh-ed25519'), string(point));

  it('is refused when it has not 32 bytes', () => {
    for (const length of [0, 31, 33, 64]) expect(codeOf(ed(new Uint8Array(length).fill(7)))).toBe('weak_key');
  });

  it('is refused when its point has a small order, whichever its sign', () => {
    for (const hex of [
      '0100000000000000000000000000000000000000000000000000000000000000',
      '0000000000000000000000000000000000000000000000000000000000000080',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    ]) {
      expect(codeOf(ed(Buffer.from(hex, 'hex')))).toBe('weak_key');
    }
  });
});

describe('other keys', () => {
  it('are refused with the reason', () => {
    expect(refusalOf(encode(string('ssh-dss'), string('p')))).toMatchObject({ code: 'weak_key' });
    expect(refusalOf(encode(string('ssh-dss'))).why).toContain('DSA');
    expect(codeOf(string('ssh-ed448'))).toBe('unknown_type');
    expect(codeOf(string('ssh-ed25519-cert-v01@openssh.com'))).toBe('unknown_type');
    expect(codeOf(string('__proto__'))).toBe('unknown_type');
    expect(codeOf(new Uint8Array(10_000))).toBe('too_long');
  });

  it('of FIDO devices are refused when they were made for a web site', () => {
    const { blob, type } = key('sk-ssh-ed25519@openssh.com');
    const fields = blob.subarray(4 + type.length, 4 + type.length + 36);
    expect(codeOf(encode(string(type), fields, string('https://example.com')))).toBe('bad_value');
  });

  it('are refused as lines that are no lines of keys', () => {
    for (const line of [
      '',
      'ssh-ed25519',
      'ssh-ed25519 !!!!',
      'ssh-ed25519 AAAA=',
      `ssh-ed25519 ${'A'.repeat(70_000)}`,
    ]) {
      expect(parsePublicKeyLine(line).ok).toBe(false);
    }
  });
});
