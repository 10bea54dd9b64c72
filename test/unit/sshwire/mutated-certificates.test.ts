import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flagOption, parseCertificate, stringOption } from '../../../src/sshwire/certificate.ts';
import { checkCertificate } from '../../../src/sshwire/certificate-check.ts';
import { parsePublicKey } from '../../../src/sshwire/public-key.ts';
import { verifySignature } from '../../../src/sshwire/signature.ts';
import { verifyUserauth } from '../../../src/sshwire/userauth.ts';
import { makeCertificate, proofOf } from '../../support/peers/certificates.ts';
import { makeKey, oneOfEach } from '../../support/peers/ssh-keys.ts';
import { mutate, seeded } from '../../support/samples/mutations.ts';
import { NOON } from '../../support/samples/samples.ts';

const LONG = process.env['DAYPASS_LONG'] === '1';
const LONG_MS = 3_600_000;

const keys = [...oneOfEach().values()];
const ca = makeKey('ssh-ed25519');
const certificates = keys.map(
  ({ publicKey }) =>
    makeCertificate(ca, publicKey, NOON, {
      principals: ['deploy', 'root'],
      criticalOptions: [stringOption('source-address', '192.0.2.0/24')],
      extensions: [flagOption('permit-pty')],
    }).blob,
);
const terms = { caKeys: [ca.blob], now: NOON, sourceAddress: '192.0.2.7' };

const accepts = (blob: Uint8Array): boolean => {
  const read = parseCertificate(blob);
  return read.ok && checkCertificate(read.value, terms).ok;
};

describe('mutated certificates', () => {
  const count = LONG ? 1_000_000 : 10_000;

  it(`of which there are ${count} are never accepted, and none makes the reader throw`, { timeout: LONG_MS }, () => {
    expect(certificates.map(accepts)).toEqual(certificates.map(() => true));
    const random = seeded(20_300_502);
    for (let n = 0; n < count; n += 1) {
      const { from, bytes } = mutate(random, certificates);
      if (accepts(bytes) && !Buffer.from(bytes).equals(from)) {
        expect.fail(`input ${n} was accepted: ${Buffer.from(bytes).toString('hex')}`);
      }
    }
  });
});

describe('mutated logins', () => {
  const count = LONG ? 100_000 : 3_000;
  const proofs = keys.map((key, n) => proofOf(key, certificates[n] ?? new Uint8Array(0)));

  it(`of which there are ${count} never prove a key, and none makes the reader throw`, { timeout: LONG_MS }, () => {
    const random = seeded(11);
    const corpus = proofs.flatMap((proof) => [proof.signed, proof.signature]);
    for (let n = 0; n < count; n += 1) {
      const proof = proofs[random(proofs.length)];
      if (!proof) continue;
      const { from, bytes } = mutate(random, random(3) === 0 ? [proof.signature, ...corpus] : [proof.signed]);
      if (Buffer.from(bytes).equals(from)) continue;
      const outcomes = [verifyUserauth(bytes, proof.signature), verifyUserauth(proof.signed, bytes)];
      if (outcomes.some((outcome) => outcome.ok)) expect.fail(`input ${n} was believed`);
    }
  });
});

describe('arbitrary bytes', () => {
  it('make no reader throw', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.uint8Array({ maxLength: 200 }), (a, b) => {
      expect(parsePublicKey(a).ok).toBe(false);
      expect(parseCertificate(a).ok).toBe(false);
      expect(verifyUserauth(a, b).ok).toBe(false);
      for (const key of keys) expect(verifySignature(key.publicKey, key.type, b, a)).toBe(false);
    });
    fc.assert(property, { seed: 3, numRuns: LONG ? 20_000 : 500 });
  });
});
