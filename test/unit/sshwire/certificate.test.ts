import { describe, expect, it } from 'vitest';
import { encode, string, uint8, uint32, uint64 } from '../../../src/sshwire/bytes.ts';
import {
  type CertificateBody,
  certificateType,
  encodeToBeSigned,
  flagOption,
  isCertificateType,
  optionText,
  parseCertificate,
  parseCertificateLine,
  stringOption,
} from '../../../src/sshwire/certificate.ts';
import { encodeKeyFields } from '../../../src/sshwire/public-key.ts';
import { certificateBody, makeCertificate, signBody } from '../../support/peers/certificates.ts';
import { KEY_TYPES, keyIn, makeKey, oneOfEach } from '../../support/peers/ssh-keys.ts';
import { NOON } from '../../support/samples/samples.ts';

const keys = oneOfEach();
const ca = makeKey('ssh-ed25519');
const subject = keyIn(keys, 'ssh-ed25519').publicKey;

const refusalOf = (blob: Uint8Array): { readonly code: string; readonly why: string } => {
  const read = parseCertificate(blob);
  return read.ok ? { code: 'read', why: '' } : read.refusal;
};
const codeOf = (blob: Uint8Array): string => {
  const read = parseCertificate(blob);
  return read.ok ? 'read' : read.refusal.code;
};
const codeWith = (change: Partial<CertificateBody>): string => codeOf(makeCertificate(ca, subject, NOON, change).blob);

describe.each(KEY_TYPES)('a certificate for %s', (type) => {
  const { publicKey } = keyIn(keys, type);
  const body = certificateBody(ca, publicKey, NOON, {
    serial: 0xffff_ffff_ffff_fffen,
    principals: ['deploy', 'web-01', 'ünïcode'],
    criticalOptions: [stringOption('force-command', 'a\nb'), stringOption('source-address', '192.0.2.0/24')],
    extensions: [flagOption('permit-port-forwarding'), flagOption('permit-pty')],
  });
  const { blob, line } = signBody(body, ca);

  it('comes back as it was written, every field', () => {
    const read = parseCertificate(blob);
    expect(read).toMatchObject({ ok: true, value: { ...body, type: certificateType(type) } });
    if (read.ok) expect(Buffer.from(read.value.signed).equals(encodeToBeSigned(body))).toBe(true);
    expect(parseCertificateLine(`${line} comment`)).toEqual(read);
  });

  it('is refused when bytes follow it or are missing', () => {
    expect(codeOf(encode(blob, uint8(0)))).toBe('trailing_bytes');
    for (let length = 0; length < blob.length; length += 1) expect(codeOf(blob.subarray(0, length))).toBe('truncated');
  });

  it('is refused under another type’s name', () => {
    const own = certificateType(type);
    for (const other of [...KEY_TYPES.filter((each) => each !== type).map(certificateType), type]) {
      const renamed = encode(string(other), blob.subarray(4 + own.length));
      expect([other, codeOf(renamed)]).not.toEqual([other, 'read']);
      expect(parseCertificateLine(line.replace(own, other)).ok).toBe(false);
    }
  });
});

describe('options', () => {
  const [pty, rc] = [flagOption('permit-pty'), flagOption('permit-user-rc')];

  it('are refused out of lexical order, in either list', () => {
    expect(codeWith({ extensions: [rc, pty] })).toBe('unordered_options');
    expect(codeWith({ criticalOptions: [stringOption('b', ''), stringOption('a', '')] })).toBe('unordered_options');
    expect(codeWith({ extensions: [flagOption('b'), flagOption('B')] })).toBe('unordered_options');
  });

  it('are refused when one stands there twice', () => {
    expect(codeWith({ extensions: [pty, pty] })).toBe('duplicate_option');
    const two = [stringOption('source-address', '0.0.0.0/0'), stringOption('source-address', '192.0.2.1')];
    expect(codeWith({ criticalOptions: two })).toBe('duplicate_option');
  });

  it('are refused in numbers that nobody needs', () => {
    const many = Array.from({ length: 65 }, (_, i) => flagOption(`x${String(i).padStart(3, '0')}`));
    expect(codeWith({ extensions: many.slice(1) })).toBe('read');
    expect(codeWith({ extensions: many })).toBe('too_long');
  });

  it('are refused where a name or data is cut short', () => {
    const cut = (list: Uint8Array): string => codeOf(handMade({ criticalOptions: list }));
    expect(cut(encode(string('source-address')))).toBe('truncated');
    expect(cut(encode(string('source-address'), uint32(5), uint8(1)))).toBe('truncated');
    expect(cut(encode(string('source-address\n'), string('')))).toBe('bad_text');
    expect(cut(encode(string('a'), string('')))).toBe('read');
  });
});

