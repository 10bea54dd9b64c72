import type { Client, ParsedKey } from 'ssh2';
import { internalsOf, sendPayload } from './ssh2-internals.ts';

/** An OpenSSH certificate and the key pair it was made for. */
export type CertifiedKey = { readonly certificate: string; readonly key: ParsedKey };

const string = (value: Uint8Array | string): Buffer => {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

/**
 * Makes this client log in with a certificate. ssh2 labels the signature with the certificate's algorithm, and sshd refuses it; so
 * the request is built here (RFC 4252 §7, PROTOCOL.certkeys): certificate as the key, `ssh-ed25519` as the signature's algorithm.
 * The signed request is sent at once, without asking first.
 */
export function presentCertificate(client: Client, { certificate, key }: CertifiedKey): void {
  const [algorithm, blob] = certificate.split(' ');
  if (!algorithm || !blob) throw new TypeError('a certificate reads "<type> <base64>"');
  const protocol = internalsOf(client)._protocol;
  if (typeof protocol?.authPK !== 'function') throw new Error('ssh2 has changed: no authPK to replace');
  protocol.authPK = (login: string): void => {
    const sessionId = protocol._kex?.sessionID;
    if (!sessionId) throw new Error('ssh2 has changed: no session id before login');
    const request = Buffer.concat([
      Uint8Array.of(50),
      string(login),
      string('ssh-connection'),
      string('publickey'),
      Uint8Array.of(1),
      string(algorithm),
      string(Buffer.from(blob, 'base64')),
    ]);
    const signature: Buffer | Error = key.sign(Buffer.concat([string(sessionId), request]));
    if (signature instanceof Error) throw signature;
    protocol._authsQueue.push('publickey');
    sendPayload(protocol, Buffer.concat([request, string(Buffer.concat([string('ssh-ed25519'), string(signature)]))]));
  };
}
