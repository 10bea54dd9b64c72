import { isFidoKey } from './key-demand.ts';
import type { RegisteredKey } from './person.ts';
import type { RejectionOf } from './rejection.ts';
import type { AccessRequest } from './request.ts';

/** How old a key has to be to sign reviews: its owner has been told of it by then, and can retire one that is not theirs. */
export const SIGNING_KEY_HOURS = 24;
const SIGNING_KEY_MS = SIGNING_KEY_HOURS * 3_600_000;

export type SigningKeyRefusal = RejectionOf<'signing_key_new' | 'fido_key_wanted' | 'key_retired'>;
type About = Pick<AccessRequest, 'requestedAt' | 'assurance'>;

/** Why a key of the reviewer's does not sign this review; null where it does. */
export function whyKeySignsNot(
  key: RegisteredKey,
  { requestedAt, assurance }: About,
  now: Date,
): SigningKeyRefusal | null {
  const { fingerprint, registeredAt, retiredAt } = key;
  if (retiredAt) return { code: 'key_retired', fingerprint };
  if (assurance === 'fido' && !isFidoKey(key.publicKey)) return { code: 'fido_key_wanted' };
  // Who registers a key to approve what is already waiting may be somebody else at the reviewer's Slack.
  if (registeredAt >= requestedAt) return { code: 'signing_key_new', fingerprint, registeredAt, countsFrom: null };
  const countsFrom = new Date(registeredAt.getTime() + SIGNING_KEY_MS);
  return now < countsFrom ? { code: 'signing_key_new', fingerprint, registeredAt, countsFrom } : null;
}

/** Why none of a reviewer's keys does; null where one does. The reason is that of the key that comes nearest. */
export function whyNoKeySigns(
  keys: readonly RegisteredKey[],
  about: About,
  now: Date,
): SigningKeyRefusal | RejectionOf<'no_signing_key'> | null {
  const whys = keys.map((key) => whyKeySignsNot(key, about, now));
  if (whys.includes(null)) return null;
  const waiting = whys.find((why) => why?.code === 'signing_key_new' && why.countsFrom !== null);
  return waiting ?? whys.find((why) => why?.code === 'signing_key_new') ?? whys[0] ?? { code: 'no_signing_key' };
}

/** How much of request id and digest a login name holds, in hex: the digest's 128 bits are what the signature is about. */
const ID_DIGITS = 8;
const DIGEST_DIGITS = 32;

/**
 * The login name that approves a request. A login's signature (RFC 4252 §7) is over the SSH session and this name and nothing else, so
 * the name says what is approved.
 */
export const approvalName = ({ id, digest }: Pick<AccessRequest, 'id' | 'digest'>): string =>
  `approve-${id.slice(0, ID_DIGITS)}-${digest.slice(0, DIGEST_DIGITS)}`;

/** No login on a target is meant: that would have a `+` in it. */
export const isApprovalName = (name: string): boolean => /^approve-[0-9a-f]{8}-[0-9a-f]{32}$/.test(name);
