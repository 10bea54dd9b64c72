import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { downstreamCertificate } from '../../../src/access/certificate.ts';
import type { Keys } from '../../../src/ca/keys.ts';
import { encode, string, uint8 } from '../../../src/sshwire/bytes.ts';
import {
  type CertificateBody,
  encodeCertificate,
  encodeToBeSigned,
  flagOption,
  parseCertificateLine,
  stringOption,
} from '../../../src/sshwire/certificate.ts';
import { encodePublicKey, fingerprint, parsePublicKeyLine, publicKeyLine } from '../../../src/sshwire/public-key.ts';
import type { UserauthProof } from '../../../src/use-cases/ports/authority.ts';
import {
  certificateBody,
  plainAlgorithm,
  proofOf,
  SESSION_ID,
  signBody,
  userauth,
} from '../../support/peers/certificates.ts';
import { KEY_TYPES, keyIn, makeKey, oneOfEach, type TestKey } from '../../support/peers/ssh-keys.ts';
import { mutate, seeded } from '../../support/samples/mutations.ts';
import { grant, later, NOON } from '../../support/samples/samples.ts';
import { systemRandom, testAuthority, testKeys } from '../../support/worlds/authority.ts';

const LONG = process.env['DAYPASS_LONG'] === '1';
const LONG_MS = 3_600_000;
const ADDRESS = '192.0.2.7';

const keys = testKeys();
const authority = testAuthority(keys);
const contractors = oneOfEach();
const contractor = keyIn(contractors, 'ssh-ed25519');
const stranger = makeKey('ssh-ed25519');

const blobOf = (line: string): Uint8Array => {
  const key = parsePublicKeyLine(line);
  if (!key.ok) throw new Error(key.refusal.why);
  return encodePublicKey(key.value);
};
const userCaBlob = blobOf(keys.userCaPublicKey);

/** What the user CA would sign if it were made to sign anything. */
function signedByUserCa(
  key: TestKey,
  change: Partial<CertificateBody> = {},
  signer: Keys['signAsUserCa'] = keys.signAsUserCa,
) {
  const signed = encodeToBeSigned({
    ...certificateBody(stranger, key.publicKey, NOON),
    signatureKey: userCaBlob,
    ...change,
  });
  return encodeCertificate(signed, signer(signed));
}

const verdict = (proof: UserauthProof, address = ADDRESS, now = NOON): string => {
  const outcome = authority.verifyProof(proof, address, now);
  return outcome.ok ? 'verified' : outcome.rejection.code;
};
const verdictWith = (change: Partial<CertificateBody>, address = ADDRESS): string =>
  verdict(proofOf(contractor, signedByUserCa(contractor, change)), address);

describe.each(KEY_TYPES)('a proof by %s', (type) => {
  const key = keyIn(contractors, type);

  it('with an issued certificate tells who signed and what the CA said', () => {
    const issued = authority.issueDownstream(publicKeyLine(key.publicKey), downstreamCertificate(grant(1)));
    const certificate = parseCertificateLine(issued.certificate);
    if (!certificate.ok) throw new Error(certificate.refusal.why);
    const blob = encodeCertificate(certificate.value.signed, certificate.value.signature);
    expect(authority.verifyProof(proofOf(key, blob, { user: 'daypass' }), ADDRESS, NOON)).toEqual({
      ok: true,
      value: {
        sshSessionId: Buffer.from(SESSION_ID).toString('hex'),
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        userName: 'daypass',
        fingerprint: fingerprint(key.publicKey),
        publicKey: publicKeyLine(key.publicKey),
        isUserVerified: false,
        certificate: { principals: ['deploy'], keyId: issued.keyId, serial: issued.serial, validBefore: later(3_600) },
      },
    });
  });

  it('with a plain key tells of the key and of no certificate', () => {
    const signed = userauth({ algorithm: plainAlgorithm(key), blob: key.blob, user: 'register-abc' });
    expect(authority.verifyProof({ signed, signature: key.sign(signed) }, ADDRESS, NOON)).toMatchObject({
      ok: true,
      value: { userName: 'register-abc', fingerprint: fingerprint(key.publicKey), certificate: null },
    });
  });

  it('is not believed once any byte of its certificate was changed, though its owner signs the change', () => {
    const blob = signedByUserCa(key);
    expect(verdict(proofOf(key, blob))).toBe('verified');
    for (let at = 0; at < blob.length; at += 1) {
      const forged = blob.slice();
      forged[at] = (forged[at] ?? 0) ^ 0xff;
      expect([at, verdict(proofOf(key, forged))]).not.toEqual([at, 'verified']);
    }
  });

  it('is not believed where another key signed the login', () => {
    const { signed } = proofOf(key, signedByUserCa(key));
    for (const other of [makeKey(type), stranger]) {
      expect(verdict({ signed, signature: other.sign(signed) })).toBe('proof_invalid');
    }
  });
});

