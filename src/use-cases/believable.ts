import type { Grant } from '../access/grant.ts';
import type { CertificateAuthority } from './ports.ts';

/** Whether a grant's terms, digest and MAC agree; one where they do not was made by no decision. */
export const isBelievable = (authority: Pick<CertificateAuthority, 'digest' | 'sealed'>, grant: Grant): boolean =>
  authority.digest(grant.terms) === grant.digest && authority.sealed(grant.id, grant.digest, grant.mac);
