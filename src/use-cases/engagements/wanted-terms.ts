import { DateTime } from 'luxon';
import { engagementEnd, isOver } from '../../access/engagement.ts';
import type { EngagementTerms } from '../../access/engagement-change.ts';
import type { AllowedHours } from '../../access/hours.ts';
import { parseHours } from '../../access/hours-text.ts';
import { type EngagementId, Login, type PersonId } from '../../access/ids.ts';
import type { Person } from '../../access/person.ts';
import { engagementRules, type Rule } from '../../access/policy.ts';
import { decisiveRule } from '../../access/policy-decision.ts';
import type { EngagementRejection, NotEligible } from '../../access/rejection.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { humansAmong, whyNotChosen } from '../../access/review.ts';
import { findScope } from '../../access/scopes/scope.ts';
import { secretIn } from '../../access/secret.ts';
import type { Target } from '../../access/target.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Tx } from '../ports/store.ts';
import { type FactParts, reviewerFacts } from './reviewer-facts.ts';

/** What somebody filled in for an engagement, new or changed. */
export type WantedTerms = {
  readonly name: string;
  readonly memberIds: readonly PersonId[];
  readonly targetIds: readonly string[];
  readonly scopes: readonly string[];
  /** Null, or none, for every login of the targets. */
  readonly logins?: readonly string[] | null;
  readonly reviewerIds: readonly PersonId[];
  /** ISO date; null where it begins at once. */
  readonly firstDay?: string | null;
  /** ISO date. */
  readonly lastDay: string;
  /** As `parseHours` reads them; null, or empty, for any time. */
  readonly hours?: string | AllowedHours | null;
  readonly reference?: string | null;
};

const NAME_MAX = 80;
const REFERENCE_MAX = 200;

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

export const knownTargets = (inventory: Pick<Inventory, 'targets'>, ids: readonly string[]): Target[] =>
  inventory.targets.filter((target) => ids.includes(target.id));

/** The terms as they are kept, or what is wrong with them by themselves. `timeZone` is an IANA name. */
export function readTerms(
  inventory: Inventory,
  wanted: WantedTerms,
  timeZone: string,
  now: Date,
): Result<EngagementTerms, EngagementRejection> {
  const name = wanted.name.trim();
  if (name === '' || name.length > NAME_MAX) return refuse({ code: 'name_missing', field: 'name' });
  const targets = knownTargets(inventory, wanted.targetIds);
  if (wanted.targetIds.length === 0) return refuse({ code: 'no_targets', field: 'targets' });
  const stranger = wanted.targetIds.find((id) => !targets.some((target) => target.id === id));
  if (stranger !== undefined) return refuse({ code: 'unknown_target', targetId: stranger, field: 'targets' });
  const scope = wanted.scopes.length === 0 ? '' : wanted.scopes.find((each) => !findScope(inventory.scopes, each));
  if (scope !== undefined) return refuse({ code: 'unknown_scope', scope, field: 'scopes' });
  const logins = readLogins(wanted.logins ?? [], targets);
  if (!logins.ok) return logins;
  const days = readDays(wanted, timeZone, now);
  if (!days.ok) return days;
  const hours = readHours(wanted.hours ?? null, timeZone);
  if (!hours.ok) return hours;
  const reference = wanted.reference?.trim().slice(0, REFERENCE_MAX) || null;
  const secret = reference && secretIn(reference);
  if (secret) return refuse({ code: 'secret_found', what: secret, field: 'reference' });
  return ok({
    ...{ name, reference, ...days.value, logins: logins.value, hours: hours.value },
    memberIds: unique(wanted.memberIds),
    targetIds: unique(targets.map((target) => target.id)),
    scopes: unique(wanted.scopes.flatMap((each) => findScope(inventory.scopes, each)?.name ?? [])),
    reviewerIds: unique(wanted.reviewerIds),
  });
}

function readLogins(
  named: readonly string[],
  targets: readonly Target[],
): Result<readonly Login[] | null, EngagementRejection> {
  if (named.length === 0) return ok(null);
  const logins: Login[] = [];
  for (const each of unique(named)) {
    const login = Login.safeParse(each);
    if (!login.success || !targets.some((target) => target.logins.includes(login.data)))
      return refuse({ code: 'unknown_login', login: each, field: 'logins' });
    logins.push(login.data);
  }
  return ok(logins.sort());
}

function readDays(
  { firstDay: first = null, lastDay }: Pick<WantedTerms, 'firstDay' | 'lastDay'>,
  timeZone: string,
  now: Date,
): Result<Pick<EngagementTerms, 'firstDay' | 'lastDay'>, EngagementRejection> {
  const day = DateTime.fromISO(lastDay, { zone: timeZone });
  if (!day.isValid || isOver({ lastDay, timeZone, closedAt: null }, now))
    return refuse({ code: 'last_day_past', field: 'last_day' });
  if (first === null) return ok({ firstDay: null, lastDay });
  const begins = DateTime.fromISO(first, { zone: timeZone });
  if (!begins.isValid || begins.toJSDate() >= engagementEnd({ lastDay, timeZone }))
    return refuse({ code: 'first_day_late', field: 'first_day' });
  // A day that has begun needs no keeping.
  return ok({ firstDay: begins.toJSDate() <= now ? null : first, lastDay });
}