describe('a certificate', () => {
  it('that has expired is told apart, with the time', () => {
    const proof = proofOf(contractor, signedByUserCa(contractor));
    expect(authority.verifyProof(proof, ADDRESS, later(3_600))).toEqual({
      ok: false,
      rejection: { code: 'certificate_expired', at: later(3_600) },
    });
    expect(verdict(proof, ADDRESS, later(3_599))).toBe('verified');
  });

  it('of an unknown CA that claims to have expired is not said to have expired', () => {
    const body = certificateBody(stranger, contractor.publicKey, NOON, { validBefore: 9n, validAfter: 1n });
    expect(verdict(proofOf(contractor, signBody(body, stranger).blob))).toBe('certificate_refused');
  });

  it.each([
    ['is a host’s', { kind: 'host' }],
    ['is not valid yet', { validAfter: BigInt(later(60).getTime() / 1000) }],
    ['never ends', { validBefore: 0xffff_ffff_ffff_ffffn }],
    ['ends before it begins', { validAfter: 9n, validBefore: 3n }],
    ['names no principal', { principals: [] }],
    ['has a critical option that nobody knows', { criticalOptions: [flagOption('x@example.com')] }],
    ['has a command that the gateway does not force', { criticalOptions: [stringOption('force-command', 'true')] }],
    ['asks for a PIN with data', { criticalOptions: [stringOption('verify-required', 'x')] }],
    ['is for other addresses', { criticalOptions: [stringOption('source-address', '198.51.100.0/24')] }],
    ['has an option with wrong data', { criticalOptions: [flagOption('source-address')] }],
    ['has its options out of order', { extensions: [flagOption('permit-user-rc'), flagOption('permit-pty')] }],
    ['has an option twice', { extensions: [flagOption('permit-pty'), flagOption('permit-pty')] }],
    ['carries another CA’s key', { signatureKey: stranger.blob }],
  ] as const)('is refused when it %s', (_what, change) => {
    expect(verdictWith(change)).toBe('certificate_refused');
  });

  it('that asks for a verified user is refused where the signature does not say so', () => {
    expect(verdictWith({ criticalOptions: [flagOption('verify-required')] })).toBe('user_not_verified');
  });

  it.each([
    ['is a host’s', { kind: 'host' }, 'it is a host certificate'],
    ['never ends', { validBefore: 0xffff_ffff_ffff_ffffn }, 'it never expires'],
    ['ends after the year 9999', { validBefore: 253_402_300_800n }, 'it never expires'],
    ['has no nonce', { nonce: new Uint8Array(0) }, 'its nonce is shorter than 16 bytes'],
  ] as const)('that %s is refused with the reason', (_what, change, why) => {
    const proof = proofOf(contractor, signedByUserCa(contractor, change));
    expect(authority.verifyProof(proof, ADDRESS, NOON)).toEqual({
      ok: false,
      rejection: { code: 'certificate_refused', why },
    });
  });

  it('may be for all the time that there is a date for', () => {
    const proof = proofOf(contractor, signedByUserCa(contractor, { validBefore: 253_402_300_799n }));
    expect(authority.verifyProof(proof, ADDRESS, NOON)).toMatchObject({
      ok: true,
      value: { certificate: { validBefore: new Date('9999-12-31T23:59:59Z') } },
    });
  });

  it('is refused when another CA signed it, with its own key in it or with ours', () => {
    expect(verdict(proofOf(contractor, signedByUserCa(contractor, {}, stranger.sign)))).toBe('certificate_refused');
    const honest = signBody(certificateBody(stranger, contractor.publicKey, NOON), stranger).blob;
    expect(verdict(proofOf(contractor, honest))).toBe('certificate_refused');
    expect(verdict(proofOf(contractor, signedByUserCa(contractor, {}, keys.signAsTargetCa)))).toBe(
      'certificate_refused',
    );
  });

  it('is refused when the CA in it is a certificate that our CA signed', () => {
    const delegated = signedByUserCa(stranger);
    const body = certificateBody(stranger, contractor.publicKey, NOON, { signatureKey: delegated });
    const outcome = authority.verifyProof(proofOf(contractor, signBody(body, stranger).blob), ADDRESS, NOON);
    expect(outcome).toMatchObject({ rejection: { why: 'its CA is itself a certificate' } });
  });

  it('that is for an address is believed from there only, in either family', () => {
    const from = (list: string, address: string): string =>
      verdictWith({ criticalOptions: [stringOption('source-address', list)] }, address);
    expect(from('192.0.2.0/24', '192.0.2.7')).toBe('verified');
    expect(from('192.0.2.0/24', '::ffff:192.0.2.7')).toBe('verified');
    expect(from('192.0.2.0/24', '192.0.3.7')).toBe('certificate_refused');
    expect(from('2001:db8::/64', '2001:db8::7')).toBe('verified');
    expect(from('2001:db8::/64', '2001:db8:1::7')).toBe('certificate_refused');
    expect(from('192.0.2.0/24', '')).toBe('certificate_refused');
  });
});

