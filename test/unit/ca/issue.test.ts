import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CertificateSpec, downstreamCertificate, upstreamCertificate } from '../../../src/access/certificate.ts';
import { SessionId } from '../../../src/access/ids.ts';
import { certificateAuthority } from '../../../src/ca/authority.ts';
import type { Keys } from '../../../src/ca/keys.ts';
import { encode, string, uint8 } from '../../../src/sshwire/bytes.ts';
import { type Certificate, parseCertificateLine } from '../../../src/sshwire/certificate.ts';
import { checkCertificate } from '../../../src/sshwire/certificate-check.ts';
import { encodePublicKey, fingerprint, parsePublicKeyLine, publicKeyLine } from '../../../src/sshwire/public-key.ts';
import type { RandomSource } from '../../../src/use-cases/ports/random.ts';
import { KEY_TYPES, keyIn, makeKey, oneOfEach } from '../../support/peers/ssh-keys.ts';
import { grant, later, NOON, targetId } from '../../support/samples/samples.ts';
import { systemRandom, testAuthority, testKeys } from '../../support/worlds/authority.ts';

const LONG = process.env['DAYPASS_LONG'] === '1';
const keys = testKeys();
const authority = testAuthority(keys, systemRandom, { now: () => NOON });
const contractors = oneOfEach();
const contractor = keyIn(contractors, 'ssh-ed25519');
const worker = makeKey('ssh-ed25519');
const session = SessionId.parse('ee000000-0000-4000-8000-000000000001');

const read = (line: string): Certificate => {
  const certificate = parseCertificateLine(line);
  if (!certificate.ok) throw new Error(certificate.refusal.why);
  return certificate.value;
};
const blobOf = (line: string): Uint8Array => {
  const key = parsePublicKeyLine(line);
  if (!key.ok) throw new Error(key.refusal.why);
  return encodePublicKey(key.value);
};

const downSpec = (change: Partial<CertificateSpec> = {}): CertificateSpec => ({
  ...downstreamCertificate(grant(1)),
  ...change,
});
const upSpec = (change: Partial<CertificateSpec> = {}): CertificateSpec => ({
  ...upstreamCertificate(grant(1), { id: session, targetId: targetId('web-01'), sourceAddress: '192.0.2.1' }, NOON),
  ...change,
});
const down = (change: Partial<CertificateSpec>) => () =>
  authority.issueDownstream(publicKeyLine(contractor.publicKey), downSpec(change));
const up = (change: Partial<CertificateSpec>) => () => authority.issueUpstream(worker.blob, upSpec(change));

describe.each(KEY_TYPES)('a contractor’s certificate for %s', (type) => {
  it('says what was asked, is signed by the user CA, and is valid now', () => {
    const key = keyIn(contractors, type);
    const spec = downSpec();
    const issued = authority.issueDownstream(publicKeyLine(key.publicKey), spec);
    const certificate = read(issued.certificate);
    expect(certificate).toMatchObject({
      publicKey: key.publicKey,
      kind: 'user',
      keyId: spec.keyId,
      principals: spec.principals,
      validAfter: BigInt(spec.validAfter.getTime() / 1000),
      validBefore: BigInt(spec.validBefore.getTime() / 1000),
      criticalOptions: [],
      extensions: [{ name: 'permit-pty', data: new Uint8Array(0) }],
    });
    expect(certificate.nonce).toHaveLength(32);
    expect(issued).toEqual({
      serial: certificate.serial.toString(),
      keyId: spec.keyId,
      fingerprint: fingerprint(key.publicKey),
      certificate: issued.certificate,
      issuedAt: NOON,
    });
    const byUserCa = { caKeys: [blobOf(keys.userCaPublicKey)], now: NOON, sourceAddress: null };
    expect(checkCertificate(certificate, byUserCa)).toMatchObject({ ok: true });
    const byTargetCa = { ...byUserCa, caKeys: [blobOf(keys.targetCaPublicKey)] };
    expect(checkCertificate(certificate, byTargetCa)).toMatchObject({ refusal: { code: 'unknown_ca' } });
  });
});

