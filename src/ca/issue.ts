import { headText, isWholeHead, parseHead } from '../access/audit-head.ts';
import {
  AUDIT_HEAD,
  BACKDATE_SECONDS,
  type CertificateSpec,
  UPSTREAM_SECONDS,
  VERIFY_REQUIRED,
} from '../access/certificate.ts';
import { Fingerprint, Login, TargetId } from '../access/ids.ts';
import { parseAddressList } from '../sshwire/address.ts';
import { sameBytes } from '../sshwire/bytes.ts';
import {
  type Certificate,
  type CertificateBody,
  type CertificateOption,
  certificateLine,
  certificateType,
  encodeCertificate,
  encodeToBeSigned,
  flagOption,
  parseCertificateLine,
  stringOption,
} from '../sshwire/certificate.ts';
import { encodePublicKey, fingerprint, type PublicKey } from '../sshwire/public-key.ts';
import { verifySignature } from '../sshwire/signature.ts';
import type { IssuedCertificate } from '../use-cases/ports/authority.ts';
import type { RandomSource } from '../use-cases/ports/random.ts';

/** A certificate was asked for that must not be made, or one was made that is not what was asked for. */
export class CertificateFault extends Error {
  readonly code: 'certificate_not_allowed' | 'certificate_miswritten';
  constructor(code: CertificateFault['code'], message: string) {
    super(message);
    this.name = 'CertificateFault';
    this.code = code;
  }
}

const notAllowed = (why: string): CertificateFault => new CertificateFault('certificate_not_allowed', why);
const miswritten = (what: string): CertificateFault =>
  new CertificateFault('certificate_miswritten', `the signed certificate differs from what was asked: ${what}`);

/** Which certificates one of the two CAs may sign. */
export type Direction = {
  readonly criticalOptions: readonly ('source-address' | 'force-command' | typeof VERIFY_REQUIRED)[];
  readonly principalsMax: number;
  readonly isPrincipal: (text: string) => boolean;
  readonly secondsMax: number;
  readonly mayHaveAuditHead: boolean;
};

/** For contractors: the gateway carries out no force-command, so it must not be promised one. */
export const DOWNSTREAM: Direction = {
  criticalOptions: ['source-address', VERIFY_REQUIRED],
  principalsMax: 8,
  isPrincipal: (text) => Login.safeParse(text).success,
  secondsMax: Number.POSITIVE_INFINITY,
  mayHaveAuditHead: true,
};

/** For the gateway at one target: one login there, for as long as it takes to log in. */
export const UPSTREAM: Direction = {
  criticalOptions: ['force-command', 'source-address'],
  principalsMax: 1,
  isPrincipal(text) {
    const [login, target, ...more] = text.split('@');
    return more.length === 0 && Login.safeParse(login).success && TargetId.safeParse(target).success;
  },
  secondsMax: UPSTREAM_SECONDS + BACKDATE_SECONDS,
  mayHaveAuditHead: false,
};

/** Never agent forwarding, X11 or user-rc: each would reach past what was granted. */
const EXTENSIONS: ReadonlySet<string> = new Set(['permit-port-forwarding', 'permit-pty']);
const KEY_ID = /^[\x20-\x7e]{1,255}$/;
const COMMAND_MAX = 8_192;
const NONCE_BYTES = 32;
/** The last second of the year 9999: dates behind it cannot be stored. */
export const LATEST_SECONDS = 253_402_300_799;

export type Issuer = {
  readonly direction: Direction;
  readonly caKey: PublicKey;
  readonly sign: (data: Uint8Array) => Uint8Array;
  readonly random: Pick<RandomSource, 'bytes'>;
};

/** Signs a user certificate, reads it back from its line, and lets it out only where it says what was asked. */
export function issue(issuer: Issuer, publicKey: PublicKey, spec: CertificateSpec, now: Date): IssuedCertificate {
  checkSpec(issuer.direction, spec);
  const body = bodyOf(issuer, publicKey, spec);
  const signed = encodeToBeSigned(body);
  const blob = encodeCertificate(signed, issuer.sign(signed));
  const certificate = certificateLine(certificateType(publicKey.type), blob);
  checkWritten(certificate, body, issuer.caKey);
  return {
    serial: body.serial.toString(),
    keyId: spec.keyId,
    fingerprint: Fingerprint.parse(fingerprint(publicKey)),
    certificate,
    issuedAt: now,
  };
}

function checkSpec(direction: Direction, spec: CertificateSpec): void {
  const { principals, keyId, extensions } = spec;
  if (principals.length < 1 || principals.length > direction.principalsMax || hasTwice(principals)) {
    throw notAllowed(`it takes 1 to ${direction.principalsMax} different principals, not ${principals.length}`);
  }
  const odd = principals.find((each) => !direction.isPrincipal(each));
  if (odd !== undefined) throw notAllowed(`${JSON.stringify(odd)} is not a principal of this CA`);
  if (!KEY_ID.test(keyId)) throw notAllowed('a key id must be 1 to 255 printable ASCII characters');
  const strange = extensions.find((each) => !EXTENSIONS.has(each));
  if (strange !== undefined) throw notAllowed(`the extension ${JSON.stringify(strange)} is not issued`);
  if (hasTwice(extensions)) throw notAllowed('an extension is named twice');
  checkAuditHead(direction, spec);
  for (const [name, value] of Object.entries(spec.criticalOptions)) checkCriticalOption(direction, name, value);
  checkTimes(direction, spec);
}

