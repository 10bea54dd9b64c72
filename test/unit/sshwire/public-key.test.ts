import { createHash, generateKeyPairSync } from 'node:crypto';
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
    const { publicKey, blob } = key(type);
    expect(fingerprint(publicKey)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
    const whole = createHash('sha256').update(blob).digest('base64');
    expect(`${fingerprint(publicKey)}=`).toBe(`SHA256:${whole}`);
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

  it('may have an exponent of 35 and more, and no odd one below', () => {
    expect(refusalOf(withParts(mpint(Uint8Array.of(33)), mpint(modulus))).why).toBe(
      'its RSA exponent is even or too small',
    );
    expect(codeOf(withParts(mpint(Uint8Array.of(35)), mpint(modulus)))).toBe('read');
    const even = modulus.slice();
    even[383] = 0xfe;
    expect(refusalOf(withParts(mpint(Uint8Array.of(35)), mpint(even))).why).toBe('its RSA modulus is even');
  });

  it('may be as long as OpenSSH takes it', () => {
    expect(codeOf(withParts(mpint(new Uint8Array(8).fill(0xff)), mpint(modulus)))).toBe('read');
    expect(codeOf(withParts(mpint(Uint8Array.of(1, 0, 1)), mpint(new Uint8Array(2_048).fill(0xff))))).toBe('read');
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
    // Its second form, which says the same point, is none that OpenSSH takes.
    expect(codeOf(withPoint(encode(uint8(6), point.subarray(1))))).toBe('weak_key');
  });

  it.each<[string, Uint8Array, string]>([
    [
      'its point has another form',
      withPoint(encode(uint8(5), point.subarray(1))),
      'its elliptic curve point is not an uncompressed point of its curve',
    ],
    [
      'its point is too long',
      withPoint(encode(point, uint8(0))),
      'its elliptic curve point is not an uncompressed point of its curve',
    ],
    [
      'its point is too short',
      withPoint(point.subarray(0, 64)),
      'its elliptic curve point is not an uncompressed point of its curve',
    ],
    [
      'its point is longer than that of any curve',
      withPoint(new Uint8Array(134)),
      'its elliptic curve point is longer than 133 bytes',
    ],
    [
      'its point is elsewhere',
      withPoint(encode(uint8(4), new Uint8Array(64))),
      'its elliptic curve point is not on its curve',
    ],
    ['its curve is another', withPoint(point, 'nistp521'), 'its curve does not match its type'],
  ])('is refused with the reason where %s', (_what, blob, why) => {
    expect(refusalOf(blob).why).toBe(why);
  });
});

