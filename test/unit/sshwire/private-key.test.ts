import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encode, reader, string } from '../../../src/sshwire/bytes.ts';
import { privateKeyFile } from '../../../src/sshwire/private-key.ts';
import { testFolder } from '../../support/checks/folder.ts';

const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
const [seed, publicKey] = [jwk.d, jwk.x].map((part) => new Uint8Array(Buffer.from(part ?? '', 'base64url')));
const check = Uint8Array.of(1, 2, 3, 4);

describe('the file of a private key', () => {
  // Each length of the comment needs another padding.
  it.each(Array.from({ length: 9 }, (_, length) => 'comment!x'.slice(0, length)))(
    'is what ssh-keygen reads, with the comment "%s"',
    (comment) => {
      if (!seed || !publicKey) throw new Error('half a key');
      using folder = testFolder();
      const path = join(folder.path, 'key');
      const file = privateKeyFile({ seed, publicKey, comment }, check);
      writeFileSync(path, file, { mode: 0o600 });
      const blob = encode(string('ssh-ed25519'), string(publicKey));
      const line = ['ssh-ed25519', Buffer.from(blob).toString('base64'), ...(comment === '' ? [] : [comment])].join(
        ' ',
      );
      expect(execFileSync('ssh-keygen', ['-y', '-f', path], { encoding: 'utf8' })).toBe(`${line}\n`);

      const [first, ...lines] = file.split('\n');
      expect([first, ...lines.slice(-2)]).toEqual([
        '-----BEGIN OPENSSH PRIVATE KEY-----',
        '-----END OPENSSH PRIVATE KEY-----',
        '',
      ]);
      expect(lines.slice(0, -3).every(({ length }) => length === 70)).toBe(true);
      expect(padding(Buffer.from(lines.slice(0, -2).join(''), 'base64'), comment)).toEqual(true);
    },
  );
});

/** PROTOCOL.key: the private part is filled up with 1, 2, 3 and so on to blocks of eight, and with no byte more. */
function padding(file: Uint8Array, comment: string): boolean {
  const from = reader(file.subarray('openssh-key-v1\0'.length));
  expect([from.text('cipher'), from.text('KDF'), from.text('its options')]).toEqual(['none', 'none', '']);
  expect(from.uint32('keys')).toBe(1);
  from.string('public key');
  const secret = from.string('private keys');
  from.end('file');
  const inside = reader(secret);
  expect([inside.uint32('check'), inside.uint32('check')]).toEqual([0x01020304, 0x01020304]);
  for (const part of ['type', 'public key', 'private key']) inside.string(part);
  expect(inside.text('comment')).toBe(comment);
  const rest = [...secret.subarray(inside.position())];
  expect(rest).toEqual(rest.map((_, index) => index + 1));
  expect(rest.length).toBeLessThan(8);
  return secret.length % 8 === 0;
}
