import { describe, expect, it } from 'vitest';
import { encode, string, uint8 } from '../../../src/sshwire/bytes.ts';
import {
  type CertificateBody,
  encodeCertificate,
  encodeToBeSigned,
  flagOption,
  parseCertificate,
  stringOption,
} from '../../../src/sshwire/certificate.ts';
import { type CertificateTerms, checkCertificate } from '../../../src/sshwire/certificate-check.ts';
import { certificateBody, makeCertificate, signBody } from '../../support/peers/certificates.ts';
import { KEY_TYPES, keyIn, makeKey, oneOfEach, type TestKey } from '../../support/peers/ssh-keys.ts';
import { later, NOON } from '../../support/samples/samples.ts';

const keys = oneOfEach();
const ca = makeKey('ssh-ed25519');
const stranger = makeKey('ssh-ed25519');
const subject = keyIn(keys, 'ssh-ed25519').publicKey;
const terms: CertificateTerms = { caKeys: [ca.blob], now: NOON, principal: 'deploy', sourceAddress: '192.0.2.7' };

function verdictOf(blob: Uint8Array, change: Partial<CertificateTerms> = {}): string {
  const read = parseCertificate(blob);
  if (!read.ok) return `unreadable: ${read.refusal.code}`;
  const verdict = checkCertificate(read.value, { ...terms, ...change });
  return verdict.ok ? 'accepted' : verdict.refusal.code;
}
const verdictWith = (body: Partial<CertificateBody>, change: Partial<CertificateTerms> = {}): string =>
  verdictOf(makeCertificate(ca, subject, NOON, body).blob, change);

const seconds = (date: Date): bigint => BigInt(date.getTime() / 1000);

describe.each(KEY_TYPES)('a certificate for %s', (type) => {
  it('is accepted from every type of CA', () => {
    for (const authority of keys.values()) {
      const { blob } = makeCertificate(authority, keyIn(keys, type).publicKey, NOON);
      expect([authority.type, verdictOf(blob, { caKeys: [authority.blob] })]).toEqual([authority.type, 'accepted']);
    }
  });

  it('is not accepted once any of its bytes was changed', () => {
    const { blob } = makeCertificate(ca, keyIn(keys, type).publicKey, NOON, {
      criticalOptions: [stringOption('source-address', '192.0.2.0/24')],
      extensions: [flagOption('permit-pty')],
    });
    expect(verdictOf(blob)).toBe('accepted');
    for (let at = 0; at < blob.length; at += 1) {
      for (const flip of [0x01, 0x20, 0x80, 0xff]) {
        const forged = blob.slice();
        forged[at] = (forged[at] ?? 0) ^ flip;
        expect([at, flip, verdictOf(forged)]).not.toEqual([at, flip, 'accepted']);
      }
    }
  });
});

describe('the signature', () => {
  it('has to be by a CA that is known', () => {
    expect(verdictOf(makeCertificate(stranger, subject, NOON).blob)).toBe('unknown_ca');
    expect(verdictWith({}, { caKeys: [] })).toBe('unknown_ca');
    expect(verdictWith({}, { caKeys: [stranger.blob, ca.blob] })).toBe('accepted');
  });

  it('has to be by the CA whose key the certificate carries', () => {
    const body = certificateBody(ca, subject, NOON);
    expect(verdictOf(signBody(body, stranger).blob)).toBe('bad_signature');
    expect(verdictOf(signBody({ ...body, signatureKey: stranger.blob }, ca).blob)).toBe('unknown_ca');
  });

  it('has to be over this certificate', () => {
    const body = certificateBody(ca, subject, NOON);
    const other = encodeToBeSigned({ ...body, principals: ['root'] });
    expect(verdictOf(encodeCertificate(other, ca.sign(encodeToBeSigned(body))))).toBe('bad_signature');
  });

  it('by a key that is itself a certificate is refused', () => {
    const nested = makeCertificate(ca, stranger.publicKey, NOON).blob;
    const { blob } = signBody(certificateBody(ca, subject, NOON, { signatureKey: nested }), stranger);
    expect(verdictOf(blob)).toBe('nested_ca');
    expect(verdictOf(blob, { caKeys: [ca.blob, nested] })).toBe('nested_ca');
  });

  it('by an RSA CA with SHA-1 is refused', () => {
    const rsa = keyIn(keys, 'ssh-rsa');
    const weak: TestKey = { ...rsa, sign: (data) => rsa.sign(data, { algorithm: 'ssh-rsa', hash: 'sha1' }) };
    const { blob } = makeCertificate(weak, subject, NOON);
    expect(verdictOf(blob, { caKeys: [rsa.blob] })).toBe('bad_signature');
  });

  it('by a CA key that is too weak is refused', () => {
    const weak = encode(string('ssh-ed25519'), string(encode(uint8(1), new Uint8Array(31))));
    const forged = encode(string('ssh-ed25519'), string(encode(uint8(1), new Uint8Array(63))));
    const body = certificateBody(ca, subject, NOON, { signatureKey: weak });
    expect(verdictOf(encodeCertificate(encodeToBeSigned(body), forged), { caKeys: [weak] })).toBe('weak_ca');
  });
});

