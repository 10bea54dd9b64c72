import { addressInList } from './address.ts';
import { sameBytes } from './bytes.ts';
import { type Certificate, type CertificateOption, isCertificateType, optionText } from './certificate.ts';
import { parsePublicKey } from './public-key.ts';
import { blobName, verifySignature } from './signature.ts';

export type CertificateRefusal = {
  readonly code:
    | 'unknown_ca'
    | 'nested_ca'
    | 'weak_ca'
    | 'bad_signature'
    | 'host_certificate'
    | 'bad_validity'
    | 'not_yet_valid'
    | 'expired'
    | 'unknown_critical_option'
    | 'bad_option_data'
    | 'source_address_mismatch'
    | 'no_principals'
    | 'principal_missing';
  /** A clause for people. */
  readonly why: string;
};

export type CertificateTerms = {
  /** Public key blobs of the CAs that are believed. */
  readonly caKeys: readonly Uint8Array[];
  readonly now: Date;
  /** Who the bearer wants to be; left out where that is not decided by the certificate alone. */
  readonly principal?: string;
  /** The bearer's address; null where it is not known, and then a certificate with source-address is refused. */
  readonly sourceAddress: string | null;
  /** Critical options beyond source-address that the caller carries out itself; others are refused. */
  readonly honours?: readonly HonouredOption[];
};

type HonouredOption = 'force-command' | 'verify-required';

/** What the caller has to carry out. */
export type CheckedCertificate = {
  readonly forceCommand: string | null;
  readonly verifyRequired: boolean;
  /** Names of the extensions; unknown ones mean nothing (PROTOCOL.certkeys). */
  readonly extensions: readonly string[];
};

export type CertificateVerdict =
  | { readonly ok: true; readonly value: CheckedCertificate }
  | { readonly ok: false; readonly refusal: CertificateRefusal };

type Code = CertificateRefusal['code'];
const refused = (code: Code, why: string): { ok: false; refusal: CertificateRefusal } => ({
  ok: false,
  refusal: { code, why },
});

/** Extensions of PROTOCOL.certkeys; all of them are flags. */
const FLAG_EXTENSIONS: ReadonlySet<string> = new Set([
  'no-touch-required',
  'permit-X11-forwarding',
  'permit-agent-forwarding',
  'permit-port-forwarding',
  'permit-pty',
  'permit-user-rc',
]);

/**
 * Whether a user certificate opens the door now, for this bearer. What a CA did not sign is not looked at. Stricter than sshd:
 * an empty principal list names nobody, and an option that the caller does not carry out is refused.
 */
export function checkCertificate(certificate: Certificate, terms: CertificateTerms): CertificateVerdict {
  const untrusted = checkAuthority(certificate, terms.caKeys);
  if (untrusted) return untrusted;
  if (certificate.kind !== 'user') return refused('host_certificate', 'it is a host certificate');
  const untimely = checkValidity(certificate, terms.now);
  if (untimely) return untimely;
  const options = checkCriticalOptions(certificate.criticalOptions, terms);
  if (!options.ok) return options;
  const extensions = certificate.extensions.map((extension) => extension.name);
  const stuffed = certificate.extensions.find((each) => FLAG_EXTENSIONS.has(each.name) && each.data.length > 0);
  if (stuffed) return refused('bad_option_data', `its extension ${nameOf(stuffed.name)} has data`);
  if (certificate.principals.length === 0) return refused('no_principals', 'it names no principal');
  if (terms.principal !== undefined && !certificate.principals.includes(terms.principal)) {
    return refused('principal_missing', 'it is for other principals');
  }
  return { ok: true, value: { ...options.value, extensions } };
}

type Refused = ReturnType<typeof refused>;

/** The CA's key in a certificate is a claim: only its signature over the rest counts. */
function checkAuthority(certificate: Certificate, caKeys: readonly Uint8Array[]): Refused | null {
  const type = blobName(certificate.signatureKey);
  if (type !== null && isCertificateType(type)) return refused('nested_ca', 'its CA is itself a certificate');
  if (!caKeys.some((each) => sameBytes(each, certificate.signatureKey))) {
    return refused('unknown_ca', 'it was signed by an unknown CA');
  }
  const ca = parsePublicKey(certificate.signatureKey);
  if (!ca.ok) return refused('weak_ca', `its CA was refused: ${ca.refusal.why}`);
  const algorithm = blobName(certificate.signature);
  if (verifySignature(ca.value, algorithm, certificate.signature, certificate.signed) !== true) {
    return refused('bad_signature', 'its CA did not sign it');
  }
  return null;
}

function checkValidity({ validAfter, validBefore }: Certificate, now: Date): Refused | null {
  if (validAfter >= validBefore) return refused('bad_validity', 'it ends before it begins');
  const seconds = BigInt(Math.floor(now.getTime() / 1000));
  if (seconds < validAfter) return refused('not_yet_valid', 'it is not valid yet');
  if (seconds >= validBefore) return refused('expired', 'it has expired');
  return null;
}

type CheckedOptions =
  | { readonly ok: true; readonly value: Omit<CheckedCertificate, 'extensions'> }
  | { readonly ok: false; readonly refusal: CertificateRefusal };

/** PROTOCOL.certkeys: what is critical and not carried out means refusal. */
function checkCriticalOptions(options: readonly CertificateOption[], terms: CertificateTerms): CheckedOptions {
  let forceCommand: string | null = null;
  let verifyRequired = false;
  for (const option of options) {
    if (option.name === 'source-address') {
      const elsewhere = checkSourceAddress(option, terms.sourceAddress);
      if (elsewhere) return elsewhere;
    } else if (!terms.honours?.some((honoured) => honoured === option.name)) {
      return refused('unknown_critical_option', `its critical option ${nameOf(option.name)} is not supported`);
    } else if (option.name === 'force-command') {
      const command = optionText(option);
      if (!command.ok || command.value === '') return refused('bad_option_data', 'its force-command is malformed');
      forceCommand = command.value;
    } else {
      if (option.data.length > 0) return refused('bad_option_data', 'its verify-required has data');
      verifyRequired = true;
    }
  }
  return { ok: true, value: { forceCommand, verifyRequired } };
}

function checkSourceAddress(option: CertificateOption, address: string | null): Refused | null {
  const list = optionText(option);
  const inside = list.ok ? addressInList(list.value, address ?? '') : null;
  if (inside === null) return refused('bad_option_data', 'its source-address is malformed');
  return inside ? null : refused('source_address_mismatch', 'it cannot be used from this address');
}

/** Names come from outside and go to logs and terminals: as they are or not at all, as with a part replaced they would be others. */
const nameOf = (name: string): string => (/^[\x21-\x7e]{1,64}$/.test(name) ? name : '(unprintable)');
