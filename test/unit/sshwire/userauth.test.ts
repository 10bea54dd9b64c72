import { describe, expect, it } from 'vitest';
import { encode, string, uint8 } from '../../../src/sshwire/bytes.ts';
import { encodePublicKey } from '../../../src/sshwire/public-key.ts';
import { SIGNATURE_ALGORITHMS, verifyUserauth } from '../../../src/sshwire/userauth.ts';
import {
  certificateAlgorithm,
  makeCertificate,
  plainAlgorithm,
  SESSION_ID,
  type Userauth,
  userauth,
} from '../../support/peers/certificates.ts';
import { KEY_TYPES, keyIn, makeKey, oneOfEach } from '../../support/peers/ssh-keys.ts';
import { NOON } from '../../support/samples/samples.ts';

const keys = oneOfEach();
const ca = makeKey('ssh-ed25519');
const owner = keyIn(keys, 'ssh-ed25519');
const rsa = keyIn(keys, 'ssh-rsa');

const partOf = (signed: Uint8Array, signature: Uint8Array): string => {
  const read = verifyUserauth(signed, signature);
  return read.ok ? 'proven' : read.refusal.part;
};
/** A login that its owner really signed, odd as it may be. */
const login = (change: Partial<Userauth>): Uint8Array =>
  userauth({ algorithm: 'ssh-ed25519', blob: owner.blob, ...change });
const partWith = (change: Partial<Userauth>): string => partOf(login(change), owner.sign(login(change)));

describe.each(KEY_TYPES)('a login with %s', (type) => {
  const key = keyIn(keys, type);
  const certificate = makeCertificate(ca, key.publicKey, NOON).blob;

  it('proves the plain key, with and without a certificate', () => {
    const plain = userauth({ algorithm: plainAlgorithm(key), blob: key.blob, user: 'daypass' });
    expect(verifyUserauth(plain, key.sign(plain))).toEqual({
      ok: true,
      value: {
        ...{ sshSessionId: SESSION_ID, userName: 'daypass', key: key.publicKey, certificate: null },
        isUserVerified: false,
      },
    });
    // Only a FIDO device says anything of its user.
    expect(verifyUserauth(plain, key.sign(plain, { flags: 5 }))).toMatchObject({
      ...{ ok: true, value: { isUserVerified: type.startsWith('sk-') } },
    });
    const certified = userauth({ algorithm: certificateAlgorithm(key), blob: certificate });
    const read = verifyUserauth(certified, key.sign(certified));
    expect(read).toMatchObject({ ok: true, value: { key: key.publicKey, certificate: { keyId: 'test certificate' } } });
  });

  it('proves nothing where another key signed', () => {
    const other = makeKey(type);
    const plain = userauth({ algorithm: plainAlgorithm(key), blob: key.blob });
    expect(partOf(plain, other.sign(plain))).toBe('signature');
    const certified = userauth({ algorithm: certificateAlgorithm(key), blob: certificate });
    expect(partOf(certified, other.sign(certified))).toBe('signature');
    expect(partOf(certified, ca.sign(certified))).toBe('signature');
  });

  it('proves nothing under an algorithm that is not its key’s', () => {
    const algorithms = KEY_TYPES.flatMap((each) => {
      const one = keyIn(keys, each);
      return [plainAlgorithm(one), certificateAlgorithm(one)];
    });
    for (const blob of [key.blob, certificate]) {
      const right = blob === certificate ? certificateAlgorithm(key) : plainAlgorithm(key);
      for (const algorithm of [...algorithms, 'ssh-rsa', 'none'].filter((each) => each !== right)) {
        const signed = userauth({ algorithm, blob });
        expect([algorithm, partOf(signed, key.sign(signed))]).not.toEqual([algorithm, 'proven']);
      }
    }
  });

  it('is refused as a request where key and algorithm contradict each other, before anything is verified', () => {
    for (const other of KEY_TYPES.filter((each) => each !== type).map((each) => keyIn(keys, each))) {
      const plain = userauth({ algorithm: plainAlgorithm(other), blob: key.blob });
      expect([other.type, partOf(plain, key.sign(plain))]).toEqual([other.type, 'request']);
      const certified = userauth({ algorithm: certificateAlgorithm(other), blob: certificate });
      expect([other.type, partOf(certified, key.sign(certified))]).toEqual([other.type, 'request']);
    }
  });

  it('proves nothing once any byte of what was signed was changed', () => {
    const certified = userauth({ algorithm: certificateAlgorithm(key), blob: certificate });
    const signature = key.sign(certified);
    for (let at = 0; at < certified.length; at += 1) {
      const forged = certified.slice();
      forged[at] = (forged[at] ?? 0) ^ 0x01;
      expect([at, partOf(forged, signature)]).not.toEqual([at, 'proven']);
    }
  });
});