describe('the data of an option', () => {
  it.each([
    ['a string', string('a\nb'), 'a\nb'],
    ['an empty string', string(''), ''],
  ])('that is %s is that string', (_what, data, value) => {
    expect(optionText({ name: 'x', data })).toEqual({ ok: true, value });
  });

  it.each([
    ['nothing', new Uint8Array(0), 'truncated', "it ends inside its option's data"],
    ['no string', uint8(1), 'truncated', "it ends inside its option's data"],
    ['two strings', encode(string('a'), string('b')), 'trailing_bytes', "bytes follow the end of the option's data"],
    ['no UTF-8', string(uint8(0xff)), 'bad_text', "its option's data is not UTF-8"],
    ['a string with a NUL', string('a\0b'), 'bad_text', "its option's data has a NUL"],
  ])('that is %s is refused', (_what, data, code, why) => {
    expect(optionText({ name: 'x', data })).toEqual({ ok: false, refusal: { code, why } });
  });
});

describe('the length of a part', () => {
  const long = (length: number): string => 'a'.repeat(length);
  it.each<[string, Partial<CertificateBody>, string]>([
    ['a nonce of 15 bytes', { nonce: new Uint8Array(15) }, 'bad_value'],
    ['a nonce of 16 bytes', { nonce: new Uint8Array(16) }, 'read'],
    ['a nonce of 256 bytes', { nonce: new Uint8Array(256) }, 'read'],
    ['a nonce of 257 bytes', { nonce: new Uint8Array(257) }, 'too_long'],
    ['a key id of 1024', { keyId: long(1_024) }, 'read'],
    ['a key id of 1025', { keyId: long(1_025) }, 'too_long'],
    ['a principal of 1024', { principals: [long(1_024)] }, 'read'],
    ['a principal of 1025', { principals: [long(1_025)] }, 'too_long'],
    ['the name of an option of 256', { extensions: [flagOption(long(256))] }, 'read'],
    ['the name of an option of 257', { extensions: [flagOption(long(257))] }, 'too_long'],
  ])('has a bound: %s', (_what, change, code) => {
    expect(codeWith(change)).toBe(code);
  });

  it('and so has the whole', () => {
    const padded = (length: number): Uint8Array =>
      makeCertificate(ca, subject, NOON, { extensions: [{ name: 'x', data: new Uint8Array(length) }] }).blob;
    const more = 32_768 - padded(0).length;
    expect(padded(more)).toHaveLength(32_768);
    expect(codeOf(padded(more))).toBe('read');
    expect(refusalOf(padded(more + 1))).toEqual({
      code: 'too_long',
      why: 'a certificate has no more than 32768 bytes',
    });
  });
});