describe('an upstream certificate', () => {
  it('is signed by the target CA for one login on one target, from the gateway’s address only', () => {
    const certificate = read(up({})().certificate);
    const terms = { caKeys: [blobOf(keys.targetCaPublicKey)], now: NOON, principal: 'deploy@web-01' };
    expect(certificate.principals).toEqual(['deploy@web-01']);
    expect(checkCertificate(certificate, { ...terms, sourceAddress: '192.0.2.1' })).toMatchObject({ ok: true });
    expect(checkCertificate(certificate, { ...terms, sourceAddress: '192.0.2.2' }).ok).toBe(false);
    expect(checkCertificate(certificate, { ...terms, principal: 'deploy@db-01', sourceAddress: '192.0.2.1' })).toEqual({
      ok: false,
      refusal: { code: 'principal_missing', why: 'it is for other principals' },
    });
    const byUserCa = { ...terms, caKeys: [blobOf(keys.userCaPublicKey)], sourceAddress: '192.0.2.1' };
    expect(checkCertificate(certificate, byUserCa)).toMatchObject({ refusal: { code: 'unknown_ca' } });
  });

  it('can carry a forced command, with its options in lexical order', () => {
    const criticalOptions = { 'source-address': '192.0.2.1', 'force-command': 'internal-sftp -R' };
    const { criticalOptions: written } = read(up({ criticalOptions })().certificate);
    expect(written.map((option) => option.name)).toEqual(['force-command', 'source-address']);
  });

  it('lives no longer than five minutes and the time by which it is backdated', () => {
    expect(up({ validAfter: later(-60), validBefore: later(301) })).toThrow(/at most 360 s/);
    expect(up({ validAfter: later(-60), validBefore: later(300) })).not.toThrow();
  });
});

describe('what must not be signed is a fault', () => {
  const many = Array.from({ length: 9 }, (_, i) => `p${i}`);
  it.each([
    ['no principal', { principals: [] }],
    ['nine principals', { principals: many }],
    ['the same principal twice', { principals: ['deploy', 'deploy'] }],
    ...['', '*', 'a,b', 'root\n', 'Root', '-x', 'a'.repeat(33), 'deploy@web-01', 'ü'].map(
      (principal) => [`the principal ${JSON.stringify(principal)}`, { principals: [principal] }] as const,
    ),
    ['a critical option that the gateway does not carry out', { criticalOptions: { 'force-command': 'true' } }],
    ['an unknown critical option', { criticalOptions: { 'x@example.com': '' } }],
    ['a malformed source-address', { criticalOptions: { 'source-address': '192.0.2.1/24' } }],
  ] as const)('downstream: %s', (_what, change) => {
    expect(down(change)).toThrow(expect.objectContaining({ code: 'certificate_not_allowed' }));
  });

  it.each([
    ['two principals', { principals: ['deploy@web-01', 'deploy@db-01'] }],
    ...[
      'deploy',
      '@web-01',
      'deploy@',
      'deploy@web-01@db-01',
      'Deploy@web-01',
      'deploy@WEB',
      'deploy@*',
      '*@web-01',
    ].map((principal) => [`the principal ${principal}`, { principals: [principal] }] as const),
    ['an empty command', { criticalOptions: { 'force-command': '' } }],
    ['a command with a NUL', { criticalOptions: { 'force-command': 'a\0b' } }],
    ['verify-required', { criticalOptions: { 'verify-required': '' } }],
  ] as const)('upstream: %s', (_what, change) => {
    expect(up(change)).toThrow(expect.objectContaining({ code: 'certificate_not_allowed' }));
  });

  it.each([
    ['an empty key id', { keyId: '' }],
    ['a key id with a newline', { keyId: 'daypass\nroot' }],
    ['a key id that is not ASCII', { keyId: 'daypass:ü' }],
    ['a key id of 256 characters', { keyId: 'x'.repeat(256) }],
    ['an end before its beginning', { validAfter: later(10), validBefore: later(10.9) }],
    ['a date that is none', { validBefore: new Date(Number.NaN) }],
    ['a beginning before 1970', { validAfter: new Date(-1_000) }],
    ...['permit-agent-forwarding', 'permit-X11-forwarding', 'permit-user-rc', 'no-touch-required', 'x', ''].map(
      (extension) => [`the extension ${extension}`, { extensions: [extension] }] as const,
    ),
    ['an extension twice', { extensions: ['permit-pty', 'permit-pty'] }],
  ] as const)('in both directions: %s', (_what, change) => {
    expect(down(change)).toThrow(expect.objectContaining({ code: 'certificate_not_allowed' }));
    expect(up(change)).toThrow(expect.objectContaining({ code: 'certificate_not_allowed' }));
  });

  it.each([
    ['half a hash', down({ auditHead: { number: 1, hash: 'ab'.repeat(16) } })],
    ['a hash that is none', down({ auditHead: { number: 1, hash: 'xy'.repeat(32) } })],
    ['event 0', down({ auditHead: { number: 0, hash: 'ab'.repeat(32) } })],
    ['a target to read it', up({ auditHead: { number: 1, hash: 'ab'.repeat(32) } })],
    ['its extension without a head', down({ extensions: ['audit-head@daypass'] })],
  ] as const)('a head of the audit log with %s', (_what, issue) => {
    expect(issue).toThrow(expect.objectContaining({ code: 'certificate_not_allowed' }));
  });

  it('for a key that is too weak, with the reason', () => {
    const weak = encode(string('ssh-rsa'), string(uint8(3)), string(new Uint8Array(256).fill(0x7f)));
    expect(() => authority.issueUpstream(weak, upSpec())).toThrow(/2047 bits/);
    const line = `ssh-rsa ${Buffer.from(weak).toString('base64')}`;
    expect(() => authority.issueDownstream(line, downSpec())).toThrow(/2047 bits/);
    expect(() => authority.issueDownstream('ssh-dss AAAA', downSpec())).toThrow(/refused/);
  });
});