describe('the order of offers', () => {
  it('makes no difference: the key that signed is the one that counts', () => {
    const victim = makeKey('ssh-ed25519');
    // The attacker offers the victim's key, signs with another one, and mixes the parts in every way.
    const blobs = [victim.blob, owner.blob];
    for (const inside of blobs) {
      for (const told of blobs) {
        const signed = userauth({ algorithm: 'ssh-ed25519', blob: inside });
        const presented = userauth({ algorithm: 'ssh-ed25519', blob: told });
        const read = verifyUserauth(presented, owner.sign(signed));
        const name = read.ok ? encodePublicKey(read.value.key) : null;
        expect(name === null || Buffer.from(name).equals(owner.blob)).toBe(true);
      }
    }
  });
});

describe('a login request', () => {
  it('is bound to its SSH session and to its user', () => {
    const signature = owner.sign(login({}));
    expect(partOf(login({}), signature)).toBe('proven');
    expect(partOf(login({ sessionId: new Uint8Array(32) }), signature)).toBe('signature');
    expect(partOf(login({ user: 'root+web-01' }), signature)).toBe('signature');
  });

  it('is refused where it is not what RFC 4252 §7 has clients sign', () => {
    expect(partWith({})).toBe('proven');
    expect(partWith({ sessionId: new Uint8Array(64) })).toBe('proven');
    for (const length of [0, 16, 20, 31, 33, 65]) {
      expect([length, partWith({ sessionId: new Uint8Array(length) })]).toEqual([length, 'request']);
    }
    expect(partWith({ message: 51 })).toBe('request');
    expect(partWith({ service: 'ssh-userauth' })).toBe('request');
    expect(partWith({ method: 'publickey-hostbound-v00@openssh.com' })).toBe('request');
    expect(partWith({ method: 'hostbased' })).toBe('request');
    expect(partWith({ signs: 0 })).toBe('request');
    expect(partWith({ signs: 2 })).toBe('request');
    expect(partWith({ user: 'a\nb' })).toBe('request');
    expect(partWith({ user: 'a'.repeat(257) })).toBe('request');
    const longer = encode(login({}), uint8(0));
    expect(partOf(longer, owner.sign(longer))).toBe('request');
    const huge = encode(login({}), new Uint8Array(50_000));
    expect(partOf(huge, owner.sign(huge))).toBe('request');
    expect(partOf(new Uint8Array(0), new Uint8Array(0))).toBe('request');
  });

  it.each<[string, Uint8Array, string, string]>([
    [
      'no more than 40,000 bytes',
      new Uint8Array(40_000).fill(0xff),
      'too_long',
      'its session id is longer than 64 bytes',
    ],
    ['one byte more', new Uint8Array(40_001), 'too_long', 'a signed login has no more than 40000 bytes'],
    ['nothing', new Uint8Array(0), 'truncated', 'it ends inside its session id'],
    ['an odd session id', login({ sessionId: new Uint8Array(20) }), 'bad_value', 'its session id is not a SHA-2 hash'],
    ['another message', login({ message: 51 }), 'bad_value', 'it is not a login request'],
    ['another service', login({ service: 'ssh-userauth' }), 'bad_value', 'it is for another service'],
    ['another method', login({ method: 'password' }), 'bad_value', 'its method is not publickey'],
    ['an offer', login({ signs: 0 }), 'bad_value', 'it is an offer and not a login'],
    ['an unknown algorithm', login({ algorithm: 'ssh-dss' }), 'unknown_type', 'Daypass does not accept its algorithm'],
    [
      'SHA-1',
      login({ algorithm: 'ssh-rsa' }),
      'bad_value',
      'it signs with SHA-1: use an SSH client that knows rsa-sha2-512',
    ],
    [
      'SHA-1 and a certificate',
      login({ algorithm: 'ssh-rsa-cert-v01@openssh.com' }),
      'bad_value',
      'it signs with SHA-1: use an SSH client that knows rsa-sha2-512',
    ],
    ['more behind it', encode(login({}), uint8(0)), 'trailing_bytes', 'bytes follow the end of the login request'],
    [
      'the key of another algorithm',
      login({ algorithm: 'rsa-sha2-512' }),
      'bad_value',
      'its key type does not match its algorithm',
    ],
  ])('says why it is refused: %s', (_what, signed, code, why) => {
    const refusal = { code, why, part: 'request' };
    expect(verifyUserauth(signed, owner.sign(signed))).toEqual({ ok: false, refusal });
  });

  it('says which part it ends in', () => {
    const whole = login({});
    const whys = Array.from({ length: whole.length }, (_, length) => {
      const read = verifyUserauth(whole.subarray(0, length), new Uint8Array(0));
      return read.ok ? '' : read.refusal.why.replace('it ends inside its ', '');
    });
    expect([...new Set(whys)]).toEqual([
      ...['session id', 'message number', 'user name', 'service', 'method', 'has-signature flag', 'algorithm', 'key'],
    ]);
    expect(verifyUserauth(whole, new Uint8Array(0))).toEqual({
      ok: false,
      refusal: { code: 'bad_value', why: 'its key did not sign this login', part: 'signature' },
    });
  });

  it('may have each length of a SHA-2 hash, and a long user name', () => {
    for (const length of [32, 48, 64]) expect(partWith({ sessionId: new Uint8Array(length) })).toBe('proven');
    expect(partWith({ user: 'a'.repeat(256) })).toBe('proven');
  });

  it('leaves its session id as it was, whatever becomes of its bytes', () => {
    const signed = login({});
    const read = verifyUserauth(signed, owner.sign(signed));
    signed.fill(0);
    expect(read).toMatchObject({ ok: true, value: { sshSessionId: SESSION_ID } });
  });

  it('with SHA-1 is refused, with advice', () => {
    for (const [algorithm, blob] of [
      ['ssh-rsa', rsa.blob],
      ['ssh-rsa-cert-v01@openssh.com', makeCertificate(ca, rsa.publicKey, NOON).blob],
    ] as const) {
      const signed = userauth({ algorithm, blob });
      const read = verifyUserauth(signed, rsa.sign(signed, { algorithm: 'ssh-rsa', hash: 'sha1' }));
      expect(read).toMatchObject({ ok: false, refusal: { part: 'request', why: expect.stringContaining('SHA-1') } });
    }
  });

  it('with RSA is proven under SHA-256 and SHA-512, each under its own name only', () => {
    const certificate = makeCertificate(ca, rsa.publicKey, NOON).blob;
    for (const hash of ['rsa-sha2-256', 'rsa-sha2-512']) {
      const signed = userauth({ algorithm: `${hash}-cert-v01@openssh.com`, blob: certificate });
      expect(partOf(signed, rsa.sign(signed, { algorithm: hash }))).toBe('proven');
      const other = hash === 'rsa-sha2-256' ? 'rsa-sha2-512' : 'rsa-sha2-256';
      expect(partOf(signed, rsa.sign(signed, { algorithm: other }))).toBe('signature');
    }
  });

  it('says which part was weak', () => {
    const weak = encode(string('ssh-rsa'), string(uint8(3)), string(new Uint8Array(256).fill(0x7f)));
    expect(partOf(userauth({ algorithm: 'rsa-sha2-512', blob: weak }), new Uint8Array(0))).toBe('key');
    const broken = makeCertificate(ca, owner.publicKey, NOON).blob.subarray(1);
    const signed = userauth({ algorithm: 'ssh-ed25519-cert-v01@openssh.com', blob: broken });
    expect(partOf(signed, owner.sign(signed))).toBe('certificate');
  });
});

it('the algorithms that a server names are those of plain keys, without SHA-1', () => {
  expect(SIGNATURE_ALGORITHMS).toEqual([
    ...['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
    ...['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com', 'rsa-sha2-256', 'rsa-sha2-512'],
  ]);
});