function readHours(
  wanted: string | AllowedHours | null,
  timeZone: string,
): Result<AllowedHours | null, EngagementRejection> {
  if (wanted === null || typeof wanted !== 'string') return ok(wanted);
  if (wanted.trim() === '') return ok(null);
  const hours = parseHours(wanted, timeZone);
  return hours ? ok(hours) : refuse({ code: 'hours_unclear', field: 'hours' });
}

type About = {
  /** Null for a new one. */
  readonly id: EngagementId | null;
  readonly sponsor: Person;
  readonly vendor: string;
  /** What it was before; null for a new one. Reviewers who stay are not asked about again. */
  readonly before: EngagementTerms | null;
};

/** What is wrong with the people of these terms, or with what policy makes of them. */
export async function wrongPeople(
  inventory: Inventory,
  tx: Tx<FactParts>,
  terms: EngagementTerms,
  { id, sponsor, vendor, before }: About,
  now: Date,
): Promise<EngagementRejection | null> {
  const rules = engagementRules(inventory.policy);
  const members = await tx.persons.byIds(terms.memberIds);
  if (terms.memberIds.length === 0 || members.length !== terms.memberIds.length)
    return { code: 'unknown_person', field: 'members' };
  // They could ask for nothing.
  const gone = members.filter(({ id, offboardedAt }) => offboardedAt !== null && !before?.memberIds.includes(id));
  if (gone.length > 0) {
    const out = gone.map(({ id }) => ({ personId: id, why: 'offboarded' as const }));
    return { code: 'reviewer_not_eligible', people: out, field: 'members' };
  }
  const reviewers = await tx.persons.byIds(terms.reviewerIds);
  if (terms.reviewerIds.length === 0 || reviewers.length !== terms.reviewerIds.length)
    return { code: 'unknown_person', field: 'reviewers' };
  const people: { personId: PersonId; why: NotEligible }[] = [];
  const isAsked = (id: PersonId): boolean => before?.reviewerIds.includes(id) !== true || membersDiffer(before, terms);
  for (const reviewer of reviewers.filter(({ id }) => isAsked(id))) {
    const facts = await reviewerFacts(tx, rules, reviewer);
    const why = whyNotChosen(rules, facts, { sponsor, members, vendor }, now);
    if (why !== null) people.push({ personId: reviewer.id, why });
  }
  if (people.length > 0) return { code: 'reviewer_not_eligible', people, field: 'reviewers' };
  return unusable(inventory, terms, { id, vendor, members, reviewers: humansAmong(rules, reviewers) });
}

const membersDiffer = (before: EngagementTerms, { memberIds }: EngagementTerms): boolean =>
  memberIds.some((id) => !before.memberIds.includes(id));

type Deciding = { readonly id: EngagementId | null; readonly vendor: string; readonly members: readonly Person[] };

/** Every rule that decides for something that can be asked for under these terms, with what it decides; null where none does. */
export function decidingRules(
  inventory: Pick<Inventory, 'policy' | 'targets'>,
  terms: EngagementTerms,
  { id, vendor, members }: Deciding,
): readonly { readonly target: Target; readonly scope: string; readonly rule: Rule | null }[] {
  const standings = unique(members.map((member) => member.standing));
  const engagement = { id, vendor };
  return knownTargets(inventory, terms.targetIds).flatMap((target) =>
    terms.scopes.flatMap((scope) =>
      target.logins
        .filter((login) => terms.logins?.includes(login) ?? true)
        .flatMap((login) =>
          standings.map((standing) => {
            const rule = decisiveRule(inventory.policy, { scope, login, standing, engagement }, target);
            return { target, scope, rule };
          }),
        ),
    ),
  );
}

/** What nobody could ever get by a request in it, however short. */
function unusable(
  inventory: Inventory,
  terms: EngagementTerms,
  about: Deciding & { readonly reviewers: number },
): EngagementRejection | null {
  const decisions = decidingRules(inventory, terms, about);
  for (const { target, scope, rule } of decisions) {
    if (!rule || rule.approvals <= about.reviewers) continue;
    return {
      ...{ code: 'too_few_reviewers', targetId: target.id, scope, rule: rule.name, needed: rule.approvals },
      field: 'reviewers',
    };
  }
  return decisions.some(({ rule }) => rule !== null) ? null : { code: 'nothing_allowed', field: 'scopes' };
}

export const vendorOr = (vendor: string, name: string): string => vendor.trim() || name.trim();
