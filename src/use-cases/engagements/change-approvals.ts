import type { Engagement } from '../../access/engagement.ts';
import type { EngagementChange, EngagementTerms } from '../../access/engagement-change.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Tx } from '../ports/store.ts';
import { decidingRules } from './wanted-terms.ts';

type Rules = Pick<Inventory, 'policy' | 'targets'>;

/** How many approvals policy wants of a change to these terms: as many as for the widest access that could be asked for under them. */
export async function approvalsFor(
  inventory: Rules,
  tx: Tx<'persons'>,
  { id, vendor, memberIds }: Engagement,
  to: EngagementTerms,
): Promise<number> {
  const members = await tx.persons.byIds([...new Set([...memberIds, ...to.memberIds])]);
  const rules = decidingRules(inventory, to, { id, vendor, members });
  return Math.max(1, ...rules.flatMap(({ rule }) => rule?.approvals ?? []));
}

/** A change that waits as today's policy wants it reviewed: the more of what it was proposed under and what holds now. */
export async function changeUnderPolicy(
  inventory: Rules,
  tx: Tx<'persons'>,
  change: EngagementChange,
  engagement: Engagement,
): Promise<EngagementChange> {
  if (change.status !== 'pending') return change;
  const wanted = await approvalsFor(inventory, tx, engagement, change.to);
  return wanted > change.approvals ? { ...change, approvals: wanted } : change;
}
