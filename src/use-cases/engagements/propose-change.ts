import type { Engagement } from '../../access/engagement.ts';
import {
  changeTransition,
  type EngagementChange,
  type EngagementTerms,
  listDifference,
  narrowed,
  sameTerms,
  termsOf,
} from '../../access/engagement-change.ts';
import { EngagementChangeId, type EngagementId, type PersonId } from '../../access/ids.ts';
import { type Person, whyNotActive } from '../../access/person.ts';
import type { EngagementRejection } from '../../access/rejection.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { tampered } from '../grants/believable.ts';
import { directLane, threadLane } from '../notice.ts';
import type { CertificateAuthority } from '../ports/authority.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { RandomSource } from '../ports/random.ts';
import type { Store, Tx } from '../ports/store.ts';
import { type ApplyParts, applyTerms } from './apply-terms.ts';
import { approvalsFor } from './change-approvals.ts';
import { eligibleReviewers } from './eligible-reviewers.ts';
import { wrongTargets } from './open-engagement.ts';
import type { FactParts } from './reviewer-facts.ts';
import { readTerms, type WantedTerms, wrongPeople } from './wanted-terms.ts';

type Parts = ApplyParts | FactParts | 'engagementChanges' | 'broken';
type Deps = {
  readonly store: Store<Parts>;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly inventory: Inventory;
  readonly authority: Pick<CertificateAuthority, 'digest'>;
};

export type ProposeChangeInput = WantedTerms & {
  readonly by: PersonId;
  readonly engagementId: EngagementId;
  /** Whether the person belongs to security, as the configuration names them. */
  readonly isSecurity: boolean;
};

export type Proposed = {
  /** What took effect at once; null where nothing was taken away. */
  readonly applied: EngagementChange | null;
  /** What waits for a review; null where nothing was added. */
  readonly waiting: EngagementChange | null;
};

/**
 * Changes an engagement. What is taken away ends at once; what is added waits until reviewers approve it, as many as policy asks for
 * the widest access that it would allow. A change that waited already gives way to the new one.
 */
export const proposeChange =
  (given: Deps) =>
  (input: ProposeChangeInput): Promise<Result<Proposed>> =>
    given.store.transaction(async (tx) => {
      const deps = { ...given, inventory: { ...given.inventory } };
      const now = deps.clock.now();
      const engagement = await tx.engagements.lock(input.engagementId);
      if (!engagement) return refuse(tampered(tx) ?? { code: 'unknown_engagement', field: 'engagement' });
      if (!engagement.confirmedAt) return refuse({ code: 'engagement_unconfirmed', field: 'engagement' });
      const person = await tx.persons.byId(input.by);
      const inactive = whyNotActive(person, now, deps.inventory.policy.doubt);
      if (inactive || !person) return refuse(inactive ?? { code: 'person_inactive' });
      const sponsor = await tx.persons.byId(engagement.sponsorId);
      if (!sponsor) return refuse({ code: 'unknown_engagement', field: 'engagement' });
      const read = readTerms(deps.inventory, input, engagement.timeZone, now);
      if (!read.ok) return read;
      // Who was offboarded from it stays on its list, and stays out: a change is not how they come back.
      const memberIds = [...new Set([...read.value.memberIds, ...engagement.offboardedIds])];
      const [from, to] = [termsOf(engagement), { ...read.value, memberIds }];
      if (sameTerms(from, to)) return refuse({ code: 'nothing_changed', field: 'name' });
      const less = narrowed(from, to);
      const isWidening = !sameTerms(less, to);
      const mayNot = await mayNotChange(deps, tx, { engagement, person, isWidening }, input.isSecurity, now);
      if (mayNot) return refuse(mayNot);
      const about = { id: engagement.id, sponsor, vendor: engagement.vendor, before: from };
      const { added } = listDifference('targetIds', from, to);
      const wrong =
        (await wrongTargets(deps, tx, person, added, now)) ??
        (await wrongPeople(deps.inventory, tx, to, about, now)) ??
        (isWidening ? null : await wrongPeople(deps.inventory, tx, less, about, now));
      if (wrong) return refuse(wrong);

      const asked = isWidening ? await reviewersOf(deps, tx, { engagement, person, to }, now) : null;
      if (asked && !asked.ok) return asked;

      await giveWay(tx, engagement, now);
      const actor = { kind: 'person', id: input.by } as const;
      const proposal = proposalOf(deps, engagement.id, input.by, now);
      const applied = sameTerms(from, less)
        ? null
        : ({ ...proposal(from, less, 0), status: 'approved', decidedAt: now } as const);
      if (applied) {
        await tx.engagementChanges.insert(applied);
        await applyTerms(tx, deps.inventory, engagement, less, { actor, now });
        await tx.outbox.enqueue({ kind: 'change_card', changeId: applied.id, to: null }, threadLane(engagement.id));
      }
      if (!asked) return ok({ applied, waiting: null });
      const waiting = proposal(less, to, asked.value.needed);
      await tx.engagementChanges.insert(waiting);
      const { id: changeId, digest, approvals } = waiting;
      const facts = { engagement: engagement.id, change: changeId, digest, approvals };
      await tx.audit.append({ type: 'engagement_change_proposed', at: now, actor, facts });
      await tx.outbox.enqueue({ kind: 'change_card', changeId, to: null }, threadLane(engagement.id));
      for (const reviewer of asked.value.reviewers)
        await tx.outbox.enqueue({ kind: 'change_card', changeId, to: reviewer }, directLane(reviewer));
      return ok({ applied, waiting });
    });

