import { describe, expect, it } from 'vitest';
import { encode, mpint, reader, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import type { KeyType, PublicKey } from '../../../src/sshwire/public-key.ts';
import { blobName, verifySignature } from '../../../src/sshwire/signature.ts';
import { KEY_TYPES, keyIn, makeKey, oneOfEach, type TestKey } from '../../support/peers/ssh-keys.ts';

const keys = oneOfEach();
const key = (type: KeyType): TestKey => keyIn(keys, type);
const algorithmOf = (type: KeyType): string => (type === 'ssh-rsa' ? 'rsa-sha2-512' : type);
const data = new TextEncoder().encode('what is signed');

describe.each(KEY_TYPES)('a signature by %s', (type) => {
  const { publicKey, sign } = key(type);
  const algorithm = algorithmOf(type);
  const signature = sign(data);

  it('is true for its key, algorithm and data', () => {
    expect(verifySignature(publicKey, algorithm, signature, data)).toBe(true);
  });

  it('is false for other data and for another key of its type', () => {
    expect(verifySignature(publicKey, algorithm, signature, new Uint8Array(0))).toBe(false);
    expect(verifySignature(publicKey, algorithm, signature, encode(data, uint8(0)))).toBe(false);
    expect(verifySignature(makeKey(type).publicKey, algorithm, signature, data)).toBe(false);
  });

  it('is false once any of its bytes was changed, cut off or added', () => {
    for (let at = 0; at < signature.length; at += 1) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const forged = signature.slice();
        forged[at] = (forged[at] ?? 0) ^ flip;
        expect([at, flip, verifySignature(publicKey, algorithm, forged, data)]).toEqual([at, flip, false]);
      }
      expect(verifySignature(publicKey, algorithm, signature.subarray(0, at), data)).toBe(false);
    }
    expect(verifySignature(publicKey, algorithm, encode(signature, uint8(0)), data)).toBe(false);
  });

  it('is false under any other algorithm, named outside, inside or both', () => {
    expect(verifySignature(publicKey, null, signature, data)).toBe(false);
    const names = [...KEY_TYPES.map(algorithmOf), 'ssh-rsa', 'rsa-sha2-256', 'ssh-dss', '', 'none'];
    for (const name of names.filter((each) => each !== algorithm)) {
      const inside = encode(string(name), signature.subarray(4 + algorithm.length));
      expect([name, verifySignature(publicKey, name, signature, data)]).toEqual([name, false]);
      expect([name, verifySignature(publicKey, algorithm, inside, data)]).toEqual([name, false]);
      expect([name, verifySignature(publicKey, name, inside, data)]).toEqual([name, false]);
    }
  });
});

describe('an RSA signature', () => {
  const { publicKey, sign } = key('ssh-rsa');

  it('is true with SHA-256 and SHA-512 under their own names only', () => {
    const short = sign(data, { algorithm: 'rsa-sha2-256' });
    expect(verifySignature(publicKey, 'rsa-sha2-256', short, data)).toBe(true);
    expect(verifySignature(publicKey, 'rsa-sha2-512', short, data)).toBe(false);
    const swapped = sign(data, { algorithm: 'rsa-sha2-512', hash: 'sha256' });
    expect(verifySignature(publicKey, 'rsa-sha2-512', swapped, data)).toBe(false);
  });

  it('with SHA-1 is false under every name', () => {
    for (const algorithm of ['ssh-rsa', 'rsa-sha2-256', 'rsa-sha2-512']) {
      const weak = sign(data, { algorithm, hash: 'sha1' });
      expect(verifySignature(publicKey, algorithm, weak, data)).toBe(false);
    }
  });

  it('may come without its leading zeros, as some signers send it', () => {
    const inner = (signature: Uint8Array): Uint8Array => {
      const from = reader(signature);
      from.string('algorithm');
      return from.string('signature');
    };
    for (let n = 0; n < 5_000; n += 1) {
      const message = encode(data, uint32(n));
      const bytes = inner(sign(message));
      if (bytes[0] !== 0) continue;
      const shorter = encode(string('rsa-sha2-512'), string(bytes.subarray(1)));
      expect(verifySignature(publicKey, 'rsa-sha2-512', shorter, message)).toBe(true);
      return;
    }
    throw new Error('no signature began with a zero');
  }, 60_000);
});