describe('what is just within its bounds is signed', () => {
  const forced = (command: string) => ({ criticalOptions: { 'force-command': command } });
  it.each<[string, () => unknown]>([
    ['eight principals', down({ principals: Array.from({ length: 8 }, (_, i) => `p${i}`) })],
    ['a key id of one character', down({ keyId: ' ' })],
    ['a key id of 255 characters', down({ keyId: `${' ~'.repeat(127)}x` })],
    ['addresses', down({ criticalOptions: { 'source-address': '192.0.2.0/24,2001:db8::1' } })],
    ['no extension', down({ extensions: [] })],
    ['from 1970 on, for a second', down({ validAfter: new Date(0), validBefore: new Date(1_000) })],
    ['until the end of 9999', down({ validBefore: new Date('9999-12-31T23:59:59.999Z') })],
    ['a command of one character', up(forced('x'))],
    ['a command of 8192 characters', up(forced('x'.repeat(8_192)))],
  ])('%s', (_what, issue) => {
    expect(issue).not.toThrow();
  });

  it('with the head of the audit log, which those who do not know it pass over', () => {
    const hash = 'ab'.repeat(32);
    const certificate = read(down({ auditHead: { number: 1_042, hash } })().certificate);
    expect(certificate.extensions.map(({ name }) => name)).toEqual(['audit-head@daypass', 'permit-pty']);
    expect(certificate.extensions[0]?.data).toEqual(string(`1042:${hash}`));
    const terms = { caKeys: [blobOf(keys.userCaPublicKey)], now: NOON, sourceAddress: null };
    expect(checkCertificate(certificate, terms)).toMatchObject({ ok: true });
  });

  it('with its extensions in lexical order', () => {
    const { extensions } = read(down({ extensions: ['permit-pty', 'permit-port-forwarding'] })().certificate);
    expect(extensions.map(({ name }) => name)).toEqual(['permit-port-forwarding', 'permit-pty']);
  });
});

describe('what is just beyond them is not, and it is said why', () => {
  const forced = (command: string) => ({ criticalOptions: { 'force-command': command } });
  const noCommand = 'force-command takes 1 to 8192 characters without NUL';
  const noKeyId = 'a key id must be 1 to 255 printable ASCII characters';
  const noPrincipals = 'it takes 1 to 8 different principals, not';
  it.each<[string, () => unknown]>([
    [`${noPrincipals} 0`, down({ principals: [] })],
    [`${noPrincipals} 9`, down({ principals: Array.from({ length: 9 }, (_, i) => `p${i}`) })],
    [`${noPrincipals} 2`, down({ principals: ['deploy', 'deploy'] })],
    ['it takes 1 to 1 different principals, not 2', up({ principals: ['deploy@web-01', 'deploy@db-01'] })],
    ['"a b" is not a principal of this CA', down({ principals: ['deploy', 'a b'] })],
    ['"deploy" is not a principal of this CA', up({ principals: ['deploy'] })],
    [noKeyId, down({ keyId: '' })],
    [noKeyId, down({ keyId: 'x'.repeat(256) })],
    [noKeyId, down({ keyId: 'x\n' })],
    [noKeyId, down({ keyId: '\nx' })],
    [noKeyId, down({ keyId: '\x7f' })],
    ['the extension "permit-user-rc" is not issued', down({ extensions: ['permit-pty', 'permit-user-rc'] })],
    ['an extension is named twice', down({ extensions: ['permit-pty', 'permit-pty'] })],
    [
      'source-address takes addresses and CIDR ranges, separated by commas',
      down({ criticalOptions: { 'source-address': '' } }),
    ],
    ['the critical option "force-command" is not issued by this CA', down(forced('true'))],
    [noCommand, up(forced(''))],
    [noCommand, up(forced('a\0'))],
    [noCommand, up(forced('x'.repeat(8_193)))],
    [
      'the critical option "verify-required" is not issued by this CA',
      up({ criticalOptions: { 'verify-required': '' } }),
    ],
    ['it must begin before it ends', down({ validAfter: NOON, validBefore: NOON })],
    ['it must begin before it ends', down({ validAfter: new Date(-1) })],
    ['it must begin before it ends', down({ validBefore: new Date('+010000-01-01T00:00:00Z') })],
    ['it must begin before it ends', down({ validAfter: new Date(Number.NaN) })],
    ['it may be valid for at most 360 s', up({ validAfter: later(-60), validBefore: later(301) })],
  ])('%s', (why, issue) => {
    expect(issue).toThrow(
      expect.objectContaining({ name: 'CertificateFault', code: 'certificate_not_allowed', message: why }),
    );
  });

  it('of a key that is refused as well', () => {
    const issue = () => authority.issueDownstream('ssh-dss AAAA', downSpec());
    expect(issue).toThrow('the public key is refused: it ends inside its key type');
  });
});

