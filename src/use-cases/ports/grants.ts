import type { Grant, GrantEnd } from '../../access/grant.ts';
import type { EngagementId, GrantId, PersonId, RequestId } from '../../access/ids.ts';
import type { IssuedCertificate } from './authority.ts';

export type Grants = {
  byId(id: GrantId): Promise<Grant | null>;
  lock(id: GrantId): Promise<Grant | null>;
  byRequest(id: RequestId): Promise<Grant | null>;
  insert(grant: Grant): Promise<void>;
  end(id: GrantId, end: GrantEnd): Promise<void>;
  ofPerson(id: PersonId): Promise<readonly Grant[]>;
  ofEngagement(id: EngagementId): Promise<readonly Grant[]>;
  list(filter: { readonly activeAt?: Date; readonly limit: number }): Promise<readonly Grant[]>;
  /** Those of an engagement that are live, the one that ends first first. */
  activeIn(id: EngagementId, at: Date): Promise<readonly Grant[]>;
  /** Neither ended nor noted as expired, the one that expires first first. */
  open(): Promise<readonly { readonly id: GrantId; readonly expiresAt: Date }[]>;
  /** Those of these that still are, and that no other transaction has locked. */
  lockOpen(ids: readonly GrantId[]): Promise<readonly Grant[]>;
  noteExpiry(id: GrantId, at: Date): Promise<void>;
  insertCertificate(grantId: GrantId | null, certificate: IssuedCertificate): Promise<void>;
  certificates(id: GrantId): Promise<readonly IssuedCertificate[]>;
};
