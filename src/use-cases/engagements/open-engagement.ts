import type { Engagement } from '../../access/engagement.ts';
import { isSameHuman, labelsOf, mayOpen, targetNotToOpen } from '../../access/engagement-rules.ts';
import { EngagementId, type PersonId } from '../../access/ids.ts';
import { type Person, whyNotActive } from '../../access/person.ts';
import { engagementRules } from '../../access/policy.ts';
import type { EngagementRejection, NotActive } from '../../access/rejection.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { isEligibleReviewer } from '../../access/review.ts';
import type { Target } from '../../access/target.ts';
import { directLane, threadLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { RandomSource } from '../ports/random.ts';
import type { Store, Tx } from '../ports/store.ts';
import { type FactParts, reviewerFacts } from './reviewer-facts.ts';
import { knownTargets, readTerms, vendorOr, type WantedTerms, wrongPeople } from './wanted-terms.ts';

type Deps = {
  readonly store: Store<FactParts | 'audit' | 'outbox'>;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly inventory: Inventory;
};

export type OpenEngagementInput = WantedTerms & {
  readonly by: PersonId;
  readonly vendor: string;
  readonly channelId: string;
  /** Reviewers by policy who could confirm it, beside its own. */
  readonly confirmerIds?: readonly PersonId[];
  /** IANA name. */
  readonly timeZone: string;
};

const CONFIRMERS_MAX = 20;

/** Opens an engagement; its root message, with the Request button, follows through the outbox. */
export const openEngagement =
  (given: Deps) =>
  (input: OpenEngagementInput): Promise<Result<Engagement>> =>
    given.store.transaction(async (tx) => {
      const deps = { ...given, inventory: { ...given.inventory } };
      const now = deps.clock.now();
      const sponsor = await tx.persons.byId(input.by);
      const mayNot = await mayNotOpen(deps, tx, sponsor, now);
      if (mayNot || !sponsor) return refuse(mayNot ?? { code: 'may_not_open_engagement' });
      const read = readTerms(deps.inventory, input, input.timeZone, now);
      if (!read.ok) return read;
      const terms = read.value;
      const vendor = vendorOr(input.vendor, input.name);
      const wrong =
        (await wrongTargets(deps, tx, sponsor, terms.targetIds, now)) ??
        (await wrongPeople(deps.inventory, tx, terms, { id: null, sponsor, vendor, before: null }, now));
      if (wrong) return refuse(wrong);
      const targets = knownTargets(deps.inventory, terms.targetIds);
      const confirmers = (await needsSecondPerson(deps, tx, targets))
        ? await secondPeople(deps, tx, sponsor, { ...input, vendor }, now)
        : null;
      if (confirmers?.length === 0) return refuse({ code: 'nobody_to_confirm', field: 'targets' });
      const engagement: Engagement = {
        ...terms,
        id: EngagementId.parse(deps.random.uuid()),
        vendor,
        channelId: input.channelId,
        sponsorId: input.by,
        ...{ leftIds: [], offboardedIds: [], closedAt: null, closedBy: null },
        timeZone: input.timeZone,
        createdAt: now,
        confirmedAt: confirmers ? null : now,
        channelReadAt: now,
        labels: confirmers ? [] : labelsOf(targets),
      };
      await tx.engagements.insert(engagement);
      await tx.audit.append({
        type: 'engagement_opened',
        at: now,
        actor: { kind: 'person', id: input.by },
        facts: {
          engagement: engagement.id,
          members: engagement.memberIds,
          reviewers: engagement.reviewerIds,
          targets: engagement.targetIds,
          scopes: engagement.scopes,
          lastDay: engagement.lastDay,
          confirmed: confirmers === null,
        },
      });
      const { id: engagementId } = engagement;
      if (!confirmers) await tx.outbox.enqueue({ kind: 'engagement_opened', engagementId }, threadLane(engagementId));
      await tx.engagements.askToConfirm(engagementId, confirmers ?? []);
      for (const to of confirmers ?? []) {
        await tx.outbox.enqueue({ kind: 'engagement_confirm', engagementId, to }, directLane(to));
      }
      return ok(engagement);
    });

async function mayNotOpen(
  deps: Deps,
  tx: Tx<FactParts>,
  sponsor: Person | null,
  now: Date,
): Promise<NotActive | EngagementRejection | null> {
  const rules = engagementRules(deps.inventory.policy);
  const inactive = whyNotActive(sponsor, now, deps.inventory.policy.doubt);
  if (inactive || !sponsor) return inactive;
  if (sponsor.standing !== 'member') return { code: 'may_not_open_engagement' };
  if (rules.openers.length === 0) return { code: 'nobody_may_open' };
  const { inGroups } = await reviewerFacts(tx, rules, sponsor);
  return mayOpen(rules, sponsor, inGroups, now) ? null : { code: 'may_not_open_engagement' };
}

/** The first of these targets that policy lets this person open no engagement for. */
export async function wrongTargets(
  deps: Pick<Deps, 'inventory'>,
  tx: Tx<FactParts>,
  person: Person,
  targetIds: readonly string[],
  now: Date,
): Promise<EngagementRejection | null> {
  const rules = engagementRules(deps.inventory.policy);
  const { inGroups } = await reviewerFacts(tx, rules, person);
  const target = targetNotToOpen(rules, person, inGroups, knownTargets(deps.inventory, targetIds), now);
  return target && { code: 'may_not_open_for', targetId: target.id, field: 'targets' };
}

/** Whether one of the labels has had no engagement yet: who opens the first one does not decide alone that there is any. */
async function needsSecondPerson(deps: Deps, tx: Tx<'engagements'>, targets: readonly Target[]): Promise<boolean> {
  if (!engagementRules(deps.inventory.policy).second_person) return false;
  const before = (await tx.engagements.all()).filter((engagement) => engagement.confirmedAt !== null);
  // As they were when somebody agreed: today's labels of those targets may be ones that nobody has looked at.
  const known = new Set(before.flatMap((engagement) => engagement.labels));
  return labelsOf(targets).some((label) => !known.has(label));
}

/** Who may confirm: reviewers by policy who are neither the opener nor a member, through whichever account. */
async function secondPeople(
  deps: Deps,
  tx: Tx<FactParts>,
  sponsor: Person,
  input: OpenEngagementInput,
  now: Date,
): Promise<PersonId[]> {
  const rules = engagementRules(deps.inventory.policy);
  const concerned = [sponsor, ...(await tx.persons.byIds(input.memberIds))];
  const asked = unique([...input.reviewerIds, ...(input.confirmerIds ?? [])]);
  const found: PersonId[] = [];
  for (const person of await tx.persons.byIds(asked)) {
    if (concerned.some((each) => isSameHuman(rules, each, person))) continue;
    if (isEligibleReviewer(rules, await reviewerFacts(tx, rules, person), input.vendor, now)) found.push(person.id);
  }
  return found.slice(0, CONFIRMERS_MAX);
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