describe('an ECDSA signature', () => {
  it('is false where its numbers are zero, out of range or not in their shortest form', () => {
    const { publicKey, sign } = key('ecdsa-sha2-nistp256');
    const algorithm = 'ecdsa-sha2-nistp256';
    const from = reader(sign(data).subarray(4 + algorithm.length));
    const numbers = reader(from.string('signature'));
    const [r, s] = [numbers.positiveMpint('r', 32), numbers.positiveMpint('s', 32)];
    const verdict = (...pieces: Uint8Array[]): boolean =>
      verifySignature(publicKey, algorithm, encode(string(algorithm), string(encode(...pieces))), data);
    expect(verdict(mpint(r), mpint(s))).toBe(true);
    expect(verdict(string(''), mpint(s))).toBe(false);
    expect(verdict(mpint(r), string(''))).toBe(false);
    expect(verdict(mpint(new Uint8Array(32).fill(0xff)), mpint(s))).toBe(false);
    expect(verdict(string(encode(uint8(0), uint8(0), r)), mpint(s))).toBe(false);
    expect(verdict(mpint(r), mpint(s), uint8(0))).toBe(false);
    expect(verdict(mpint(s), mpint(r))).toBe(false);
  });

  it('made with another hash than its curve’s is false', () => {
    const { publicKey, sign } = key('ecdsa-sha2-nistp384');
    const weak = sign(data, { hash: 'sha256' });
    expect(verifySignature(publicKey, 'ecdsa-sha2-nistp384', weak, data)).toBe(false);
  });
});

describe.each(['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com'] as const)('%s', (type) => {
  const { publicKey, sign } = key(type);

  it('is believed only when somebody touched the device', () => {
    for (const [flags, verdict] of [
      [0x00, false],
      [0x04, false],
      [0x01, true],
      [0x05, true],
    ] as const) {
      expect([flags, verifySignature(publicKey, type, sign(data, { flags }), data)]).toEqual([flags, verdict]);
    }
  });

  it('is not believed for another application than its key’s', () => {
    const elsewhere = { ...publicKey, application: 'ssh:elsewhere' } as PublicKey;
    expect(verifySignature(elsewhere, type, sign(data), data)).toBe(false);
  });
});

describe('what a signature holds', () => {
  it.each(KEY_TYPES)('is no longer and no shorter than %s has it', (type) => {
    const algorithm = algorithmOf(type);
    const { publicKey, sign } = key(type);
    const signature = sign(data);
    const from = reader(signature);
    from.string('algorithm');
    const made = from.string('signature');
    const rest = signature.subarray(from.position());
    const verdict = (bytes: Uint8Array): boolean =>
      verifySignature(publicKey, algorithm, encode(string(algorithm), string(bytes), rest), data);
    expect(verdict(made)).toBe(true);
    const others = [new Uint8Array(0), made.subarray(0, -1), encode(uint8(0), made)];
    for (const other of [...others, encode(made, uint8(0)), encode(made, made), new Uint8Array(4_097)]) {
      expect([other.length, verdict(other)]).toEqual([other.length, false]);
    }
  });
});

it.each<[string | null, Uint8Array]>([
  ['ssh-ed25519', key('ssh-ed25519').blob],
  ['', string('')],
  ['a'.repeat(64), string('a'.repeat(64))],
  [null, string('a'.repeat(65))],
  [null, string('a\nb')],
  [null, new Uint8Array(0)],
])('the name with which a blob begins is %j', (name, blob) => {
  expect(blobName(blob)).toBe(name);
});

it('a key that nobody checked is no reason to throw', () => {
  const point = new Uint8Array(65).fill(9);
  const broken: PublicKey = { type: 'ecdsa-sha2-nistp256', point };
  const signature = encode(string('ecdsa-sha2-nistp256'), string(encode(mpint(point), mpint(point))));
  expect(verifySignature(broken, 'ecdsa-sha2-nistp256', signature, data)).toBe(false);
});
