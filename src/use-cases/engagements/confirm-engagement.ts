import type { Engagement } from '../../access/engagement.ts';
import { isSameHuman, labelsOf, targetNotToOpen } from '../../access/engagement-rules.ts';
import type { EngagementId, PersonId } from '../../access/ids.ts';
import { whyNotActive } from '../../access/person.ts';
import { engagementRules } from '../../access/policy.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { isEligibleReviewer } from '../../access/review.ts';
import { directLane, threadLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Store } from '../ports/store.ts';
import { type FactParts, reviewerFacts } from './reviewer-facts.ts';

type Deps = {
  readonly store: Store<FactParts | 'audit' | 'outbox'>;
  readonly clock: Clock;
  readonly inventory: Pick<Inventory, 'policy' | 'targets'>;
};

/** A second person lets the first engagement on a label begin; its root message follows. */
export const confirmEngagement =
  (given: Deps) =>
  ({ by, engagementId }: { readonly by: PersonId; readonly engagementId: EngagementId }): Promise<Result<Engagement>> =>
    given.store.transaction(async (tx) => {
      const deps = { ...given, inventory: { ...given.inventory } };
      const now = deps.clock.now();
      const rules = engagementRules(deps.inventory.policy);
      const engagement = await tx.engagements.byId(engagementId);
      const person = await tx.persons.byId(by);
      const sponsor = engagement && (await tx.persons.byId(engagement.sponsorId));
      if (!engagement || !person || !sponsor) return refuse({ code: 'unknown_engagement', field: 'engagement' });
      if (engagement.closedAt) {
        return refuse({ code: 'engagement_closed', engagement: engagement.name, at: engagement.closedAt });
      }
      const inactive = whyNotActive(person, now, deps.inventory.policy.doubt);
      if (inactive) return refuse(inactive);
      const facts = await reviewerFacts(tx, rules, person);
      const members = await tx.persons.byIds(engagement.memberIds);
      const isConcerned = [sponsor, ...members].some((each) => isSameHuman(rules, each, person));
      if (isConcerned || !isEligibleReviewer(rules, facts, engagement.vendor, now)) {
        return refuse({ code: 'may_not_confirm' });
      }
      const targets = deps.inventory.targets.filter((target) => engagement.targetIds.includes(target.id));
      // Policy or labels may have changed since it was opened.
      const { inGroups } = await reviewerFacts(tx, rules, sponsor);
      const closed = targetNotToOpen(rules, sponsor, inGroups, targets, now);
      if (closed && !engagement.confirmedAt) return refuse({ code: 'opener_may_not', targetId: closed.id });
      const labels = labelsOf(targets);
      if (!(await tx.engagements.confirm(engagementId, { by, at: now, labels }))) {
        return refuse({ code: 'already_confirmed', at: engagement.confirmedAt ?? now });
      }
      const actor = { kind: 'person', id: by } as const;
      await tx.audit.append({ type: 'engagement_confirmed', at: now, actor, facts: { engagement: engagementId } });
      await tx.outbox.enqueue({ kind: 'engagement_opened', engagementId }, threadLane(engagementId));
      for (const to of await tx.engagements.confirmers(engagementId)) {
        await tx.outbox.enqueue({ kind: 'engagement_confirm_changed', engagementId, to }, directLane(to));
      }
      return ok({ ...engagement, confirmedAt: now, labels });
    });
