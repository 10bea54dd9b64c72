import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { string } from '../../../src/sshwire/bytes.ts';
import {
  type CertificateBody,
  certificateType,
  flagOption,
  parseCertificate,
  stringOption,
} from '../../../src/sshwire/certificate.ts';
import { checkCertificate } from '../../../src/sshwire/certificate-check.ts';
import { publicKeyLine } from '../../../src/sshwire/public-key.ts';
import { verifyUserauth } from '../../../src/sshwire/userauth.ts';
import { certificateAlgorithm, certificateBody, signBody, userauth } from '../../support/peers/certificates.ts';
import { present } from '../../support/peers/present.ts';
import { KEY_TYPES, keyIn, makeKey, oneOfEach, type SignHow, type TestKey } from '../../support/peers/ssh-keys.ts';
import { opensshVersion, type Sshd, startSshd } from '../../support/peers/sshd.ts';

/** The same certificates, presented to a real sshd and to our own check: two verdicts that have to agree. */

const PRINCIPAL = 'deploy@web-01';
const keys = oneOfEach();
const subject = keyIn(keys, 'ssh-ed25519');
const ca = makeKey('ssh-ed25519');
const stranger = makeKey('ssh-ed25519');

let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd({ userCa: publicKeyLine(ca.publicKey), principals: [PRINCIPAL] });
});
afterAll(() => sshd?.[Symbol.asyncDispose]());

type Case = {
  readonly key?: TestKey;
  readonly change?: Partial<CertificateBody>;
  /** Who signs; the CA where it is left out. */
  readonly signer?: TestKey;
  readonly mangle?: (blob: Uint8Array) => Uint8Array;
  readonly how?: SignHow;
  readonly address?: string;
};

const seconds = (offset: number): bigint => BigInt(Math.floor(Date.now() / 1000) + offset);

function blobOf({ key = subject, change = {}, signer = ca, mangle = (blob) => blob }: Case): Uint8Array {
  const body = certificateBody(ca, key.publicKey, new Date(), { principals: [PRINCIPAL], ...change });
  return mangle(signBody(body, signer).blob);
}

/** What control decides from a login's proof and its certificate, for one principal. */
function ours(blob: Uint8Array, { key = subject, how, address = '127.0.0.1' }: Case): 'accepted' | 'refused' {
  const signed = userauth({ algorithm: certificateAlgorithm(key), blob });
  const login = verifyUserauth(signed, key.sign(signed, how));
  if (!login.ok || !login.value.certificate) return 'refused';
  const terms = { caKeys: [ca.blob], now: new Date(), principal: PRINCIPAL, sourceAddress: address };
  const honours = ['force-command'] as const;
  return checkCertificate(login.value.certificate, { ...terms, honours }).ok ? 'accepted' : 'refused';
}

async function verdicts(on: Sshd, each: Case): Promise<{ sshd: string; ours: string }> {
  const blob = blobOf(each);
  const { key = subject, how } = each;
  return { sshd: await present(on, { blob, key, ...(how ? { how } : {}) }), ours: ours(blob, each) };
}

const flip =
  (fromEnd: number) =>
  (blob: Uint8Array): Uint8Array => {
    const flipped = blob.slice();
    const at = blob.length - fromEnd;
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    return flipped;
  };
const sourceAddress = (list: string): Partial<CertificateBody> => ({
  criticalOptions: [stringOption('source-address', list)],
});
const BOTH_ACCEPT = { sshd: 'accepted', ours: 'accepted' };
const BOTH_REFUSE = { sshd: 'refused', ours: 'refused' };

describe('sshd and we accept a certificate', () => {
  it.each(KEY_TYPES)('for a key of type %s', async (type) => {
    expect(await verdicts(sshd, { key: keyIn(keys, type) })).toEqual(BOTH_ACCEPT);
  });

  it.each<[string, Case]>([
    ['that is valid from this second', { change: { validAfter: seconds(0) } }],
    ['that is valid for ever', { change: { validAfter: 0n, validBefore: 0xffff_ffff_ffff_ffffn } }],
    ['with the principal among others', { change: { principals: ['root', PRINCIPAL, 'x'] } }],
    ['with serial zero and an empty key id', { change: { serial: 0n, keyId: '' } }],
    ['for this address', { change: sourceAddress('127.0.0.1') }],
    ['for a range around this address', { change: sourceAddress('192.0.2.0/24,127.0.0.0/8') }],
    ['with a forced command', { change: { criticalOptions: [stringOption('force-command', 'true')] } }],
    ['with an extension that nobody knows', { change: { extensions: [stringOption('x@example.com', 'y')] } }],
    ['signed with SHA-256 by an RSA key', { key: keyIn(keys, 'ssh-rsa'), how: { algorithm: 'rsa-sha2-512' } }],
  ])('%s', async (_name, each) => {
    expect(await verdicts(sshd, each)).toEqual(BOTH_ACCEPT);
  });
});

