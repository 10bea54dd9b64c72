import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { privateKeyFile } from '../../../src/sshwire/private-key.ts';

/** A host key for a server of ssh2. Of the keys that ssh2 itself makes one in some 250 has a public half that is too short. */
export function makeHostKey(): string {
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const [seed, publicKey] = [Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')];
  return privateKeyFile({ seed, publicKey, comment: '' }, randomBytes(4));
}
