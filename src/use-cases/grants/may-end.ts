import type { OperatorAccount } from '../../access/audit-event.ts';
import type { EngagementId, PersonId } from '../../access/ids.ts';
import { mayAct } from '../../access/person.ts';
import type { Tx } from '../ports/store.ts';

type Who = { readonly by: PersonId | OperatorAccount; readonly isSecurity: boolean };

/**
 * Whether somebody may end another's access: its holder, the engagement's sponsor and reviewers, security, and the operator.
 * Ending is the safe direction, so standing is not asked again, but a deactivated or offboarded account may nothing.
 */
export async function mayEnd(
  tx: Tx<'persons' | 'engagements'>,
  who: Who,
  access: { readonly personId: PersonId; readonly engagementId: EngagementId },
): Promise<boolean> {
  if (typeof who.by !== 'string') return true;
  if (!mayAct(await tx.persons.byId(who.by))) return false;
  if (who.by === access.personId || who.isSecurity) return true;
  const engagement = await tx.engagements.byId(access.engagementId);
  if (!engagement) return false;
  return engagement.sponsorId === who.by || engagement.reviewerIds.includes(who.by);
}
