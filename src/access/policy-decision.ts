import { type Assurance, strictest } from './assurance.ts';
import { endOfWindow, nextOpening } from './hours.ts';
import { type KeyDemand, strictestDemand } from './key-demand.ts';
import { assuranceOn, maxSecondsOn, type Policy, type Rule, wholeOf } from './policy.ts';
import { isForAsk, isForTarget, labelOf, type Mismatch, mismatch, type PolicyMatch } from './policy-match.ts';
import type { Target } from './target.ts';

export type PolicyAsk = PolicyMatch & {
  readonly targets: readonly Target[];
  readonly durationSeconds: number;
  readonly ticket: string | null;
  /** When access would begin. */
  readonly at: Date;
};

export type PolicyDecision =
  | {
      readonly allowed: true;
      /** Each that decided for some target, in the order of policy. */
      readonly rules: readonly string[];
      readonly approvals: number;
      readonly assurance: Assurance;
      /** What the key that logs in has to be. */
      readonly keys: KeyDemand;
      readonly maxDurationSeconds: number;
      /** When the hours of a rule end, and access with them; null where none has hours. */
      readonly until: Date | null;
    }
  | { readonly allowed: false; readonly reason: PolicyDenial };

export type PolicyDenial =
  | { readonly kind: 'no_rule' }
  | { readonly kind: 'too_long'; readonly rule: string; readonly maxDurationSeconds: number }
  /** `example` is null where any ticket will do. */
  /** Outside a rule's hours. `opens` is when all rules allow it again; null where they never do at the same time. */
  | { readonly kind: 'hours'; readonly rule: string; readonly opens: Date | null; readonly zone: string }
  | { readonly kind: 'ticket'; readonly rule: string; readonly example: string | null };

/** What each rule says of one target, up to the one that decides: that one has no mismatch. */
export type Explanation = {
  readonly target: Target;
  readonly rules: readonly { readonly rule: Rule; readonly mismatch: Mismatch | null }[];
};

type Limit = { readonly rule: Rule; readonly seconds: number };

/**
 * Each target has its own first matching rule; of these the most approvals, the strictest assurance and keys, the shortest duration, the
 * hours they share and every ticket count.
 */
export function decide(policy: Policy, ask: PolicyAsk): PolicyDecision {
  const asked = policy.rules.filter((rule) => isForAsk(rule, ask));
  const found = ask.targets.map((target) => ({ target, rule: firstFor(asked, target) }));
  const deciding = new Set(found.map(({ rule }) => rule));
  const rules = asked.filter((rule) => deciding.has(rule));
  if (rules.length === 0 || deciding.has(null)) return { allowed: false, reason: { kind: 'no_rule' } };
  const hours = heldToHours(rules, ask.at);
  if (hours.closed) return { allowed: false, reason: hours.closed };
  const limits = rules.map((rule) => {
    const own = found.filter((each) => each.rule === rule);
    return { rule, seconds: Math.min(...own.map(({ target }) => maxSecondsOn(rule, isProduction(policy, target)))) };
  });
  const [first, ...others] = limits as [Limit, ...Limit[]];
  const shortest = others.reduce((a, b) => (b.seconds < a.seconds ? b : a), first);
  if (ask.durationSeconds > shortest.seconds) {
    const { rule, seconds } = shortest;
    return { allowed: false, reason: { kind: 'too_long', rule: rule.name, maxDurationSeconds: seconds } };
  }
  const unmet = rules.find((rule) => !isTicket(rule, ask.ticket));
  if (unmet) return { allowed: false, reason: { kind: 'ticket', rule: unmet.name, example: exampleOf(unmet) } };
  const approvals = Math.max(...rules.map((rule) => rule.approvals));
  const assurance = strictest(
    found.flatMap(({ target, rule }) => (rule ? assuranceOn(rule, isProduction(policy, target)) : [])),
  );
  const maxDurationSeconds = shortest.seconds;
  const keys = strictestDemand(rules.flatMap((rule) => rule.keys ?? []));
  const { until } = hours;
  return {
    allowed: true,
    rules: rules.map((rule) => rule.name),
    approvals,
    assurance,
    keys,
    maxDurationSeconds,
    until,
  };
}

type Closed = Extract<PolicyDenial, { kind: 'hours' }>;

/** Why the hours of a rule allow nothing now, or until when the hours of all do. */
function heldToHours(
  rules: readonly Rule[],
  at: Date,
): { readonly closed: Closed; readonly until?: never } | { readonly closed: null; readonly until: Date | null } {
  let until: Date | null = null;
  for (const { name: rule, hours } of rules) {
    if (!hours) continue;
    const closes = endOfWindow(hours, at);
    if (!closes) {
      const all = rules.flatMap((each) => each.hours ?? []);
      return { closed: { kind: 'hours', rule, opens: nextOpening(all, at), zone: hours.zone } };
    }
    if (!until || closes < until) until = closes;
  }
  return { closed: null, until };
}

/** The first rule that matches; null where none does. */
export const decisiveRule = (policy: Pick<Policy, 'rules'>, ask: PolicyMatch, target: Target): Rule | null =>
  policy.rules.find((rule) => isForTarget(rule, target) && isForAsk(rule, ask)) ?? null;

const firstFor = (rules: readonly Rule[], target: Target): Rule | null =>
  rules.find((rule) => isForTarget(rule, target)) ?? null;

export const explain = (policy: Pick<Policy, 'rules'>, ask: PolicyAsk): readonly Explanation[] =>
  ask.targets.map((target) => {
    const rules = policy.rules.map((rule) => ({ rule, mismatch: mismatch(rule, ask, target) }));
    const decisive = rules.findIndex((each) => each.mismatch === null);
    return { target, rules: decisive === -1 ? rules : rules.slice(0, decisive + 1) };
  });

const isProduction = ({ production }: Pick<Policy, 'production'>, target: Target): boolean =>
  Object.entries(production).every(([key, value]) => labelOf(target, key) === value);

const isTicket = ({ ticket: wanted }: Rule, given: string | null): boolean => {
  if (wanted === undefined) return true;
  if (given === null) return false;
  return wanted === 'required' || wholeOf(wanted.pattern)?.test(given) === true;
};

const exampleOf = ({ ticket }: Rule): string | null => (typeof ticket === 'object' ? ticket.example : null);
