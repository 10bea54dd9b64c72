import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sshpk from 'sshpk';
import { encode, reader, string } from '../sshwire/bytes.ts';
import { privateKeyFile } from '../sshwire/private-key.ts';
import { type PublicKey, parsePublicKey, publicKeyLine } from '../sshwire/public-key.ts';
import { verifySignature } from '../sshwire/signature.ts';
import { checkPrivateFolder, KeysError, readPrivateFile, syncFolder, writePrivateFile } from './files.ts';

/** What control's keys can do. Private parts stay in closures: printing or serialising this shows none of them. */
export type Keys = {
  /** `ssh-ed25519 <base64>`, as are the other three. */
  readonly userCaPublicKey: string;
  readonly targetCaPublicKey: string;
  readonly gatewayHostPublicKey: string;
  readonly recordingPublicKey: string;
  /** OpenSSH PEM, for the gateway alone. Not enumerable. */
  readonly gatewayHostKey: string;
  /** Signature blobs (RFC 8709 §6). */
  readonly signAsUserCa: (data: Uint8Array) => Uint8Array;
  readonly signAsTargetCa: (data: Uint8Array) => Uint8Array;
  /** For sealed recordings and their ledger. */
  readonly signAsRecorder: (data: Uint8Array) => Uint8Array;
  /** HMAC-SHA256 with the grant MAC key. */
  readonly mac: (data: Uint8Array) => Uint8Array;
};

const FILES = {
  userCa: 'user_ca',
  targetCa: 'target_ca',
  gatewayHostKey: 'gateway_host_key',
  recording: 'recording_key',
  mac: 'grant_mac_key',
} as const;
const RECORDING_PAIR = { file: FILES.recording, comment: 'daypass-recording' } as const;
const KEY_PAIRS = [
  { file: FILES.userCa, comment: 'daypass-user-ca' },
  { file: FILES.targetCa, comment: 'daypass-target-ca' },
  { file: FILES.gatewayHostKey, comment: 'daypass-gateway' },
  RECORDING_PAIR,
] as const;
const MAC_BYTES = 32;

/**
 * Makes all keys in a new folder, 0700, files 0600. The folder appears whole or not at all; an existing one with anything in it
 * is left alone and refused.
 */
export function createKeys(dir: string): void {
  mkdirSync(dirname(dir), { recursive: true, mode: 0o700 });
  const growing = mkdtempSync(`${dir}.new-`);
  try {
    chmodSync(growing, 0o700);
    for (const pair of KEY_PAIRS) writeKeyPair(growing, pair);
    writePrivateFile(join(growing, FILES.mac), `${randomBytes(MAC_BYTES).toString('hex')}\n`);
    syncFolder(growing);
    // rename(2) takes the place of nothing or of an empty folder, never of keys.
    renameSync(growing, dir);
    syncFolder(dirname(dir));
  } catch (error) {
    rmSync(growing, { recursive: true, force: true });
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOTDIR') throw error;
    throw new KeysError(dir, 'it already exists', 'Keys are never overwritten: move it somewhere else first.');
  }
}

function writeKeyPair(dir: string, { file, comment }: (typeof KEY_PAIRS)[number]): void {
  const pair = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  });
  // RFC 8410 §4 and §7: in both the key itself stands at the end.
  const [seed, publicKey] = [pair.privateKey.subarray(-32), pair.publicKey.subarray(-32)];
  const blob = encode(string('ssh-ed25519'), string(publicKey));
  writePrivateFile(join(dir, `${file}.pub`), `ssh-ed25519 ${Buffer.from(blob).toString('base64')} ${comment}\n`);
  writePrivateFile(join(dir, file), privateKeyFile({ seed, publicKey, comment }, randomBytes(4)));
}

/** Whether the folder is of a version that had no recording key: none of its halves is there. */
const lacksRecordingKey = (dir: string): boolean =>
  [FILES.recording, `${FILES.recording}.pub`].every(
    (file) => lstatSync(join(dir, file), { throwIfNoEntry: false }) === undefined,
  );

/** Makes the keys that an earlier version did not know, and returns their files; what is there is never touched. */
export function addMissingKeys(dir: string): readonly string[] {
  checkPrivateFolder(dir);
  if (!lacksRecordingKey(dir)) return [];
  writeKeyPair(dir, RECORDING_PAIR);
  syncFolder(dir);
  return [FILES.recording];
}

