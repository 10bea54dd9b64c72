import { armor } from './armor.ts';
import { encode, string, uint32 } from './bytes.ts';

/** OpenSSH's private key file (PROTOCOL.key): what ssh-keygen writes for a key without passphrase. */

export type Ed25519PrivateKey = {
  /** 32 bytes (RFC 8032 §5.1.5). */
  readonly seed: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly comment: string;
};

const MAGIC = new TextEncoder().encode('openssh-key-v1\0');
/** The cipher `none` pads to this. */
const BLOCK = 8;

/** `check` is four random bytes, there twice so that a reader sees whether it decrypted. */
export function privateKeyFile({ seed, publicKey, comment }: Ed25519PrivateKey, check: Uint8Array): string {
  const type = string('ssh-ed25519');
  const plain = encode(...[check, check, type, string(publicKey), string(encode(seed, publicKey)), string(comment)]);
  const padding = Uint8Array.from({ length: (BLOCK - (plain.length % BLOCK)) % BLOCK }, (_, index) => index + 1);
  const file = encode(
    ...[MAGIC, string('none'), string('none'), string(''), uint32(1)],
    ...[string(encode(type, string(publicKey))), string(encode(plain, padding))],
  );
  return armor('OPENSSH PRIVATE KEY', file);
}
