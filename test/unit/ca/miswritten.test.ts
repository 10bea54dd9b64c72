import { describe, expect, it } from 'vitest';
import { downstreamCertificate } from '../../../src/access/certificate.ts';
import { certificateAuthority } from '../../../src/ca/authority.ts';
import type { Keys } from '../../../src/ca/keys.ts';
import { encode, string, uint32, uint64 } from '../../../src/sshwire/bytes.ts';
import { encodePublicKey, parsePublicKeyLine, publicKeyLine } from '../../../src/sshwire/public-key.ts';
import type { RandomSource } from '../../../src/use-cases/ports/random.ts';
import { makeKey } from '../../support/peers/ssh-keys.ts';
import { grant } from '../../support/samples/samples.ts';
import { systemRandom, testKeys } from '../../support/worlds/authority.ts';

const keys = testKeys();
const contractor = makeKey('ssh-ed25519');
const stranger = makeKey('ssh-ed25519');
const blobOf = (line: string): Uint8Array => {
  const key = parsePublicKeyLine(line);
  if (!key.ok) throw new Error(key.refusal.why);
  return encodePublicKey(key.value);
};

describe('a certificate that says something else than was asked', () => {
  const bigint = (value: bigint): Uint8Array => uint64(value);
  const seconds = (date: Date): bigint => BigInt(date.getTime() / 1000);
  const criticalOptions = { 'source-address': '192.0.2.1' };
  const spec = { ...downstreamCertificate(grant(1)), keyId: 'the key id', criticalOptions };
  const nonce = new Uint8Array(32).fill(0x5a);
  const random: RandomSource = { ...systemRandom, bytes: (length) => nonce.slice(0, length) };

  /** The user CA, which signs after it has put other bytes of the same length in the place of some. */
  const forging = (from: Uint8Array, to: Uint8Array): Keys => ({
    ...keys,
    signAsUserCa: (data) => {
      const at = Buffer.from(data).indexOf(from);
      expect(at).toBeGreaterThan(0);
      data.set(to, at);
      return keys.signAsUserCa(data);
    },
  });

  it.each<[string, Uint8Array, Uint8Array]>([
    ['nonce', nonce, new Uint8Array(32).fill(0xa5)],
    ['publicKey', contractor.blob.subarray(-32), stranger.blob.subarray(-32)],
    ['serial', encode(bigint(0x5a5a_5a5a_5a5a_5a5an), uint32(1)), encode(bigint(7n), uint32(1))],
    ['kind', encode(bigint(0x5a5a_5a5a_5a5a_5a5an), uint32(1)), encode(bigint(0x5a5a_5a5a_5a5a_5a5an), uint32(2))],
    ['keyId', string('the key id'), string('the key od')],
    ['principals', string('deploy'), string('devops')],
    ['validAfter', bigint(seconds(spec.validAfter)), bigint(seconds(spec.validAfter) - 1n)],
    ['validBefore', bigint(seconds(spec.validBefore)), bigint(seconds(spec.validBefore) + 1n)],
    ['criticalOptions', string(string('192.0.2.1')), string(string('192.0.2.9'))],
    ['extensions', string('permit-pty'), string('permit-ptx')],
    ['signatureKey', blobOf(keys.userCaPublicKey), stranger.blob],
    [
      'its reserved field is not empty',
      encode(uint32(0), string(blobOf(keys.userCaPublicKey))),
      encode(uint32(51), uint32(0), blobOf(keys.userCaPublicKey)),
    ],
  ])('is not let out: %s', (what, from, to) => {
    const forger = certificateAuthority(forging(from, to), random);
    expect(() => forger.issueDownstream(publicKeyLine(contractor.publicKey), spec)).toThrow(
      expect.objectContaining({
        code: 'certificate_miswritten',
        message: `the signed certificate differs from what was asked: ${what}`,
      }),
    );
  });

  it('nor is one that the CA did not sign', () => {
    const other = certificateAuthority({ ...keys, signAsUserCa: keys.signAsTargetCa } as Keys, random);
    expect(() => other.issueDownstream(publicKeyLine(contractor.publicKey), spec)).toThrow(
      'the signed certificate differs from what was asked: signature',
    );
  });
});