describe('a proof', () => {
  it('of another key than the certificate’s is refused, whichever way the two are mixed', () => {
    const certificate = signedByUserCa(contractor);
    for (const algorithm of ['ssh-ed25519', 'ssh-ed25519-cert-v01@openssh.com']) {
      for (const blob of [certificate, stranger.blob, signedByUserCa(stranger)]) {
        const signed = userauth({ algorithm, blob });
        const outcome = authority.verifyProof({ signed, signature: stranger.sign(signed) }, ADDRESS, NOON);
        expect(!outcome.ok || outcome.value.fingerprint === fingerprint(stranger.publicKey)).toBe(true);
      }
    }
  });

  it('is bound to its SSH session and its login name', () => {
    const blob = signedByUserCa(contractor);
    const { signature } = proofOf(contractor, blob);
    const other = { sessionId: new Uint8Array(32) };
    expect(verdict({ signed: proofOf(contractor, blob, other).signed, signature })).toBe('proof_invalid');
    expect(verdict({ signed: proofOf(contractor, blob, { user: 'root+web-01' }).signed, signature })).toBe(
      'proof_invalid',
    );
  });

  it('with SHA-1 is refused', () => {
    const rsa = keyIn(contractors, 'ssh-rsa');
    for (const [algorithm, blob] of [
      ['ssh-rsa', rsa.blob],
      ['ssh-rsa-cert-v01@openssh.com', signedByUserCa(rsa)],
    ] as const) {
      const signed = userauth({ algorithm, blob });
      expect(verdict({ signed, signature: rsa.sign(signed, { algorithm: 'ssh-rsa', hash: 'sha1' }) })).toBe(
        'proof_invalid',
      );
    }
  });

  it('by a plain key that is too weak is told apart, with the reason', () => {
    const weak = encode(string('ssh-rsa'), string(uint8(3)), string(new Uint8Array(256).fill(0x7f)));
    const signed = userauth({ algorithm: 'rsa-sha2-512', blob: weak });
    expect(authority.verifyProof({ signed, signature: new Uint8Array(0) }, ADDRESS, NOON)).toEqual({
      ok: false,
      rejection: { code: 'key_too_weak', why: 'its RSA key has 2047 bits, and 3072 are needed' },
    });
  });
});