describe('a refused certificate', () => {
  const weak = encode(string('ssh-ed25519'), string(new Uint8Array(31)));
  const nested = makeCertificate(ca, stranger.publicKey, NOON).blob;
  const option = (name: string, data: Uint8Array = new Uint8Array(0)) => ({ criticalOptions: [{ name, data }] });
  const honours = ['force-command', 'verify-required'] as const;

  it.each<[string, string, Partial<CertificateBody>, Partial<CertificateTerms>]>([
    ['nested_ca', 'its CA is itself a certificate', { signatureKey: nested }, {}],
    ['unknown_ca', 'it was signed by an unknown CA', { signatureKey: stranger.blob }, {}],
    ['unknown_ca', 'it was signed by an unknown CA', { signatureKey: new Uint8Array(0) }, {}],
    ['weak_ca', 'its CA was refused: an ed25519 key has 32 bytes', { signatureKey: weak }, { caKeys: [weak] }],
    ['bad_signature', 'its CA did not sign it', { signatureKey: stranger.blob }, { caKeys: [stranger.blob] }],
    ['host_certificate', 'it is a host certificate', { kind: 'host' }, {}],
    ['bad_validity', 'it ends before it begins', { validAfter: 9n, validBefore: 8n }, {}],
    ['not_yet_valid', 'it is not valid yet', { validAfter: seconds(later(1)) }, {}],
    ['expired', 'it has expired', { validBefore: seconds(NOON) }, {}],
    ['no_principals', 'it names no principal', { principals: [] }, {}],
    ['principal_missing', 'it is for other principals', { principals: ['root'] }, {}],
    ['bad_option_data', 'its force-command is malformed', option('force-command'), { honours }],
    ['bad_option_data', 'its verify-required has data', option('verify-required', uint8(0)), { honours }],
    ['bad_option_data', 'its source-address is malformed', option('source-address'), {}],
    ['source_address_mismatch', 'it cannot be used from this address', option('source-address', string('::1')), {}],
    ['unknown_critical_option', 'its critical option a@b is not supported', option('a@b'), {}],
    ['unknown_critical_option', `its critical option ${'a'.repeat(64)} is not supported`, option('a'.repeat(64)), {}],
    ['unknown_critical_option', 'its critical option (unprintable) is not supported', option('a'.repeat(65)), {}],
    ['unknown_critical_option', 'its critical option (unprintable) is not supported', option(''), {}],
    ['unknown_critical_option', 'its critical option (unprintable) is not supported', option('a b'), {}],
    ['unknown_critical_option', 'its critical option (unprintable) is not supported', option(' a'), {}],
    ['unknown_critical_option', 'its critical option (unprintable) is not supported', option('ü'), {}],
  ])('says why: %s, %s', (code, why, body, change) => {
    const read = parseCertificate(makeCertificate(ca, subject, NOON, body).blob);
    expect(read.ok && checkCertificate(read.value, { ...terms, ...change })).toEqual({
      ok: false,
      refusal: { code, why },
    });
  });

  it('whose signature has no name at all was not signed by its CA', () => {
    const body = certificateBody(ca, subject, NOON);
    for (const nothing of [new Uint8Array(0), new Uint8Array(83), string('')]) {
      expect(verdictOf(encodeCertificate(encodeToBeSigned(body), nothing))).toBe('bad_signature');
    }
  });
});

describe('kind and validity', () => {
  it('a host certificate opens nothing', () => {
    expect(verdictWith({ kind: 'host' })).toBe('host_certificate');
  });

  it('runs from its first second until just before its last', () => {
    const span = { validAfter: seconds(NOON), validBefore: seconds(later(60)) };
    expect(verdictWith(span, { now: later(-0.001) })).toBe('not_yet_valid');
    expect(verdictWith(span, { now: NOON })).toBe('accepted');
    expect(verdictWith(span, { now: later(59.999) })).toBe('accepted');
    expect(verdictWith(span, { now: later(60) })).toBe('expired');
  });

  it('may last for ever, and may not end before it begins', () => {
    expect(verdictWith({ validAfter: 0n, validBefore: 0xffff_ffff_ffff_ffffn })).toBe('accepted');
    expect(verdictWith({ validAfter: 5n, validBefore: 5n })).toBe('bad_validity');
  });
});

