import { generateKeyPairSync } from 'node:crypto';
import { Client } from 'ssh2';
import { internalsOf, sendPayload } from '../../../src/gateway/ssh/ssh2-internals.ts';
import { encode, string, uint8 } from '../../../src/sshwire/bytes.ts';
import { certificateAlgorithm } from './certificates.ts';
import type { SignHow, TestKey } from './ssh-keys.ts';
import type { Sshd } from './sshd.ts';

export type Presented = {
  /** A key's or a certificate's blob, well-formed or not. */
  readonly blob: Uint8Array;
  readonly key: TestKey;
  readonly login?: string;
  readonly how?: SignHow;
};

const USERAUTH_REQUEST = 50;
const READY_MS = 30_000;

/** ssh2 wants a key before it begins. Its own generator makes one in four hundred that it cannot read. */
const NEVER_USED = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  format: 'pem',
  type: 'pkcs1',
});

/**
 * Presents a blob to a real sshd with a signature of the key's owner over it, which OpenSSH's client would refuse to do for most
 * wrong ones, and tells what sshd made of it.
 */
export function present(sshd: Sshd, { blob, key, login, how }: Presented): Promise<'accepted' | 'refused'> {
  const client = new Client();
  const username = login ?? sshd.login;
  return new Promise<'accepted' | 'refused'>((resolve, reject) => {
    client.once('ready', () => resolve('accepted'));
    client.on('error', (error: Error & { level?: string }) => {
      if (error.level === 'client-authentication') resolve('refused');
      else reject(error);
    });
    client.once('close', () => reject(new Error('sshd closed the connection before it answered')));
    client.once('handshake', () => {
      const { _protocol: protocol } = internalsOf(client);
      protocol.authPK = (): void => {
        const request = encode(
          uint8(USERAUTH_REQUEST),
          ...[username, 'ssh-connection', 'publickey'].map(string),
          uint8(1),
          string(certificateAlgorithm(key)),
          string(blob),
        );
        const signature = key.sign(encode(string(protocol._kex?.sessionID ?? ''), request), how);
        protocol._authsQueue.push('publickey');
        sendPayload(protocol, encode(request, string(signature)));
      };
    });
    client.connect({
      host: sshd.address,
      port: sshd.port,
      username,
      readyTimeout: READY_MS,
      hostVerifier: () => true,
      privateKey: NEVER_USED,
      authHandler: ['publickey'],
    });
  }).finally(() => client.destroy());
}