describe('sshd and we refuse a certificate', () => {
  it.each<[string, Case]>([
    ['that has expired', { change: { validBefore: seconds(-1) } }],
    ['that is not valid yet', { change: { validAfter: seconds(600) } }],
    ['that ends before it begins', { change: { validAfter: seconds(60), validBefore: seconds(-60) } }],
    ['of another CA', { change: { signatureKey: stranger.blob }, signer: stranger }],
    ['with our CA’s key and another CA’s signature', { signer: stranger }],
    ['of a host', { change: { kind: 'host' } }],
    ['for another principal', { change: { principals: ['deploy@db-01'] } }],
    ['for principals that only look alike', { change: { principals: ['deploy', '*', `${PRINCIPAL},x`, 'web-01'] } }],
    ['for nobody', { change: { principals: [] } }],
    ['with a critical option that nobody knows', { change: { criticalOptions: [flagOption('x@example.com')] } }],
    ['for another address', { change: sourceAddress('192.0.2.0/24') }],
    ['for addresses of the other family only', { change: sourceAddress('::/0') }],
    ['with a malformed range of addresses', { change: sourceAddress('127.0.0.1/8') }],
    ['with an empty list of addresses', { change: sourceAddress('') }],
    ['with source-address data of the wrong form', { change: { criticalOptions: [flagOption('source-address')] } }],
    ['with an extension that has data', { change: { extensions: [{ name: 'permit-pty', data: string('x') }] } }],
    ['with its signature flipped', { mangle: flip(1) }],
    ['with a bit of what was signed flipped', { mangle: flip(150) }],
    ['with a byte behind its end', { mangle: (blob) => new Uint8Array([...blob, 0]) }],
    ['that is cut short', { mangle: (blob) => blob.subarray(0, -1) }],
    ['signed with SHA-1', { key: keyIn(keys, 'ssh-rsa'), how: { algorithm: 'ssh-rsa', hash: 'sha1' } }],
    ['of a FIDO key that nobody touched', { key: keyIn(keys, 'sk-ssh-ed25519@openssh.com'), how: { flags: 0 } }],
  ])('%s', async (_name, each) => {
    expect(await verdicts(sshd, each)).toEqual(BOTH_REFUSE);
  });

  it('whose CA is itself a certificate of our CA', async () => {
    const nested = signBody(certificateBody(ca, stranger.publicKey, new Date()), ca).blob;
    expect(await verdicts(sshd, { change: { signatureKey: nested }, signer: stranger })).toEqual(BOTH_REFUSE);
  });
});

describe('source addresses of IPv6', () => {
  const hasIPv6 = Object.values(networkInterfaces()).some((each) => each?.some((one) => one.address === '::1'));
  // Where the machine has no IPv6 loopback there is no such peer to be judged by sshd.
  it.each<[string, 'accepted' | 'refused']>([
    ['::1', 'accepted'],
    ['::/64', 'accepted'],
    ['127.0.0.0/8,2001:db8::/32', 'refused'],
    ['::1/64', 'refused'],
  ])('in the list %s: sshd and we say %s', async (list, verdict) => {
    const each: Case = { change: sourceAddress(list), address: '::1' };
    expect(ours(blobOf(each), each)).toBe(verdict);
    if (!hasIPv6) return;
    await using v6 = await startSshd({ userCa: publicKeyLine(ca.publicKey), principals: [PRINCIPAL], address: '::1' });
    expect(await verdicts(v6, each)).toEqual({ sshd: verdict, ours: verdict });
  });
});

describe('we are stricter than sshd on purpose', () => {
  const pty = flagOption('permit-pty');
  it.each<[string, Case]>([
    ['options out of order', { change: { extensions: [flagOption('permit-user-rc'), pty] } }],
    ['an option twice', { change: { extensions: [pty, pty] } }],
    ['a key id with control characters', { change: { keyId: 'a\nb' } }],
    ['a nonce of 8 bytes', { change: { nonce: new Uint8Array(8) } }],
  ])('about %s', async (_name, each) => {
    expect(await verdicts(sshd, each)).toEqual({ sshd: 'accepted', ours: 'refused' });
  });

  it('about an empty principal list, which a cert-authority line in authorized_keys lets in as anybody', async () => {
    await using lax = await startSshd({
      setUp: (dir) => ({
        files: [{ path: `${dir}/keys`, content: `cert-authority ${publicKeyLine(ca.publicKey)}\n` }],
        block: `Match all\n  AuthorizedKeysFile ${dir}/keys`,
      }),
    });
    const login = { change: { principals: [lax.login] } };
    expect(await present(lax, { blob: blobOf(login), key: subject })).toBe('accepted');
    const outcome = await verdicts(lax, { change: { principals: [] } });
    expect(outcome.ours).toBe('refused');
    // Later versions may think better of it.
    if ((await opensshVersion()) < 10) expect(outcome.sshd).toBe('accepted');
    const read = parseCertificate(blobOf({ change: { principals: [] } }));
    const anybody = { caKeys: [ca.blob], now: new Date(), sourceAddress: null };
    expect(read.ok && checkCertificate(read.value, anybody)).toMatchObject({ refusal: { code: 'no_principals' } });
  });
});

it('sshd names what it accepted in its log: serial, key id and CA', async () => {
  const keyId = `witness ${certificateType(subject.type)}`;
  expect(await verdicts(sshd, { change: { keyId, serial: 4_711n } })).toEqual(BOTH_ACCEPT);
  expect(await sshd.logged(new RegExp(`ID "?${keyId}"? \\(serial 4711\\) CA ED25519 SHA256:\\S+`))).toBeTruthy();
});
