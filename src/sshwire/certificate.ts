import { attempt, encode, malformed, type Read, type Reader, reader, string, uint32, uint64 } from './bytes.ts';
import {
  encodeKeyFields,
  type KeyType,
  type PublicKey,
  readKeyFields,
  requireKeyType,
  splitKeyLine,
  WRONG_FIRST_WORD,
} from './public-key.ts';

/** PROTOCOL.certkeys: `ssh-ed25519-cert-v01@openssh.com` and its like. */
export type CertificateType =
  | `${Exclude<KeyType, `sk-${string}`>}-cert-v01@openssh.com`
  | 'sk-ssh-ed25519-cert-v01@openssh.com'
  | 'sk-ecdsa-sha2-nistp256-cert-v01@openssh.com';

/** A critical option or an extension; `data` is still encoded. */
export type CertificateOption = { readonly name: string; readonly data: Uint8Array };

/** Everything that a CA signs, in the order in which it stands (PROTOCOL.certkeys). */
export type CertificateBody = {
  readonly nonce: Uint8Array;
  readonly publicKey: PublicKey;
  readonly serial: bigint;
  readonly kind: 'user' | 'host';
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since 1970; valid from the first and until just before the second. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: readonly CertificateOption[];
  readonly extensions: readonly CertificateOption[];
  /** The CA's public key blob. */
  readonly signatureKey: Uint8Array;
};

/** A certificate as it was read; nothing in it is believable before `checkCertificate`. */
export type Certificate = CertificateBody & {
  readonly type: CertificateType;
  readonly signature: Uint8Array;
  /** The bytes that `signature` is over. */
  readonly signed: Uint8Array;
};

const KINDS = { user: 1, host: 2 } as const;
const BLOB_MAX = 32_768;
/** OpenSSH's own limit. */
const PRINCIPALS_MAX = 256;
const OPTIONS_MAX = 64;
const NONCE_BYTES_MIN = 16;
const SUFFIX = '-cert-v01@openssh.com';

export const certificateType = (type: KeyType): CertificateType => {
  switch (type) {
    case 'sk-ssh-ed25519@openssh.com':
      return 'sk-ssh-ed25519-cert-v01@openssh.com';
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return 'sk-ecdsa-sha2-nistp256-cert-v01@openssh.com';
    default:
      return `${type}${SUFFIX}`;
  }
};

export const isCertificateType = (name: string): boolean => name.endsWith(SUFFIX);

/** `ssh-ed25519-cert-v01@openssh.com` certifies a `ssh-ed25519` key. */
function certifiedType(name: string): KeyType {
  if (!isCertificateType(name)) return malformed('unknown_type', 'it is not a certificate of version 01');
  const plain = name.slice(0, -SUFFIX.length);
  return requireKeyType(plain.startsWith('sk-') ? `${plain}@openssh.com` : plain);
}

/** Reads a certificate blob. Form only: who signed it, and for when and whom, is `checkCertificate`'s matter. */
export const parseCertificate = (blob: Uint8Array): Read<Certificate> =>
  attempt(() => {
    if (blob.length > BLOB_MAX) malformed('too_long', `a certificate has no more than ${BLOB_MAX} bytes`);
    const from = reader(blob);
    const type = certifiedType(from.text('certificate type', 64));
    const body = readBody(type, from);
    const signed = blob.slice(0, from.position());
    const signature = from.string('signature');
    from.end('certificate');
    return { ...body, type: certificateType(type), signature, signed };
  });

function readBody(type: KeyType, from: Reader): CertificateBody {
  const nonce = from.string('nonce', 256);
  if (nonce.length < NONCE_BYTES_MIN) malformed('bad_value', `its nonce is shorter than ${NONCE_BYTES_MIN} bytes`);
  const body = {
    nonce,
    publicKey: readKeyFields(type, from),
    serial: from.uint64('serial'),
    kind: readKind(from.uint32('certificate kind')),
    keyId: from.text('key id', 1_024),
    principals: readPrincipals(from.string('principals')),
    validAfter: from.uint64('start of validity'),
    validBefore: from.uint64('end of validity'),
    criticalOptions: readOptions(from.string('critical options'), 'critical option'),
    extensions: readOptions(from.string('extensions'), 'extension'),
  };
  if (from.string('reserved field').length > 0) malformed('bad_value', 'its reserved field is not empty');
  return { ...body, signatureKey: from.string('signature key') };
}

