import { randomBytes } from 'node:crypto';
import { armor, Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { KEY_BYTES } from './format.ts';

/** key.age: a recording's data key as 64 hex digits, in an armoured age file. `age -d -i identity key.age` shows it. */

/** Why a recipient cannot be used; null where it can. */
export function recipientProblem(recipient: string): string | null {
  try {
    new Encrypter().addRecipient(recipient);
    return null;
  } catch {
    return 'must be an age recipient, which begins with age1, as `age-keygen -y` prints it';
  }
}

const isPostQuantum = (recipient: string): boolean => recipient.startsWith('age1pq1');

/** A file is as well kept as by the weakest of its recipients: age itself writes none for both kinds. */
export const mixesKinds = (recipients: readonly string[]): boolean =>
  recipients.some(isPostQuantum) && !recipients.every(isPostQuantum);

export async function wrapNewKey(recipients: readonly string[]): Promise<{ key: Buffer; file: Buffer }> {
  if (recipients.length === 0) throw new Error('nobody could read the recording');
  const key = randomBytes(KEY_BYTES);
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  const file = armor.encode(await encrypter.encrypt(key.toString('hex')));
  return { key, file: Buffer.from(`${file.trimEnd()}\n`) };
}

/** Throws where none of the identities opens it. */
export async function unwrapKey(file: Uint8Array, identities: readonly string[]): Promise<Buffer> {
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  const hex = await decrypter.decrypt(armor.decode(Buffer.from(file).toString('latin1').trim()), 'text');
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new Error('the wrapped key is not 64 hex digits');
  return Buffer.from(hex, 'hex');
}

export async function newIdentity(): Promise<{ identity: string; recipient: string }> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

export const recipientOf = (identity: string): Promise<string> => identityToRecipient(identity);

/** The text of an identity file, as `age-keygen` writes it. */
export const identityFile = ({ identity, recipient }: { identity: string; recipient: string }, at: Date): string =>
  `# created: ${at.toISOString().slice(0, 19)}Z\n# public key: ${recipient}\n${identity}\n`;

/** The identities of an identity file as `age-keygen` writes it. */
export const identitiesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
