import { type KeyObject, sign } from 'node:crypto';
import type { Client } from 'ssh2';
import { encode, string, uint8 } from '../../sshwire/bytes.ts';
import { MESSAGE } from '../ssh/messages.ts';
import { internalsOf, sendPayload } from '../ssh/ssh2-internals.ts';

/** An OpenSSH certificate, `<type> <base64>`, and the ed25519 key it was made for. */
export type CertifiedKey = { readonly certificate: string; readonly privateKey: KeyObject };

/**
 * Makes this client log in with a certificate, in the place of its method `none`. ssh2 would label the signature with the
 * certificate's algorithm, and sshd refuses that; so the request is built here (RFC 4252 §7, PROTOCOL.certkeys): certificate as the
 * key, `ssh-ed25519` as the signature's algorithm. The signed request goes out at once, without asking first.
 */
export function presentCertificate(client: Client, { certificate, privateKey }: CertifiedKey): void {
  const [algorithm, blob] = certificate.split(' ');
  if (!algorithm || !blob) throw new TypeError('a certificate must be "<type> <base64>"');
  const { _protocol: protocol } = internalsOf(client);
  if (typeof protocol.authNone !== 'function') throw new Error('ssh2 has changed: there is no authNone to replace');
  protocol.authNone = (login: string): void => {
    const sessionId = protocol._kex?.sessionID;
    if (!sessionId) throw new Error('ssh2 has changed: there is no session id before login');
    const request = encode(
      uint8(MESSAGE.USERAUTH_REQUEST),
      string(login),
      string('ssh-connection'),
      string('publickey'),
      uint8(1),
      string(algorithm),
      string(Buffer.from(blob, 'base64')),
    );
    const signature = sign(null, encode(string(sessionId), request), privateKey);
    protocol._authsQueue.push('publickey');
    sendPayload(protocol, encode(request, string(encode(string('ssh-ed25519'), string(signature)))));
  };
}
