import { hasWaited } from './age.ts';
import type { Assurance } from './assurance.ts';
import type { Fingerprint, PersonId } from './ids.ts';
import { isFidoKey } from './key-demand.ts';

/** Approve was pressed where a signature is wanted: it does not count until the reviewer signs. */
export type Pledge = { readonly reviewerId: PersonId; readonly at: Date };

export const PLEDGE_MINUTES = 15;
export const PLEDGE_MS = PLEDGE_MINUTES * 60_000;

export const pledgeEnd = ({ at }: Pledge): Date => new Date(at.getTime() + PLEDGE_MS);

export const isPledgeOver = (pledge: Pledge, now: Date): boolean => hasWaited(pledge.at, pledgeEnd(pledge), now);

/** A reviewer's signature, with all that it takes to verify it again. */
export type ReviewSignature = {
  readonly fingerprint: Fingerprint;
  /** `<type> <base64>` */
  readonly publicKey: string;
  /** RFC 4252 §7: what was signed, which holds the login name and so the digest of the request, and the signature. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly at: Date;
};

/** Whether an approval with this signature, or with none, is as much as is wanted. */
export const satisfies = (signature: Pick<ReviewSignature, 'publicKey'> | undefined, wanted: Assurance): boolean => {
  switch (wanted) {
    case 'slack':
      return true;
    case 'signed':
      return signature !== undefined;
    case 'fido':
      return signature !== undefined && isFidoKey(signature.publicKey);
  }
};
