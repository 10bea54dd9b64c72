import type { Grant } from '../access/grant.ts';
import type { Rejection } from '../access/rejection.ts';
import type { CertificateAuthority, Tx } from './ports.ts';

/** Whether a grant's terms, digest and MAC agree; one where they do not was made by no decision. */
export const isBelievable = (authority: Pick<CertificateAuthority, 'digest' | 'sealed'>, grant: Grant): boolean =>
  authority.digest(grant.terms) === grant.digest && authority.sealed(grant.id, grant.digest, grant.mac);

/** The refusal where something is missing because its seal is broken; null where it is merely missing. */
export function tampered(tx: Pick<Tx, 'broken'>): Rejection | null {
  const broken = tx.broken();
  return broken && { code: 'record_tampered', what: broken.what, id: broken.id };
}