describe('an ed25519 key', () => {
  const ed = (point: Uint8Array): Uint8Array => encode(string('ssh-ed25519'), string(point));

  it('is refused when it has not 32 bytes', () => {
    for (const length of [0, 31, 33, 64]) {
      const refusal = { code: 'weak_key', why: 'an ed25519 key has 32 bytes' };
      expect(refusalOf(ed(new Uint8Array(length).fill(7)))).toEqual(refusal);
    }
    expect(codeOf(ed(new Uint8Array(65).fill(7)))).toBe('too_long');
  });

  it('is refused when its point has a small order, whichever its sign', () => {
    for (const hex of [
      '0000000000000000000000000000000000000000000000000000000000000000',
      '0100000000000000000000000000000000000000000000000000000000000000',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    ]) {
      const point = Buffer.from(hex, 'hex');
      const refusal = { code: 'weak_key', why: 'its ed25519 point has a small order: anybody can sign for it' };
      expect([hex, refusalOf(ed(point))]).toEqual([hex, refusal]);
      point[31] = (point[31] ?? 0) | 0x80;
      expect([hex, refusalOf(ed(point))]).toEqual([hex, refusal]);
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
    const made = (application: string) => refusalOf(encode(string(type), fields, string(application)));
    const why = 'a FIDO key for SSH has an application that begins with ssh:';
    for (const no of ['https://example.com', '', 'ssh', ' ssh:']) expect(made(no)).toEqual({ code: 'bad_value', why });
    expect(made(`ssh:${'a'.repeat(251)}`).code).toBe('read');
    expect(made(`ssh:${'a'.repeat(252)}`).code).toBe('too_long');
  });

  it.each<[string, Uint8Array, string, string]>([
    ['DSA', string('ssh-dss'), 'weak_key', 'DSA keys are too weak: use ed25519'],
    ['a certificate', string('ssh-rsa-cert-v01@openssh.com'), 'unknown_type', 'it is a certificate, not a plain key'],
    [
      'another type',
      string('ssh-ed448'),
      'unknown_type',
      'Daypass does not accept its key type: use ed25519, ECDSA, RSA or FIDO',
    ],
    ['no type', uint8(0), 'truncated', 'it ends inside its key type'],
    ['a long blob', new Uint8Array(8_193), 'too_long', 'a public key has no more than 8192 bytes'],
    [
      'a blob that is not too long',
      encode(key('ssh-ed25519').blob, new Uint8Array(8_141)),
      'trailing_bytes',
      'bytes follow the end of the public key',
    ],
  ])('are refused, and it is said why: %s', (_what, blob, code, why) => {
    expect(refusalOf(blob)).toEqual({ code, why });
  });

  it.each<[KeyType, readonly string[]]>([
    ['ssh-ed25519', ['key type', 'ed25519 key']],
    ['sk-ssh-ed25519@openssh.com', ['key type', 'ed25519 key', 'application']],
    ['ecdsa-sha2-nistp384', ['key type', 'curve', 'elliptic curve point']],
    ['sk-ecdsa-sha2-nistp256@openssh.com', ['key type', 'curve', 'elliptic curve point', 'application']],
    ['ssh-rsa', ['key type', 'RSA exponent', 'RSA modulus']],
  ])('that end too early are told the part where they do: %s', (type, parts) => {
    const { blob } = key(type);
    const whys = Array.from({ length: blob.length }, (_, length) => refusalOf(blob.subarray(0, length)).why);
    expect([...new Set(whys)]).toEqual(parts.map((part) => `it ends inside its ${part}`));
  });
});

describe('the line of a key', () => {
  const { publicKey } = key('ssh-ed25519');
  const line = publicKeyLine(publicKey);
  const base64 = line.split(' ')[1] ?? '';

  it.each([
    ['a comment', `${line} somebody@host`],
    ['blanks around it', ` ${line}\n`],
    ['tabs and several blanks in it', `\tssh-ed25519 \t ${base64} \t comment with  blanks`],
    ['as many characters as may be', `${line} ${'c'.repeat(65_536 - line.length - 1)}`],
  ])('is read with %s', (_what, text) => {
    expect(parsePublicKeyLine(text)).toEqual({ ok: true, value: publicKey });
  });

  it.each([
    ['', 'bad_text', "a key's line is `<type> <base64>`"],
    ['ssh-ed25519', 'bad_text', "a key's line is `<type> <base64>`"],
    ['ssh-ed25519 !!!!', 'bad_text', 'its second word is not base64'],
    ['ssh-ed25519 AAAA=', 'bad_text', 'its second word is not base64'],
    ['ssh-ed25519 AAAA', 'truncated', 'it ends inside its key type'],
    [`ssh-ed25519-${line}`, 'bad_text', 'its first word is not the type of what follows'],
    [`ssh-rsa ${base64}`, 'bad_text', 'its first word is not the type of what follows'],
    [`${line} ${'c'.repeat(65_536 - line.length)}`, 'too_long', "a key's line has no more than 65536 characters"],
  ])('is refused with the reason: %j', (text, code, why) => {
    expect(parsePublicKeyLine(text)).toEqual({ ok: false, refusal: { code, why } });
  });
});
