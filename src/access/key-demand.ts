/**
 * What a rule wants of the key that logs in, the least first: any registered key, one on a FIDO device (whose every signature takes a
 * touch), or one whose device has also verified its user, by a PIN or a fingerprint.
 */
export const KEY_DEMANDS = ['any', 'fido', 'fido_verified'] as const;
export type KeyDemand = (typeof KEY_DEMANDS)[number];

export const strictestDemand = (some: readonly KeyDemand[]): KeyDemand =>
  KEY_DEMANDS.findLast((each) => some.includes(each)) ?? 'any';

/** By its type (OpenSSH PROTOCOL.u2f). It says what the key is, and not what holds it: nothing is attested. */
export const isFidoKey = (publicKey: string): boolean => publicKey.startsWith('sk-');

/** As requests and grants have it: left out where any key will do. */
export type HasDemand = { readonly keyDemand?: Exclude<KeyDemand, 'any'> };

export const demandOf = ({ keyDemand }: HasDemand): KeyDemand => keyDemand ?? 'any';

export const withDemand = (demand: KeyDemand): HasDemand => (demand === 'any' ? {} : { keyDemand: demand });
