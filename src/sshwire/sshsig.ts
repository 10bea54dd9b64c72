import { createHash } from 'node:crypto';
import { armor } from './armor.ts';
import { attempt, encode, malformed, type Read, reader, sameBytes, string, uint32 } from './bytes.ts';
import { parsePublicKey } from './public-key.ts';
import { verifySignature } from './signature.ts';

/** PROTOCOL.sshsig of OpenSSH: signatures over files, as `ssh-keygen -Y sign` and `-Y verify` make and check them. */

const MAGIC = Buffer.from('SSHSIG');
const VERSION = 1;
const HASH = 'sha512';
const ARMOR_MAX = 16_384;

const hashOf = (message: Uint8Array): Uint8Array => createHash(HASH).update(message).digest();

/** What is signed in the place of the message: its hash, bound to a namespace so that it means nothing elsewhere. */
const signedData = (namespace: string, message: Uint8Array): Uint8Array =>
  encode(MAGIC, string(namespace), string(''), string(HASH), string(hashOf(message)));

/** All that stands before the signature follows from the key and the namespace; the string without content is reserved. */
const headOf = (keyBlob: Uint8Array, namespace: string): Uint8Array =>
  encode(MAGIC, uint32(VERSION), string(keyBlob), string(namespace), string(''), string(HASH));

/** `sign` makes a signature blob (RFC 8709 §6) with the key whose blob is given. */
export function makeSshsig(
  key: { readonly blob: Uint8Array; readonly sign: (data: Uint8Array) => Uint8Array },
  namespace: string,
  message: Uint8Array,
): Uint8Array {
  return encode(headOf(key.blob, namespace), string(key.sign(signedData(namespace, message))));
}

export const armored = (sshsig: Uint8Array): string => armor('SSH SIGNATURE', sshsig);

/** Reads armour exactly as `armored` writes it: a changed byte anywhere is a refusal, also one that means nothing. */
export const unarmored = (text: string): Read<Uint8Array> =>
  attempt(() => {
    if (text.length > ARMOR_MAX) malformed('too_long', `a signature file has no more than ${ARMOR_MAX} characters`);
    const bytes = new Uint8Array(Buffer.from(text.split('\n').slice(1, -2).join(''), 'base64'));
    if (armored(bytes) !== text) malformed('bad_text', 'it is not an SSH signature as it was written');
    return bytes;
  });

/** True only where the key whose blob is given signed exactly `message` for exactly `namespace`. It never throws. */
export function verifySshsig(sshsig: Uint8Array, keyBlob: Uint8Array, namespace: string, message: Uint8Array): boolean {
  const checked = attempt(() => {
    const head = headOf(keyBlob, namespace);
    if (!sameBytes(sshsig.subarray(0, head.length), head)) return false;
    const from = reader(sshsig.subarray(head.length));
    const signature = from.string('signature');
    from.end('signature file');
    const key = parsePublicKey(keyBlob);
    return key.ok && verifySignature(key.value, key.value.type, signature, signedData(namespace, message));
  });
  return checked.ok && checked.value === true;
}