it('certificates are dated by the clock of the machine where no other is given', () => {
  const before = Date.now();
  const { issuedAt } = testAuthority(keys).issueUpstream(worker.blob, upSpec());
  expect(issuedAt.getTime()).toBeGreaterThanOrEqual(before);
  expect(issuedAt.getTime()).toBeLessThanOrEqual(Date.now());
});

describe('what was signed', () => {
  const withKeys = (change: Partial<Keys>) => certificateAuthority({ ...keys, ...change } as Keys, systemRandom);

  it('is not let out when the signature is not the CA’s', () => {
    const wrong = withKeys({ signAsUserCa: keys.signAsTargetCa });
    const issue = () => wrong.issueDownstream(publicKeyLine(contractor.publicKey), downSpec());
    expect(issue).toThrow(expect.objectContaining({ code: 'certificate_miswritten' }));
  });

  it('is not let out when the signer signed something else or nothing', () => {
    for (const signer of [() => keys.signAsUserCa(uint8(1)), () => new Uint8Array(0), () => new Uint8Array(83)]) {
      const issue = () =>
        withKeys({ signAsUserCa: signer }).issueDownstream(publicKeyLine(contractor.publicKey), downSpec());
      expect(issue).toThrow(expect.objectContaining({ code: 'certificate_miswritten' }));
    }
  });
});

describe('serials', () => {
  it('are 64 random bits, different each time, and never zero', () => {
    const count = LONG ? 10_000 : 200;
    const serials = new Set(Array.from({ length: count }, () => up({})().serial));
    expect(serials.size).toBe(count);
    expect([...serials].some((serial) => BigInt(serial) > 0xffff_ffff_ffffn)).toBe(true);
    const zeros: RandomSource = { ...systemRandom, bytes: (length) => new Uint8Array(length) };
    expect(() => testAuthority(keys, zeros).issueUpstream(worker.blob, upSpec())).toThrow(/zero bytes/);
  });
});

it('whatever is asked is refused or comes out exactly so', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'z', '0', '-', '_', '.', '@', ',', '*', ' ', '\n', 'Z', 'é') });
  const property = fc.property(
    fc.array(text, { maxLength: 9 }),
    fc.string({ maxLength: 300 }),
    fc.integer({ min: -1_000, max: 1_000 }),
    fc.integer({ min: -1_000, max: 1_000 }),
    fc.subarray(['permit-pty', 'permit-port-forwarding', 'permit-user-rc']),
    (principals, keyId, from, until, extensions) => {
      const spec = { keyId, principals, extensions, criticalOptions: {} };
      const times = { validAfter: later(from / 3), validBefore: later(until / 3) };
      const issue = () => authority.issueDownstream(publicKeyLine(contractor.publicKey), { ...spec, ...times });
      let line: string;
      try {
        line = issue().certificate;
      } catch (error) {
        expect(error).toMatchObject({ code: 'certificate_not_allowed' });
        return;
      }
      const certificate = read(line);
      expect(certificate.principals).toEqual(principals);
      expect(certificate.principals.every((each) => /^[a-z_][a-z0-9_.-]{0,31}$/.test(each))).toBe(true);
      expect(certificate.keyId).toBe(keyId);
      expect(Number(certificate.validBefore) * 1000).toBeLessThanOrEqual(times.validBefore.getTime());
    },
  );
  fc.assert(property, { seed: 4, numRuns: LONG ? 20_000 : 500 });
});