type Asking = {
  readonly engagement: Engagement;
  readonly person: Person;
  readonly to: EngagementTerms;
};

/** How many approvals policy wants for these terms, and who could give them; refused where they are too few. */
async function reviewersOf(
  deps: Deps,
  tx: Tx<Parts>,
  { engagement, person, to }: Asking,
  now: Date,
): Promise<Result<{ readonly needed: number; readonly reviewers: readonly PersonId[] }>> {
  const needed = await approvalsFor(deps.inventory, tx, engagement, to);
  const joining = await tx.persons.byIds(to.memberIds);
  const reviewers = await eligibleReviewers(tx, deps.inventory.policy, engagement, person, now, joining);
  const found = reviewers.length;
  return found < needed
    ? refuse({ code: 'no_reviewer', needed, found, field: 'engagement' })
    : ok({ needed, reviewers });
}

type Changing = { readonly engagement: Engagement; readonly person: Person; readonly isWidening: boolean };

/** The sponsor, and whoever could open it as it is, may change it; its reviewers and security may take away. */
async function mayNotChange(
  deps: Deps,
  tx: Tx<FactParts>,
  { engagement, person, isWidening }: Changing,
  isSecurity: boolean,
  now: Date,
): Promise<{ readonly code: 'may_not_change_engagement' } | EngagementRejection | null> {
  const isFull = person.standing === 'member';
  if (isFull && !isWidening && (isSecurity || engagement.reviewerIds.includes(person.id))) return null;
  const opens = isFull && (await wrongTargets(deps, tx, person, engagement.targetIds, now)) === null;
  return isFull && (engagement.sponsorId === person.id || opens) ? null : { code: 'may_not_change_engagement' };
}

const proposalOf =
  (deps: Deps, engagementId: EngagementId, proposedBy: PersonId, now: Date) =>
  (from: EngagementTerms, to: EngagementTerms, approvals: number): EngagementChange => {
    const id = EngagementChangeId.parse(deps.random.uuid());
    const expiresAt = new Date(now.getTime() + deps.inventory.policy.request_ttl * 1000);
    const digest = deps.authority.digest({ id, engagementId, from, to });
    const common = { id, engagementId, proposedBy, from, to, digest, approvals, proposedAt: now, expiresAt };
    return { ...common, reviews: [], status: 'pending', decidedAt: null };
  };

/** One change waits at a time: the card of the one before says that it was withdrawn. */
async function giveWay(tx: Tx<Parts>, engagement: Engagement, now: Date): Promise<void> {
  const before = await tx.engagementChanges.lockPending(engagement.id);
  const over = before && changeTransition(before, { kind: 'withdraw' }, now);
  if (!before) return;
  const closed = over?.ok ? over.value : { ...before, status: 'expired' as const, decidedAt: before.expiresAt };
  await tx.engagementChanges.save(closed);
  await refreshChangeCards(tx, engagement, closed);
}

/** Every copy of a change's card shows how it stands. */
export async function refreshChangeCards(
  tx: Tx<'outbox'>,
  engagement: Engagement,
  { id }: EngagementChange,
): Promise<void> {
  for (const to of engagement.reviewerIds)
    await tx.outbox.enqueue({ kind: 'change_card_changed', changeId: id, to }, directLane(to));
  await tx.outbox.enqueue({ kind: 'change_card_changed', changeId: id, to: null }, threadLane(engagement.id));
}
