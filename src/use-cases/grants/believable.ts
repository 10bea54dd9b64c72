import { whyItRests } from '../../access/engagement.ts';
import type { Grant } from '../../access/grant.ts';
import type { EngagementId } from '../../access/ids.ts';
import type { RejectionOf, RestingRejection } from '../../access/rejection.ts';
import type { CertificateAuthority } from '../ports/authority.ts';
import type { Tx } from '../ports/store.ts';

/** Whether a grant's terms, digest and MAC agree; one where they do not was made by no decision. */
export const isBelievable = (authority: Pick<CertificateAuthority, 'digest' | 'sealed'>, grant: Grant): boolean =>
  authority.digest(grant.terms) === grant.digest && authority.sealed(grant.id, grant.digest, grant.mac);

/** The refusal where something is missing because its seal is broken; null where it is merely missing. */
export function tampered(tx: Tx<'broken'>): RejectionOf<'record_tampered'> | null {
  const broken = tx.broken();
  return broken && { code: 'record_tampered', what: broken.what, id: broken.id };
}

export type Resting = ReadonlyMap<EngagementId, RestingRejection>;

/** Why access rests in these engagements; one that is not to be believed opens nothing. */
export async function restingOf(
  tx: Tx<'engagements'>,
  ids: Iterable<EngagementId>,
  now: Date,
  doubtSeconds: number,
): Promise<Resting> {
  const asked = [...new Set(ids)];
  const engagements = await tx.engagements.byIds(asked);
  const resting = new Map<EngagementId, RestingRejection>();
  for (const id of asked) {
    const engagement = engagements.find((each) => each.id === id);
    const why = engagement
      ? whyItRests(engagement, now, doubtSeconds)
      : ({ code: 'record_tampered', what: 'engagement', id } as const);
    if (why) resting.set(id, why);
  }
  return resting;
}

export const engagementsOf = (grants: readonly Grant[]): readonly EngagementId[] =>
  grants.map(({ terms }) => terms.engagementId);
