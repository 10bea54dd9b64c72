import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { encode, string, uint8 } from '../../../src/sshwire/bytes.ts';

/** A contractor's key and what ssh would sign with it. */
export class SshKey {
  readonly #private: KeyObject;
  readonly blob: Uint8Array;

  constructor() {
    const pair = generateKeyPairSync('ed25519');
    this.#private = createPrivateKey(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }));
    const raw = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    this.blob = encode(string('ssh-ed25519'), string(raw));
  }

  get fingerprint(): string {
    return `SHA256:${createHash('sha256').update(this.blob).digest('base64').replace(/=+$/, '')}`;
  }

  proof(userName: string, certificate: string | null, sshSessionId = randomBytes(32)) {
    const [type = 'ssh-ed25519', body] = certificate?.split(' ') ?? [];
    const key = body === undefined ? this.blob : new Uint8Array(Buffer.from(body, 'base64'));
    const fields = [
      string(userName),
      string('ssh-connection'),
      string('publickey'),
      uint8(1),
      string(type),
      string(key),
    ];
    const signed = encode(string(new Uint8Array(sshSessionId)), uint8(50), ...fields);
    const signature = encode(string('ssh-ed25519'), string(new Uint8Array(sign(null, signed, this.#private))));
    return { signed, signature };
  }
}
