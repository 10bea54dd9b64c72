import type { Actor } from '../../access/audit-event.ts';
import { type Engagement, outsideOf } from '../../access/engagement.ts';
import { type EngagementTerms, listDifference } from '../../access/engagement-change.ts';
import { labelsOf } from '../../access/engagement-rules.ts';
import { type Grant, hasExpired } from '../../access/grant.ts';
import { type EndingParts, endGrantIn } from '../grants/ending.ts';
import { directLane, threadLane } from '../notice.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Tx } from '../ports/store.ts';
import { knownTargets } from './wanted-terms.ts';

/** What is touched where an engagement becomes another. */
export type ApplyParts = EndingParts | 'engagements' | 'requests';

/**
 * Puts these terms in force, inside a transaction: what they no longer hold ends at once, requests that wait reach reviewers who were
 * added, and the engagement's root message says how things stand.
 */
export async function applyTerms(
  tx: Tx<ApplyParts>,
  inventory: Pick<Inventory, 'targets'>,
  engagement: Engagement,
  terms: EngagementTerms,
  { actor, now }: { readonly actor: Actor; readonly now: Date },
): Promise<void> {
  const labels = labelsOf(knownTargets(inventory, terms.targetIds));
  // What somebody agreed to stays agreed to.
  await tx.engagements.change(engagement.id, terms, [...new Set([...engagement.labels, ...labels])]);
  const targets = listDifference('targetIds', engagement, terms);
  const scopes = listDifference('scopes', engagement, terms);
  const members = listDifference('memberIds', engagement, terms);
  const reviewers = listDifference('reviewerIds', engagement, terms);
  await tx.audit.append({
    type: 'engagement_changed',
    at: now,
    actor,
    facts: {
      engagement: engagement.id,
      ...{ membersAdded: members.added, membersRemoved: members.removed },
      ...{ targetsAdded: targets.added, targetsRemoved: targets.removed },
      ...{ scopesAdded: scopes.added, scopesRemoved: scopes.removed },
      ...{ reviewersAdded: reviewers.added, reviewersRemoved: reviewers.removed },
      ...{ logins: terms.logins ?? 'all', firstDay: terms.firstDay, lastDay: terms.lastDay },
    },
  });
  for (const personId of engagement.memberIds) {
    const own = (await tx.grants.ofPerson(personId)).filter(
      ({ terms: { engagementId } }) => engagementId === engagement.id,
    );
    const isGone = !terms.memberIds.includes(personId);
    for (const grant of own.filter((each) => isOpen(each, now) && (isGone || isOutside(each, terms)))) {
      const by = actor.kind === 'person' ? actor.id : null;
      await endGrantIn(tx, grant.id, { how: 'revoked', by, comment: WHY[isGone ? 'member' : 'terms'] }, actor, now);
    }
  }
  if (members.removed.length > 0) tx.announce({ kind: 'rights_changed' });
  await tx.outbox.enqueue({ kind: 'engagement_updated', engagementId: engagement.id }, threadLane(engagement.id));
  for (const to of reviewers.added) {
    const waiting = await tx.requests.pendingForReviewer(to);
    for (const { id } of waiting.filter(({ ask }) => ask.engagementId === engagement.id))
      await tx.outbox.enqueue({ kind: 'review_card', requestId: id, to }, directLane(to));
  }
}

const WHY = {
  member: 'no longer a member of the engagement',
  terms: 'the engagement no longer includes all of this access',
} as const;

const isOpen = (grant: Grant, now: Date): boolean => grant.end === null && !hasExpired(grant, now);

const isOutside = ({ terms: { targets, scope, login } }: Grant, terms: EngagementTerms): boolean =>
  outsideOf(terms, { targetIds: targets.map(({ id }) => id), scope: scope.name, login }) !== null;
