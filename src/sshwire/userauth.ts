import { attempt, malformed, type Read, reader, type WireRefusal } from './bytes.ts';
import { type Certificate, certificateType, parseCertificate } from './certificate.ts';
import { type KeyType, type PublicKey, parsePublicKey } from './public-key.ts';
import { isUserVerified, type SignatureAlgorithm, verifySignature } from './signature.ts';

/** What a client signed to log in (RFC 4252 §7), and with which key: the one whose signature was verified. */
export type ProvenUserauth = {
  readonly sshSessionId: Uint8Array;
  readonly userName: string;
  /** The plain key, also where a certificate was presented. */
  readonly key: PublicKey;
  /** As it was presented: only its key is proven, none of what it says. */
  readonly certificate: Certificate | null;
  /** A FIDO device verified its user for this very login. */
  readonly isUserVerified: boolean;
};

export type UserauthRefusal = WireRefusal & {
  /** Which part was refused. */
  readonly part: 'request' | 'key' | 'certificate' | 'signature';
};

const SSH_MSG_USERAUTH_REQUEST = 50;
/** Exchange hashes of SHA-256, SHA-384 and SHA-512. */
const SESSION_ID_BYTES: readonly number[] = [32, 48, 64];
const USER_NAME_MAX = 256;
const SIGNED_MAX = 40_000;

type Algorithm = { readonly blob: 'plain' | 'certificate'; readonly key: KeyType; readonly signs: SignatureAlgorithm };

/** RFC 8332 §3 and PROTOCOL.certkeys: an algorithm's name says what the key blob is and how it signs. SHA-1 is not among them. */
const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  ...(
    [
      'ssh-ed25519',
      'ecdsa-sha2-nistp256',
      'ecdsa-sha2-nistp384',
      'ecdsa-sha2-nistp521',
      'sk-ssh-ed25519@openssh.com',
      'sk-ecdsa-sha2-nistp256@openssh.com',
    ] as const
  ).flatMap((type): [string, Algorithm][] => [
    [type, { blob: 'plain', key: type, signs: type }],
    [certificateType(type), { blob: 'certificate', key: type, signs: type }],
  ]),
  ...(['rsa-sha2-256', 'rsa-sha2-512'] as const).flatMap((signs): [string, Algorithm][] => [
    [signs, { blob: 'plain', key: 'ssh-rsa', signs }],
    [`${signs}-cert-v01@openssh.com`, { blob: 'certificate', key: 'ssh-rsa', signs }],
  ]),
]);

/** The signature algorithms of logins, as a server-sig-algs extension names them (RFC 8308 §3.1): without those of certificates. */
export const SIGNATURE_ALGORITHMS: readonly string[] = [...ALGORITHMS].flatMap(([name, { blob }]) =>
  blob === 'plain' ? [name] : [],
);

/**
 * Reads the data that a client signs and verifies its signature over exactly these bytes. A value is returned only for the key
 * that signed: a key that was merely offered never comes out of here.
 */
export function verifyUserauth(signed: Uint8Array, signature: Uint8Array): Read<ProvenUserauth, UserauthRefusal> {
  const request = attempt(() => readRequest(signed));
  if (!request.ok) return refusedIn('request', request.refusal);
  const { algorithm, keyBlob, sshSessionId, userName } = request.value;
  const certificate = algorithm.blob === 'certificate' ? parseCertificate(keyBlob) : null;
  if (certificate && !certificate.ok) return refusedIn('certificate', certificate.refusal);
  const plain = certificate ? null : parsePublicKey(keyBlob);
  if (plain && !plain.ok) return refusedIn('key', plain.refusal);
  const key = certificate?.value.publicKey ?? plain?.value;
  if (key?.type !== algorithm.key) {
    return refusedIn('request', { code: 'bad_value', why: 'its key type does not match its algorithm' });
  }
  if (verifySignature(key, algorithm.signs, signature, signed) !== true) {
    return refusedIn('signature', { code: 'bad_value', why: 'its key did not sign this login' });
  }
  const proven = { sshSessionId, userName, key, certificate: certificate?.value ?? null };
  return { ok: true, value: { ...proven, isUserVerified: isUserVerified(key, signature) } };
}

const refusedIn = (part: UserauthRefusal['part'], refusal: WireRefusal): Read<never, UserauthRefusal> => ({
  ok: false,
  refusal: { ...refusal, part },
});

type Request = {
  readonly sshSessionId: Uint8Array;
  readonly userName: string;
  readonly algorithm: Algorithm;
  readonly keyBlob: Uint8Array;
};

/** RFC 4252 §7: session id, SSH_MSG_USERAUTH_REQUEST, user, service, "publickey", TRUE, algorithm, key blob. */
function readRequest(signed: Uint8Array): Request {
  if (signed.length > SIGNED_MAX) malformed('too_long', `a signed login has no more than ${SIGNED_MAX} bytes`);
  const from = reader(signed);
  const sshSessionId = from.string('session id', 64).slice();
  if (!SESSION_ID_BYTES.includes(sshSessionId.length)) malformed('bad_value', 'its session id is not a SHA-2 hash');
  if (from.uint8('message number') !== SSH_MSG_USERAUTH_REQUEST) malformed('bad_value', 'it is not a login request');
  const userName = from.text('user name', USER_NAME_MAX);
  if (from.text('service', 32) !== 'ssh-connection') malformed('bad_value', 'it is for another service');
  if (from.text('method', 64) !== 'publickey') malformed('bad_value', 'its method is not publickey');
  if (from.uint8('has-signature flag') !== 1) malformed('bad_value', 'it is an offer and not a login');
  const algorithm = readAlgorithm(from.text('algorithm', 64));
  const keyBlob = from.string('key');
  from.end('login request');
  return { sshSessionId, userName, algorithm, keyBlob };
}

function readAlgorithm(name: string): Algorithm {
  const algorithm = ALGORITHMS.get(name);
  if (algorithm) return algorithm;
  if (name === 'ssh-rsa' || name === certificateType('ssh-rsa')) {
    return malformed('bad_value', 'it signs with SHA-1: use an SSH client that knows rsa-sha2-512');
  }
  return malformed('unknown_type', 'Daypass does not accept its algorithm');
}
