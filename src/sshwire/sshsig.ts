import { createHash } from 'node:crypto';
import { attempt, encode, malformed, type Read, reader, sameBytes, string, uint32 } from './bytes.ts';
import { parsePublicKey } from './public-key.ts';
import { verifySignature } from './signature.ts';

/** PROTOCOL.sshsig of OpenSSH: signatures over files, as `ssh-keygen -Y sign` and `-Y verify` make and check them. */

const MAGIC = Buffer.from('SSHSIG');
const VERSION = 1;
const HASH = 'sha512';
const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';
const LINE = 70;
const ARMOR_MAX = 16_384;

const hashOf = (message: Uint8Array): Uint8Array => createHash(HASH).update(message).digest();

/** What is signed in the place of the message: its hash, bound to a namespace so that it means nothing elsewhere. */
const signedData = (namespace: string, message: Uint8Array): Uint8Array =>
  encode(MAGIC, string(namespace), string(''), string(HASH), string(hashOf(message)));

/** `sign` makes a signature blob (RFC 8709 §6) with the key whose blob is given. */
export function makeSshsig(
  key: { readonly blob: Uint8Array; readonly sign: (data: Uint8Array) => Uint8Array },
  namespace: string,
  message: Uint8Array,
): Uint8Array {
  const signature = key.sign(signedData(namespace, message));
  const head = encode(MAGIC, uint32(VERSION), string(key.blob), string(namespace), string(''), string(HASH));
  return encode(head, string(signature));
}

export function armored(sshsig: Uint8Array): string {
  const base64 = Buffer.from(sshsig).toString('base64');
  const lines = base64.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return `${[BEGIN, ...lines, END].join('\n')}\n`;
}

/** Reads armour exactly as `armored` writes it: a changed byte anywhere is a refusal, also one that means nothing. */
export const unarmored = (text: string): Read<Uint8Array> =>
  attempt(() => {
    if (text.length > ARMOR_MAX) malformed('too_long', `a signature file has no more than ${ARMOR_MAX} characters`);
    const [first, ...rest] = text.split('\n');
    if (first !== BEGIN || rest.at(-2) !== END) malformed('bad_text', 'it is not an SSH signature');
    const bytes = new Uint8Array(Buffer.from(rest.slice(0, -2).join(''), 'base64'));
    if (armored(bytes) !== text) malformed('bad_text', 'its armour was changed');
    return bytes;
  });

/** True only where the key whose blob is given signed exactly `message` for exactly `namespace`. It never throws. */
export function verifySshsig(sshsig: Uint8Array, keyBlob: Uint8Array, namespace: string, message: Uint8Array): boolean {
  const checked = attempt(() => {
    const from = reader(sshsig);
    if (!MAGIC.every((byte) => from.uint8('magic') === byte)) malformed('bad_value', 'it is not an SSH signature');
    if (from.uint32('version') !== VERSION) malformed('bad_value', 'its version is unknown');
    const blob = from.string('public key');
    if (!sameBytes(blob, keyBlob)) malformed('bad_value', 'it was made with another key');
    if (from.utf8('namespace', 256) !== namespace) malformed('bad_value', 'it was made for something else');
    if (from.string('reserved field', 256).length !== 0) malformed('bad_value', 'its reserved field is used');
    if (from.text('hash algorithm', 16) !== HASH) malformed('bad_value', 'it uses a different hash');
    const signature = from.string('signature', 8_192);
    from.end('signature file');
    const key = parsePublicKey(blob);
    return key.ok && verifySignature(key.value, key.value.type, signature, signedData(namespace, message));
  });
  return checked.ok && checked.value === true;
}
