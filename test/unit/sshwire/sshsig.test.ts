import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encode, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import { armored, makeSshsig, unarmored, verifySshsig } from '../../../src/sshwire/sshsig.ts';
import { makeKey } from '../../support/peers/ssh-keys.ts';

const key = makeKey('ssh-ed25519');
const other = makeKey('ssh-ed25519');
const message = new TextEncoder().encode('what is signed');

const good = {
  ...{ magic: 'SSHSIG', version: 1, blob: key.blob, namespace: 'file', reserved: '', hash: 'sha512' },
  ...{ signer: key, signedNamespace: 'file', more: new Uint8Array(0) as Uint8Array },
};

/** PROTOCOL.sshsig of OpenSSH, put together without the writer under test; the key signs what the file says, unless it is told. */
function sshsig(change: Partial<typeof good> = {}): Uint8Array {
  const { magic, version, blob, namespace, reserved, hash, signer, signedNamespace, more } = { ...good, ...change };
  const digest = createHash(hash).update(message).digest();
  const signed = encode(
    ...[Buffer.from('SSHSIG'), string(change.namespace ?? signedNamespace), string(reserved)],
    ...[string(hash), string(digest)],
  );
  return encode(
    ...[Buffer.from(magic), uint32(version), string(blob), string(namespace), string(reserved), string(hash)],
    ...[string(signer.sign(signed)), more],
  );
}

const holds = (bytes: Uint8Array): boolean => verifySshsig(bytes, key.blob, 'file', message);

describe('a signature over a file', () => {
  it('is written as PROTOCOL.sshsig has it, and holds', () => {
    expect(makeSshsig(key, 'file', message)).toEqual(sshsig());
    expect(holds(sshsig())).toBe(true);
  });

  it.each<[string, Partial<typeof good>]>([
    ['that begins with another word', { magic: 'SSHSIH' }],
    ['of another version', { version: 2 }],
    ['by another key', { signer: other }],
    ['that names another key', { blob: other.blob }],
    ['by another key that it names', { blob: other.blob, signer: other }],
    ['for something else', { namespace: 'email' }],
    ['for something else that says that it is for this', { signedNamespace: 'email' }],
    ['that uses the reserved field', { reserved: 'x' }],
    ['with another hash', { hash: 'sha256' }],
    ['with more behind it', { more: uint8(0) }],
  ])('%s does not hold', (_what, change) => {
    expect(holds(sshsig(change))).toBe(false);
  });

  it('holds for its own message, namespace and key only', () => {
    expect(verifySshsig(sshsig(), key.blob, 'file', encode(message, uint8(0)))).toBe(false);
    expect(verifySshsig(sshsig(), key.blob, 'fil', message)).toBe(false);
    expect(verifySshsig(sshsig(), other.blob, 'file', message)).toBe(false);
    expect(verifySshsig(new Uint8Array(0), new Uint8Array(0), '', message)).toBe(false);
  });

  it('does not hold where the key is none that Daypass takes', () => {
    const weak = encode(string('ssh-ed25519'), string(new Uint8Array(32)));
    expect(verifySshsig(makeSshsig({ ...key, blob: weak }, 'file', message), weak, 'file', message)).toBe(false);
  });

  it('does not hold once it is cut short or one of its bytes was changed', () => {
    const bytes = sshsig();
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect([at, holds(changed), holds(bytes.subarray(0, at))]).toEqual([at, false, false]);
    }
  });
});

describe('the armour of a signature', () => {
  it.each([1, 52, 53, 104, 105, 106, 210, 1_000])('of %i bytes has lines of 70 characters and comes back', (length) => {
    const bytes = new Uint8Array(length).map((_, at) => at);
    const text = armored(bytes);
    const lines = text.split('\n');
    expect(lines[0]).toBe('-----BEGIN SSH SIGNATURE-----');
    expect(lines.slice(-2)).toEqual(['-----END SSH SIGNATURE-----', '']);
    const base64 = lines.slice(1, -2);
    expect(base64.slice(0, -1).every((line) => line.length === 70)).toBe(true);
    expect(base64.at(-1)).toMatch(/^.{1,70}$/);
    expect(base64.join('')).toBe(Buffer.from(bytes).toString('base64'));
    expect(unarmored(text)).toEqual({ ok: true, value: bytes });
  });

  const text = armored(new Uint8Array(100));
  it.each([
    ['another first line', text.replace('BEGIN SSH', 'BEGIN PGP')],
    ['another last line', text.replace('END SSH', 'END PGP')],
    ['a line before it', `\n${text}`],
    ['a line behind it', `${text}\n`],
    ['no line break at its end', text.trimEnd()],
    ['line breaks of Windows', text.replaceAll('\n', '\r\n')],
    ['longer lines', text.replace(/([^-])\n([^-])/, '$1$2')],
    ['a space in it', text.replace('\nA', '\n A')],
    ['another alphabet', armored(new Uint8Array(100).fill(0xff)).replaceAll('/', '_')],
    ['no signature in it', '-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n'],
    ['nothing', ''],
  ])('with %s is refused', (_what, changed) => {
    expect(changed).not.toBe(text);
    expect(unarmored(changed)).toEqual({
      ok: false,
      refusal: { code: 'bad_text', why: 'it is not an SSH signature as it was written' },
    });
  });

  it('has no more than 16,384 characters', () => {
    const longest = armored(new Uint8Array(12_072));
    expect(longest).toHaveLength(16_384);
    expect(unarmored(longest).ok).toBe(true);
    expect(unarmored(`${longest}\n`)).toEqual({
      ok: false,
      refusal: { code: 'too_long', why: 'a signature file has no more than 16384 characters' },
    });
  });
});