/** Reads the keys, or says which path is wrong and what to do about it. */
export function loadKeys(dir: string): Keys {
  checkPrivateFolder(dir);
  if (lacksRecordingKey(dir)) {
    const problem = 'it is missing: an earlier version of Daypass made these keys';
    throw new KeysError(join(dir, FILES.recording), problem, 'Make it: daypass init --add-missing-keys');
  }
  const userCa = loadKeyPair(dir, FILES.userCa);
  const targetCa = loadKeyPair(dir, FILES.targetCa);
  const gateway = loadKeyPair(dir, FILES.gatewayHostKey);
  const recording = loadKeyPair(dir, FILES.recording);
  if (new Set([userCa, targetCa, gateway, recording].map((pair) => pair.publicKey)).size !== KEY_PAIRS.length) {
    const problem =
      'the user CA, the target CA, the gateway host key and the recording key are not four different keys';
    throw new KeysError(
      dir,
      problem,
      'A target that trusted the user CA could be reached without the gateway. Make new keys.',
    );
  }
  const macKey = loadMacKey(join(dir, FILES.mac));
  const keys = {
    userCaPublicKey: userCa.publicKey,
    targetCaPublicKey: targetCa.publicKey,
    gatewayHostPublicKey: gateway.publicKey,
    recordingPublicKey: recording.publicKey,
    gatewayHostKey: gateway.pem(),
    signAsUserCa: userCa.sign,
    signAsTargetCa: targetCa.sign,
    signAsRecorder: recording.sign,
    mac: (data: Uint8Array) => createHmac('sha256', macKey).update(data).digest(),
  } satisfies Keys;
  return Object.freeze(Object.defineProperty(keys, 'gatewayHostKey', { get: gateway.pem, enumerable: false }));
}

type KeyPair = {
  readonly publicKey: string;
  readonly sign: (data: Uint8Array) => Uint8Array;
  readonly pem: () => string;
};

function loadKeyPair(dir: string, file: string): KeyPair {
  const path = join(dir, file);
  const pem = readPrivateFile(path);
  const parsed = parsePrivateKey(path, pem);
  const publicKey = publicLine(parsed);
  const [type, base64] = readPrivateFile(`${path}.pub`).trim().split(/\s+/);
  if (`${type} ${base64}` !== publicKey) {
    throw new KeysError(
      `${path}.pub`,
      `it is not the public half of ${file}`,
      `Write it again: ssh-keygen -y -f ${path}`,
    );
  }
  const key = signingKey(parsed);
  const signData = (data: Uint8Array): Uint8Array => encode(string('ssh-ed25519'), string(sign(null, data, key)));
  const probe = new TextEncoder().encode('daypass key check');
  if (!verifySignature(publicHalf(parsed), 'ssh-ed25519', signData(probe), probe)) {
    throw new KeysError(path, 'its public and private halves do not match', 'Restore it from a backup.');
  }
  return { publicKey, sign: signData, pem: () => pem };
}

/** For OpenSSL, because sshpk's own signing takes 6 ms of control's time and its PKCS #8 is not what OpenSSL reads. */
function signingKey(key: sshpk.PrivateKey): KeyObject {
  const from = reader(key.toBuffer('rfc4253'));
  from.string('key type');
  const point = from.string('public half');
  const seed = from.string('private half').subarray(0, 32);
  const base64url = (part: Uint8Array): string => Buffer.from(part).toString('base64url');
  const jwk = { kty: 'OKP', crv: 'Ed25519', d: base64url(seed), x: base64url(point) };
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

/** The cause is left out on purpose: a parser's message may quote what it could not parse. */
function parsePrivateKey(path: string, pem: string): sshpk.PrivateKey {
  try {
    const key = sshpk.parsePrivateKey(pem, 'openssh');
    if (key.type === 'ed25519') return key;
  } catch {
    // Told below.
  }
  const remedy = 'Restore it from a backup. To remove a passphrase, use ssh-keygen -p.';
  throw new KeysError(path, 'it is not an ed25519 key in OpenSSH format without a passphrase', remedy);
}

function publicHalf(key: sshpk.PrivateKey): PublicKey {
  const parsed = parsePublicKey(key.toPublic().toBuffer('rfc4253'));
  if (!parsed.ok) throw new Error(`sshpk wrote a public key that cannot be read: ${parsed.refusal.why}`);
  return parsed.value;
}

const publicLine = (key: sshpk.PrivateKey): string => publicKeyLine(publicHalf(key));

function loadMacKey(path: string): Buffer {
  const hex = readPrivateFile(path).trim();
  if (/^[0-9a-f]{64}$/.test(hex)) return Buffer.from(hex, 'hex');
  throw new KeysError(
    path,
    `it is not ${MAC_BYTES} bytes in hex`,
    'Restore it from a backup: without it no stored grant is valid.',
  );
}
