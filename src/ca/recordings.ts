import { encodePublicKey, parsePublicKeyLine } from '../sshwire/public-key.ts';
import { armored, makeSshsig, unarmored, verifySshsig } from '../sshwire/sshsig.ts';
import type { Keys } from './keys.ts';

/** Signatures of recordings and their ledger: SSHSIG, so that `ssh-keygen -Y verify` checks them without Daypass. */

const NAMESPACES = { recording: 'daypass-recording', erasure: 'daypass-erasure' } as const;
const LEDGER = 'daypass-ledger';

type File = keyof typeof NAMESPACES;

export type RecordingSignatures = {
  file(what: File, message: Uint8Array): string;
  line(message: Uint8Array): string;
};

export type RecordingChecks = {
  file(what: File, message: Uint8Array, signature: string): boolean;
  line(message: Uint8Array, signature: string): boolean;
};

export function recordingSigner(keys: Pick<Keys, 'recordingPublicKey' | 'signAsRecorder'>): RecordingSignatures {
  const key = { blob: blobOf(keys.recordingPublicKey), sign: keys.signAsRecorder };
  return {
    file: (what, message) => armored(makeSshsig(key, NAMESPACES[what], message)),
    line: (message) => Buffer.from(makeSshsig(key, LEDGER, message)).toString('base64'),
  };
}

/** `publicKey` is `<type> <base64>[ comment]`. Throws where it is no key that Daypass takes. */
export function recordingChecker(publicKey: string): RecordingChecks {
  const blob = blobOf(publicKey);
  return {
    file(what, message, signature) {
      const read = unarmored(signature);
      return read.ok && verifySshsig(read.value, blob, NAMESPACES[what], message);
    },
    line(message, signature) {
      const bytes = Buffer.from(signature, 'base64');
      return bytes.toString('base64') === signature && verifySshsig(bytes, blob, LEDGER, message);
    },
  };
}

function blobOf(line: string): Uint8Array {
  const key = parsePublicKeyLine(line);
  if (key.ok) return encodePublicKey(key.value);
  throw new Error(`the recording key cannot be read: ${key.refusal.why}`);
}