function checkAuditHead({ mayHaveAuditHead }: Direction, { auditHead }: CertificateSpec): void {
  if (auditHead === undefined) return;
  if (!mayHaveAuditHead) throw notAllowed('the head of the audit log is not for targets');
  const read = parseHead(headText(auditHead));
  if (!read || !isWholeHead(read)) throw notAllowed('the head of the audit log must be a number and a SHA-256');
}

const hasTwice = (texts: readonly string[]): boolean => new Set(texts).size !== texts.length;

function checkCriticalOption(direction: Direction, name: string, value: string): void {
  const known = direction.criticalOptions.find((each) => each === name);
  switch (known) {
    case 'source-address':
      if (!parseAddressList(value))
        throw notAllowed('source-address takes addresses and CIDR ranges, separated by commas');
      return;
    case 'force-command':
      if (value === '' || value.includes('\0') || value.length > COMMAND_MAX) {
        throw notAllowed(`force-command takes 1 to ${COMMAND_MAX} characters without NUL`);
      }
      return;
    case VERIFY_REQUIRED:
      if (value !== '') throw notAllowed('verify-required takes no value');
      return;
    case undefined:
      throw notAllowed(`the critical option ${JSON.stringify(name)} is not issued by this CA`);
  }
  known satisfies never;
}

/** Whole seconds, the end rounded down: a certificate may not outlive what was granted. */
const toSeconds = (date: Date): number => Math.floor(date.getTime() / 1000);

function checkTimes(direction: Direction, spec: CertificateSpec): void {
  const [from, until] = [toSeconds(spec.validAfter), toSeconds(spec.validBefore)];
  if (!(from >= 0 && from < until && until <= LATEST_SECONDS)) throw notAllowed('it must begin before it ends');
  if (until - from > direction.secondsMax) throw notAllowed(`it may be valid for at most ${direction.secondsMax} s`);
}

function bodyOf(issuer: Issuer, publicKey: PublicKey, spec: CertificateSpec): CertificateBody {
  const criticalOptions = Object.entries(spec.criticalOptions).map(([name, value]) =>
    name === VERIFY_REQUIRED ? flagOption(name) : stringOption(name, value),
  );
  return {
    nonce: issuer.random.bytes(NONCE_BYTES),
    publicKey,
    serial: randomSerial(issuer.random),
    kind: 'user',
    keyId: spec.keyId,
    principals: spec.principals,
    validAfter: BigInt(toSeconds(spec.validAfter)),
    validBefore: BigInt(toSeconds(spec.validBefore)),
    criticalOptions: criticalOptions.sort(byName),
    extensions: [...spec.extensions.map(flagOption), ...auditHeadOption(spec)].sort(byName),
    signatureKey: encodePublicKey(issuer.caKey),
  };
}

const auditHeadOption = ({ auditHead }: CertificateSpec): CertificateOption[] =>
  auditHead === undefined ? [] : [stringOption(AUDIT_HEAD, headText(auditHead))];

const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1);

/** Zero is what OpenSSH calls a certificate without serial, and cannot be revoked by it. */
function randomSerial(random: Pick<RandomSource, 'bytes'>): bigint {
  const serial = Buffer.from(random.bytes(8)).readBigUInt64BE();
  if (serial === 0n) throw new CertificateFault('certificate_miswritten', 'the random source gave eight zero bytes');
  return serial;
}

/** Each field by itself, so that an encoder that errs cannot hide behind a reader that errs alike. */
function checkWritten(line: string, asked: CertificateBody, caKey: PublicKey): void {
  const read = parseCertificateLine(line);
  if (!read.ok) throw miswritten(read.refusal.why);
  const written = read.value;
  const differs = FIELDS.find((field) => !sameField(written[field], asked[field]));
  if (differs) throw miswritten(differs);
  if (!sameBytes(encodePublicKey(written.publicKey), encodePublicKey(asked.publicKey))) throw miswritten('publicKey');
  checkSignedBy(written, caKey);
}

const FIELDS = [
  'nonce',
  'serial',
  'kind',
  'keyId',
  'principals',
  'validAfter',
  'validBefore',
  'criticalOptions',
  'extensions',
  'signatureKey',
] as const satisfies readonly (keyof CertificateBody)[];

type Field = CertificateBody[(typeof FIELDS)[number]];

function sameField(a: Field, b: Field): boolean {
  return comparable(a) === comparable(b);
}

const comparable = (value: Field): string =>
  JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    return part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part;
  });

function checkSignedBy(certificate: Certificate, caKey: PublicKey): void {
  if (verifySignature(caKey, caKey.type, certificate.signature, certificate.signed) !== true)
    throw miswritten('signature');
}
