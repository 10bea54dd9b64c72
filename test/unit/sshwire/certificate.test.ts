import { describe, expect, it } from 'vitest';
import { encode, string, uint8, uint32, uint64 } from '../../../src/sshwire/bytes.ts';
import {
  type CertificateBody,
  certificateType,
  encodeToBeSigned,
  flagOption,
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

describe('the other fields', () => {
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

/** A certificate put together without the encoder under test; what it leaves out is well-formed. */
function handMade(part: {
  readonly type?: string;
  readonly key?: Uint8Array;
  readonly kind?: number;
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
    string(string('deploy')),
    uint64(0n),
    uint64(0xffff_ffff_ffff_ffffn),
    string(part.criticalOptions ?? ''),
    string(''),
    string(part.reserved ?? ''),
    string(ca.blob),
    string(ca.sign(new Uint8Array(0))),
  );
}