describe('the other fields', () => {
  it.each<[string, Uint8Array, string]>([
    ['no name', uint8(0), 'it ends inside its certificate type'],
    ['a plain key', string('ssh-ed25519'), 'it is not a certificate of version 01'],
    ['a DSA key', handMade({ type: 'ssh-dss' }), 'DSA keys are too weak: use ed25519'],
    [
      'a short nonce',
      makeCertificate(ca, subject, NOON, { nonce: new Uint8Array(1) }).blob,
      'its nonce is shorter than 16 bytes',
    ],
    ['another kind', handMade({ kind: 3 }), 'it is neither a user nor a host certificate'],
    [
      'an empty principal',
      makeCertificate(ca, subject, NOON, { principals: [''] }).blob,
      'one of its principals is empty',
    ],
    [
      'many principals',
      makeCertificate(ca, subject, NOON, { principals: Array(257).fill('p') }).blob,
      'it has more than 256 principals',
    ],
    [
      'many options',
      makeCertificate(ca, subject, NOON, { criticalOptions: numbered(65) }).blob,
      'it has more than 64 critical options',
    ],
    [
      'many extensions',
      makeCertificate(ca, subject, NOON, { extensions: numbered(65) }).blob,
      'it has more than 64 extensions',
    ],
    [
      'an option twice',
      makeCertificate(ca, subject, NOON, { criticalOptions: [...numbered(1), ...numbered(1)] }).blob,
      'it has the same critical option twice',
    ],
    [
      'extensions without order',
      makeCertificate(ca, subject, NOON, { extensions: numbered(2).reverse() }).blob,
      'its extensions are not in lexical order',
    ],
    ['the reserved field', handMade({ reserved: uint8(0) }), 'its reserved field is not empty'],
    ['a cut option', handMade({ criticalOptions: uint8(0) }), "it ends inside its critical option's name"],
    ['an option without data', handMade({ criticalOptions: string('x') }), "it ends inside its critical option's data"],
  ])('are refused with the reason: %s', (_what, blob, why) => {
    expect(refusalOf(blob).why).toBe(why);
  });

  it('are named where the certificate ends inside of them', () => {
    const { blob } = makeCertificate(ca, subject, NOON);
    const whys = Array.from({ length: blob.length }, (_, length) => refusalOf(blob.subarray(0, length)).why);
    expect([...new Set(whys)].map((why) => why.replace('it ends inside its ', ''))).toEqual([
      ...['certificate type', 'nonce', 'ed25519 key', 'serial', 'certificate kind', 'key id', 'principals'],
      ...['start of validity', 'end of validity', 'critical options', 'extensions', 'reserved field'],
      ...['signature key', 'signature'],
    ]);
    const behind = encode(blob, uint8(0));
    expect(refusalOf(behind).why).toBe('bytes follow the end of the certificate');
    const inPrincipal = refusalOf(handMade({ principals: uint32(1) }));
    expect(inPrincipal).toEqual({ code: 'truncated', why: 'it ends inside its principal' });
  });

  it('are refused when they say nothing that a certificate can say', () => {
    expect(codeWith({ nonce: new Uint8Array(15) })).toBe('bad_value');
    expect(codeWith({ nonce: new Uint8Array(257) })).toBe('too_long');
    expect(codeWith({ keyId: 'a\nb' })).toBe('bad_text');
    expect(codeWith({ keyId: 'a'.repeat(1_025) })).toBe('too_long');
    expect(codeWith({ principals: ['deploy', ''] })).toBe('bad_value');
    expect(codeWith({ principals: ['root\0'] })).toBe('bad_text');
    expect(codeWith({ principals: Array.from({ length: 256 }, (_, i) => `p${i}`) })).toBe('read');
    expect(codeWith({ principals: Array.from({ length: 257 }, (_, i) => `p${i}`) })).toBe('too_long');
    expect(codeOf(handMade({ kind: 0 }))).toBe('bad_value');
    expect(codeOf(handMade({ kind: 3 }))).toBe('bad_value');
    expect(codeOf(handMade({ kind: 1 }))).toBe('read');
    expect(codeOf(handMade({ reserved: uint8(0) }))).toBe('bad_value');
    expect(codeOf(new Uint8Array(40_000))).toBe('too_long');
  });

  it('are refused with the reason where the certified key is weak', () => {
    const weak = handMade({ type: 'ssh-rsa', key: encode(string(uint8(3)), string(new Uint8Array(256).fill(0x7f))) });
    const read = parseCertificate(weak);
    expect(read).toMatchObject({ ok: false, refusal: { code: 'weak_key', why: expect.stringContaining('2047 bits') } });
    expect(codeOf(handMade({ type: 'ssh-dss', key: string('x') }))).toBe('weak_key');
    expect(codeOf(handMade({ key: string(new Uint8Array(33)) }))).toBe('weak_key');
  });

  it('of earlier versions of certificates are refused', () => {
    expect(codeOf(string('ssh-rsa-cert-v00@openssh.com'))).toBe('unknown_type');
    expect(codeOf(string('ssh-ed25519-cert-v02@openssh.com'))).toBe('unknown_type');
    expect(codeOf(string('sk-ssh-ed25519@openssh.com-cert-v01@openssh.com'))).toBe('unknown_type');
    expect(codeOf(string('-cert-v01@openssh.com'))).toBe('unknown_type');
  });
});

describe('the line of a certificate', () => {
  const { line } = makeCertificate(ca, subject, NOON);
  it.each([
    ['without base64', 'ssh-ed25519-cert-v01@openssh.com', 'bad_text'],
    ['of a plain key', `ssh-ed25519 ${Buffer.from(ca.blob).toString('base64')}`, 'unknown_type'],
    ['whose first word is another type', line.replace('ssh-ed25519', 'ssh-rsa'), 'bad_text'],
    ['whose first word is that of the plain key', line.replace('-cert-v01@openssh.com', ''), 'bad_text'],
  ])('%s is refused', (_what, text, code) => {
    expect(parseCertificateLine(text)).toMatchObject({ ok: false, refusal: { code } });
  });
});

it.each([
  ['ssh-ed25519-cert-v01@openssh.com', true],
  ['ssh-ed25519', false],
  ['ssh-ed25519-cert-v00@openssh.com', false],
])('by its name %s is a certificate: %s', (name, expected) => {
  expect(isCertificateType(name)).toBe(expected);
});

function numbered(count: number): CertificateBody['extensions'][number][] {
  return Array.from({ length: count }, (_, n) => flagOption(`x${String(n).padStart(3, '0')}`));
}

/** A certificate put together without the encoder under test; what it leaves out is well-formed. */
function handMade(part: {
  readonly type?: string;
  readonly key?: Uint8Array;
  readonly kind?: number;
  readonly principals?: Uint8Array;
  readonly criticalOptions?: Uint8Array;
  readonly reserved?: Uint8Array;
}): Uint8Array {
  return encode(
    string(`${part.type ?? 'ssh-ed25519'}-cert-v01@openssh.com`),
    string(new Uint8Array(32)),
    part.key ?? encodeKeyFields(subject),
    uint64(1n),
    uint32(part.kind ?? 1),
    string('key id'),
    string(part.principals ?? string('deploy')),
    uint64(0n),
    uint64(0xffff_ffff_ffff_ffffn),
    string(part.criticalOptions ?? ''),
    string(''),
    string(part.reserved ?? ''),
    string(ca.blob),
    string(ca.sign(new Uint8Array(0))),
  );
}