describe('principals', () => {
  it('have to hold the one that is wanted, letter by letter', () => {
    expect(verdictWith({ principals: ['root', 'deploy'] })).toBe('accepted');
    for (const other of ['Deploy', 'deploy ', 'deploy,root', '*', 'deplo', 'deploy@web-01']) {
      expect([other, verdictWith({ principals: [other] })]).toEqual([other, 'principal_missing']);
    }
  });

  it('that are empty open nothing, whoever is wanted', () => {
    const { principal: _, ...anybody } = terms;
    const read = parseCertificate(makeCertificate(ca, subject, NOON, { principals: [] }).blob);
    expect(read.ok && checkCertificate(read.value, anybody)).toMatchObject({ refusal: { code: 'no_principals' } });
    expect(verdictWith({ principals: [] })).toBe('no_principals');
  });
});

describe('critical options', () => {
  const command = stringOption('force-command', 'true');
  const verify = flagOption('verify-required');

  it('that are unknown, or that the caller does not carry out, are refused', () => {
    for (const name of ['x@example.com', 'permit-pty', 'Source-Address', 'source-address ', '']) {
      expect([name, verdictWith({ criticalOptions: [flagOption(name)] })]).toEqual([name, 'unknown_critical_option']);
    }
    expect(verdictWith({ criticalOptions: [command] })).toBe('unknown_critical_option');
    expect(verdictWith({ criticalOptions: [verify] })).toBe('unknown_critical_option');
  });

  it('that the caller carries out are handed to it', () => {
    const read = parseCertificate(makeCertificate(ca, subject, NOON, { criticalOptions: [command, verify] }).blob);
    const honours = ['force-command', 'verify-required'] as const;
    expect(read.ok && checkCertificate(read.value, { ...terms, honours })).toEqual({
      ok: true,
      value: { forceCommand: 'true', verifyRequired: true, extensions: [] },
    });
  });

  it('with wrong data are refused', () => {
    const honours = ['force-command', 'verify-required'] as const;
    const wrong = [
      { name: 'force-command', data: string('') },
      { name: 'force-command', data: new Uint8Array(0) },
      { name: 'force-command', data: encode(string('true'), uint8(0)) },
      { name: 'force-command', data: string('true\0') },
      { name: 'verify-required', data: string('yes') },
      { name: 'source-address', data: string('') },
      { name: 'source-address', data: new TextEncoder().encode('192.0.2.7') },
      { name: 'source-address', data: encode(string('192.0.2.7'), string('192.0.2.7')) },
      { name: 'source-address', data: string('192.0.2.7/24') },
      { name: 'source-address', data: string('192.0.2.7,*') },
    ];
    for (const option of wrong) {
      expect([option, verdictWith({ criticalOptions: [option] }, { honours })]).toEqual([option, 'bad_option_data']);
    }
  });

  it('bind the certificate to addresses of either family', () => {
    const from = (list: string, sourceAddress: string | null): string =>
      verdictWith({ criticalOptions: [stringOption('source-address', list)] }, { sourceAddress });
    expect(from('192.0.2.0/24', '192.0.2.7')).toBe('accepted');
    expect(from('192.0.2.0/24', '::ffff:192.0.2.7')).toBe('accepted');
    expect(from('192.0.2.0/24', '192.0.3.7')).toBe('source_address_mismatch');
    expect(from('2001:db8::/32,192.0.2.9', '2001:db8::5')).toBe('accepted');
    expect(from('2001:db8::/32', '2001:db9::5')).toBe('source_address_mismatch');
    expect(from('192.0.2.0/24', 'unknown')).toBe('source_address_mismatch');
    expect(from('0.0.0.0/0,::/0', null)).toBe('source_address_mismatch');
  });
});

describe('extensions', () => {
  it('that are known are flags, and unknown ones mean nothing', () => {
    for (const name of [
      ...['no-touch-required', 'permit-X11-forwarding', 'permit-agent-forwarding', 'permit-port-forwarding'],
      ...['permit-pty', 'permit-user-rc'],
    ]) {
      const read = parseCertificate(
        makeCertificate(ca, subject, NOON, { extensions: [{ name, data: uint8(0) }] }).blob,
      );
      const refusal = { code: 'bad_option_data', why: `its extension ${name} has data` };
      expect(read.ok && checkCertificate(read.value, terms)).toEqual({ ok: false, refusal });
      expect([name, verdictWith({ extensions: [flagOption(name)] })]).toEqual([name, 'accepted']);
    }
    expect(verdictWith({ extensions: [flagOption('permit-pty'), stringOption('x@example.com', '1')] })).toBe(
      'accepted',
    );
  });
});
