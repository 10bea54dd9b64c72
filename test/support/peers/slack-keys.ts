import { createHash, generateKeyPairSync } from 'node:crypto';

/** An ed25519 public key as OpenSSH writes it (RFC 8709 §4). */
export function makeKey(): { readonly line: string; readonly blob: Buffer } {
  const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  const field = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const blob = Buffer.concat([field(Buffer.from('ssh-ed25519')), field(Buffer.from(x, 'base64url'))]);
  return { line: `ssh-ed25519 ${blob.toString('base64')}`, blob };
}

export const fingerprintOf = (blob: Uint8Array): string =>
  `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