function readKind(kind: number): CertificateBody['kind'] {
  if (kind === KINDS.user) return 'user';
  if (kind === KINDS.host) return 'host';
  return malformed('bad_value', 'it is neither a user nor a host certificate');
}

function readPrincipals(bytes: Uint8Array): string[] {
  const from = reader(bytes);
  const principals: string[] = [];
  while (!from.done()) {
    if (principals.length === PRINCIPALS_MAX) malformed('too_long', `it has more than ${PRINCIPALS_MAX} principals`);
    const principal = from.text('principal', 1_024);
    if (principal === '') malformed('bad_value', 'one of its principals is empty');
    principals.push(principal);
  }
  return principals;
}

/** PROTOCOL.certkeys: options stand in lexical order, each at most once. */
function readOptions(bytes: Uint8Array, what: string): CertificateOption[] {
  const from = reader(bytes);
  const options: CertificateOption[] = [];
  while (!from.done()) {
    if (options.length === OPTIONS_MAX) malformed('too_long', `it has more than ${OPTIONS_MAX} ${what}s`);
    const option = { name: from.text(`${what}'s name`, 256), data: from.string(`${what}'s data`) };
    const before = options.at(-1);
    const order = before ? Buffer.compare(Buffer.from(before.name), Buffer.from(option.name)) : -1;
    if (order === 0) malformed('duplicate_option', `it has the same ${what} twice`);
    if (order > 0) malformed('unordered_options', `its ${what}s are not in lexical order`);
    options.push(option);
  }
  return options;
}

/** The bytes for a CA to sign. Writes what it is given: whether that may be said is the caller's matter. */
export function encodeToBeSigned(body: CertificateBody): Uint8Array {
  return encode(
    string(certificateType(body.publicKey.type)),
    string(body.nonce),
    encodeKeyFields(body.publicKey),
    uint64(body.serial),
    uint32(KINDS[body.kind]),
    string(body.keyId),
    string(encode(...body.principals.map(string))),
    uint64(body.validAfter),
    uint64(body.validBefore),
    string(encodeOptions(body.criticalOptions)),
    string(encodeOptions(body.extensions)),
    string(''),
    string(body.signatureKey),
  );
}

const encodeOptions = (options: readonly CertificateOption[]): Uint8Array =>
  encode(...options.flatMap((option) => [string(option.name), string(option.data)]));

/** The whole certificate: what was signed, and the signature blob. */
export const encodeCertificate = (signed: Uint8Array, signature: Uint8Array): Uint8Array =>
  encode(signed, string(signature));

/** An option that is only there or not. */
export const flagOption = (name: string): CertificateOption => ({ name, data: new Uint8Array(0) });

/** An option whose data is one string. */
export const stringOption = (name: string, value: string): CertificateOption => ({ name, data: string(value) });

/** The string that an option's data holds. */
export const optionText = (option: CertificateOption): Read<string> =>
  attempt(() => {
    const from = reader(option.data);
    const value = from.utf8(`option's data`);
    from.end(`option's data`);
    return value.includes('\0') ? malformed('bad_text', `its option's data has a NUL`) : value;
  });

/** `<type>-cert-v01@openssh.com <base64>`, as in a `-cert.pub` file. */
export const certificateLine = (type: CertificateType, blob: Uint8Array): string =>
  `${type} ${Buffer.from(blob).toString('base64')}`;

/** Reads a `-cert.pub` line; a comment may follow. */
export function parseCertificateLine(line: string): Read<Certificate> {
  const split = splitKeyLine(line);
  if (!split.ok) return split;
  const certificate = parseCertificate(split.value.blob);
  return certificate.ok && certificate.value.type !== split.value.type ? WRONG_FIRST_WORD : certificate;
}
