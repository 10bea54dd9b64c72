import { DateTime } from 'luxon';
import { type Engagement, isOver } from '../../access/engagement.ts';
import { isSameHuman, labelsOf, mayOpen, targetNotToOpen } from '../../access/engagement-rules.ts';
import { EngagementId, type PersonId } from '../../access/ids.ts';
import { type Person, whyNotActive } from '../../access/person.ts';
import { engagementRules } from '../../access/policy.ts';
import { decisiveRule } from '../../access/policy-decision.ts';
import type { EngagementRejection, NotActive, NotEligible } from '../../access/rejection.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { humansAmong, isEligibleReviewer, whyNotChosen } from '../../access/review.ts';
import { findScope } from '../../access/scopes/scope.ts';
import type { Target } from '../../access/target.ts';
import { directLane, threadLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { RandomSource } from '../ports/random.ts';
import type { Store, Tx } from '../ports/store.ts';
import { type FactParts, reviewerFacts } from './reviewer-facts.ts';

type Deps = {
  readonly store: Store<FactParts | 'audit' | 'outbox'>;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly inventory: Inventory;
};

export type OpenEngagementInput = {
  readonly by: PersonId;
  readonly name: string;
  readonly vendor: string;
  readonly channelId: string;
  readonly memberIds: readonly PersonId[];
  readonly targetIds: readonly string[];
  readonly scopes: readonly string[];
  readonly reviewerIds: readonly PersonId[];
  /** Reviewers by policy who could confirm it, beside its own. */
  readonly confirmerIds?: readonly PersonId[];
  /** ISO date. */
  readonly lastDay: string;
  /** IANA name. */
  readonly timeZone: string;
};

const NAME_MAX = 80;
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
      const wrong =
        wrongWords(deps.inventory, input, now) ??
        (await wrongTargets(deps, tx, sponsor, input, now)) ??
        (await wrongPeople(deps, tx, sponsor, input, now));
      if (wrong) return refuse(wrong);
      const confirmers = (await needsSecondPerson(deps, tx, input))
        ? await secondPeople(deps, tx, sponsor, input, now)
        : null;
      if (confirmers?.length === 0) return refuse({ code: 'nobody_to_confirm', field: 'targets' });
      const engagement: Engagement = {
        id: EngagementId.parse(deps.random.uuid()),
        name: input.name.trim(),
        vendor: vendorOf(input),
        channelId: input.channelId,
        sponsorId: input.by,
        memberIds: unique(input.memberIds),
        leftIds: [],
        targetIds: unique(knownTargets(deps.inventory, input).map((target) => target.id)),
        scopes: unique(input.scopes.flatMap((name) => findScope(deps.inventory.scopes, name)?.name ?? [])),
        reviewerIds: unique(input.reviewerIds),
        lastDay: input.lastDay,
        timeZone: input.timeZone,
        createdAt: now,
        confirmedAt: confirmers ? null : now,
        channelReadAt: now,
        labels: confirmers ? [] : labelsOf(knownTargets(deps.inventory, input)),
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

async function wrongTargets(
  deps: Deps,
  tx: Tx<FactParts>,
  sponsor: Person,
  input: OpenEngagementInput,
  now: Date,
): Promise<EngagementRejection | null> {
  const rules = engagementRules(deps.inventory.policy);
  const { inGroups } = await reviewerFacts(tx, rules, sponsor);
  const target = targetNotToOpen(rules, sponsor, inGroups, knownTargets(deps.inventory, input), now);
  return target && { code: 'may_not_open_for', targetId: target.id, field: 'targets' };
}

/** Whether one of the labels has had no engagement yet: who opens the first one does not decide alone that there is any. */
async function needsSecondPerson(deps: Deps, tx: Tx<'engagements'>, input: OpenEngagementInput): Promise<boolean> {
  if (!engagementRules(deps.inventory.policy).second_person) return false;
  const before = (await tx.engagements.all()).filter((engagement) => engagement.confirmedAt !== null);
  // As they were when somebody agreed: today's labels of those targets may be ones that nobody has looked at.
  const known = new Set(before.flatMap((engagement) => engagement.labels));
  return labelsOf(knownTargets(deps.inventory, input)).some((label) => !known.has(label));
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
    if (isEligibleReviewer(rules, await reviewerFacts(tx, rules, person), vendorOf(input), now)) found.push(person.id);
  }
  return found.slice(0, CONFIRMERS_MAX);
}

const vendorOf = (input: OpenEngagementInput): string => input.vendor.trim() || input.name.trim();

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

const knownTargets = (inventory: Inventory, input: OpenEngagementInput): Target[] =>
  inventory.targets.filter((target) => input.targetIds.includes(target.id));

function wrongWords(inventory: Inventory, input: OpenEngagementInput, now: Date): EngagementRejection | null {
  const name = input.name.trim();
  if (name === '' || name.length > NAME_MAX) return { code: 'name_missing', field: 'name' };
  if (input.targetIds.length === 0) return { code: 'no_targets', field: 'targets' };
  const stranger = input.targetIds.find((id) => !inventory.targets.some((target) => target.id === id));
  if (stranger !== undefined) return { code: 'unknown_target', targetId: stranger, field: 'targets' };
  const scope = input.scopes.length === 0 ? '' : input.scopes.find((each) => !findScope(inventory.scopes, each));
  if (scope !== undefined) return { code: 'unknown_scope', scope, field: 'scopes' };
  const day = DateTime.fromISO(input.lastDay, { zone: input.timeZone });
  if (!day.isValid || isOver({ lastDay: input.lastDay, timeZone: input.timeZone }, now)) {
    return { code: 'last_day_past', field: 'last_day' };
  }
  return null;
}

async function wrongPeople(
  deps: Deps,
  tx: Tx<FactParts>,
  sponsor: Person,
  input: OpenEngagementInput,
  now: Date,
): Promise<EngagementRejection | null> {
  const rules = engagementRules(deps.inventory.policy);
  const members = await tx.persons.byIds(input.memberIds);
  if (input.memberIds.length === 0 || members.length !== unique(input.memberIds).length) {
    return { code: 'unknown_person', field: 'members' };
  }
  const reviewers = await tx.persons.byIds(input.reviewerIds);
  if (input.reviewerIds.length === 0 || reviewers.length !== unique(input.reviewerIds).length) {
    return { code: 'unknown_person', field: 'reviewers' };
  }
  const people: { personId: PersonId; why: NotEligible }[] = [];
  for (const reviewer of reviewers) {
    const facts = await reviewerFacts(tx, rules, reviewer);
    const why = whyNotChosen(rules, facts, { sponsor, members, vendor: vendorOf(input) }, now);
    if (why !== null) people.push({ personId: reviewer.id, why });
  }
  if (people.length > 0) return { code: 'reviewer_not_eligible', people, field: 'reviewers' };
  return unusable(deps.inventory, input, members, humansAmong(rules, reviewers));
}

/** What nobody could ever get by a request in it, however short. */
function unusable(
  inventory: Inventory,
  input: OpenEngagementInput,
  members: readonly Person[],
  reviewers: number,
): EngagementRejection | null {
  const scopes = input.scopes.flatMap((name) => findScope(inventory.scopes, name)?.name ?? []);
  const standings = [...new Set(members.map((member) => member.standing))];
  const engagement = { id: null, vendor: vendorOf(input) };
  let isAnyAllowed = false;
  for (const target of knownTargets(inventory, input)) {
    const asks = scopes.flatMap((scope) =>
      target.logins.flatMap((login) => standings.map((standing) => ({ scope, login, standing, engagement }))),
    );
    for (const ask of asks) {
      const rule = decisiveRule(inventory.policy, ask, target);
      isAnyAllowed ||= rule !== null;
      if (!rule || rule.approvals <= reviewers) continue;
      const { scope } = ask;
      return {
        ...{ code: 'too_few_reviewers', targetId: target.id, scope, rule: rule.name, needed: rule.approvals },
        field: 'reviewers',
      };
    }
  }
  return isAnyAllowed ? null : { code: 'nothing_allowed', field: 'scopes' };
}