describe('a proof that proves nothing', () => {
  const signed = userauth({ algorithm: 'ssh-ed25519', blob: contractor.blob });
  const broken = userauth({ algorithm: 'ssh-ed25519', blob: encode(contractor.blob, uint8(0)) });
  it.each<[string, UserauthProof, string]>([
    ['is signed by another', { signed, signature: stranger.sign(signed) }, 'its key did not sign this login'],
    ['is no login', { signed: uint8(0), signature: uint8(0) }, 'it ends inside its session id'],
    [
      'has a key with bytes behind it',
      { signed: broken, signature: contractor.sign(broken) },
      'bytes follow the end of the public key',
    ],
    [
      'has a certificate where its algorithm says a key',
      proofOf(contractor, signedByUserCa(contractor), { algorithm: 'ssh-ed25519' }),
      'it is a certificate, not a plain key',
    ],
  ])('%s, and that is said', (_what, proof, why) => {
    expect(authority.verifyProof(proof, ADDRESS, NOON)).toEqual({
      ok: false,
      rejection: { code: 'proof_invalid', why },
    });
  });

  it('of a certificate whose key is too weak says that of the certificate', () => {
    const weak = encode(string('ssh-ed25519'), string(new Uint8Array(32)));
    const blob = Buffer.from(signedByUserCa(contractor));
    const at = blob.indexOf(contractor.blob.subarray(-32));
    blob.set(weak.subarray(-32), at);
    expect(authority.verifyProof(proofOf(contractor, new Uint8Array(blob)), ADDRESS, NOON)).toMatchObject({
      rejection: { code: 'certificate_refused', why: expect.stringContaining('small order') },
    });
  });

  it('gives the digest of what was signed', () => {
    const outcome = authority.verifyProof({ signed, signature: contractor.sign(signed) }, ADDRESS, NOON);
    const digest = createHash('sha256').update(signed).digest('hex');
    expect(outcome).toMatchObject({ ok: true, value: { digest } });
  });
});

describe('mutated certificates that their owner presents', () => {
  const count = LONG ? 100_000 : 2_000;

  it(`of which there are ${count} are never believed, and none makes control throw`, { timeout: LONG_MS }, () => {
    // RSA signs too slowly for this many; its certificates are damaged byte by byte above.
    const types = KEY_TYPES.filter((type) => type !== 'ssh-rsa');
    const owners = types.map((type) => {
      const key = keyIn(contractors, type);
      return { key, certificate: signedByUserCa(key) };
    });
    const random = seeded(5);
    for (let n = 0; n < count; n += 1) {
      const owner = owners[n % owners.length];
      if (!owner) continue;
      const { from, bytes } = mutate(random, [owner.certificate]);
      if (Buffer.from(bytes).equals(from)) continue;
      if (verdict(proofOf(owner.key, bytes)) === 'verified')
        expect.fail(`input ${n}: ${Buffer.from(bytes).toString('hex')}`);
    }
  });
});

it('a certificate for which the user CA was asked is refused before its time and after it', () => {
  const authorityThen = testAuthority(keys, systemRandom, { now: () => NOON });
  const line = authorityThen.issueDownstream(publicKeyLine(contractor.publicKey), downstreamCertificate(grant(1)));
  const certificate = parseCertificateLine(line.certificate);
  if (!certificate.ok) throw new Error(certificate.refusal.why);
  const proof = proofOf(contractor, encodeCertificate(certificate.value.signed, certificate.value.signature));
  expect(verdict(proof, ADDRESS, later(-61))).toBe('certificate_refused');
  expect(verdict(proof, ADDRESS, later(-60))).toBe('verified');
  expect(verdict(proof, ADDRESS, later(3_600))).toBe('certificate_expired');
});
