import { Duration } from 'luxon';
import { z } from 'zod';
import { EngagementRules, NO_ENGAGEMENT_RULES } from './engagement-rules.ts';
import { BUILT_IN_SCOPES, findScope, type Scope, ScopeName } from './scopes/scope.ts';
import { DefinedScopes } from './scopes/scope-definition.ts';
import type { Target } from './target.ts';

/** An ISO 8601 duration such as `PT4H`; the value is seconds. */
const IsoSeconds = z.string().transform((text, context) => {
  const duration = Duration.fromISO(text);
  const seconds = duration.isValid ? duration.as('seconds') : Number.NaN;
  if (Number.isInteger(seconds) && seconds > 0) return seconds;
  context.addIssue({ code: 'custom', message: 'must be an ISO 8601 duration, such as PT4H or PT30M' });
  return z.NEVER;
});

const Rule = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(80)
    .meta({ description: 'Shown on the review card.', examples: ['one reviewer approves'] }),
  scopes: z
    .array(ScopeName)
    .min(1)
    .optional()
    .meta({ description: 'The scopes the rule applies to. If omitted, every scope.', examples: [['files-rw']] }),
  labels: z
    .record(z.string(), z.string())
    .optional()
    .meta({
      description: 'Labels of the targets the rule applies to. If omitted, every target.',
      examples: [{ env: 'production' }],
    }),
  approvals: z
    .int()
    .min(1)
    .max(5)
    .default(1)
    .meta({ description: 'How many reviewers must approve.', examples: [2] }),
  max_duration: IsoSeconds.meta({ description: 'The longest access this rule allows.', examples: ['PT8H'] }),
});

const Rules = z.strictObject({
  rules: z.array(Rule).min(1).meta({ description: 'At least one rule.' }),
  durations: z
    .array(IsoSeconds)
    .min(1)
    .max(20)
    .optional()
    .meta({
      description:
        'The durations that the request form offers. A rule must allow each of them. If omitted: a quarter of an hour, 1, 4 and 8 hours, as far as rules allow them.',
      examples: [['PT15M', 'PT1H', 'PT4H', 'PT8H']],
    }),
  request_ttl: IsoSeconds.default(86_400).meta({
    description: 'How long a request waits for review. If omitted, a day.',
    examples: ['P1D'],
  }),
  doubt: IsoSeconds.default(5_400).meta({
    description:
      'How long people keep access after Slack last confirmed that their account is active and who is in the channel of their engagement. Slack may be unreachable for this long. After that, logins are refused and live sessions end until Slack answers again. If omitted, 90 minutes.',
    examples: ['PT90M'],
  }),
  engagements: EngagementRules.optional().meta({
    description: 'Who may open engagements and who may review. If omitted, nobody may.',
  }),
  scopes: DefinedScopes,
});

const USUAL_DURATIONS = [900, 3600, 14_400, 28_800];

const longest = (rules: readonly z.infer<typeof Rule>[]): number => Math.max(...rules.map((rule) => rule.max_duration));

/** policy.yml: for each target the first rule that matches decides; when none does, the answer is no. */
export const Policy = Rules.superRefine((policy, context) => {
  const known = scopesOf(policy);
  const max = longest(policy.rules);
  for (const [index, seconds] of (policy.durations ?? []).entries()) {
    if (seconds <= max) continue;
    const message = `no rule allows this long; the longest max_duration is ${Duration.fromObject({ seconds: max }).rescale().toISO()}`;
    context.addIssue({ code: 'custom', path: ['durations', index], message });
  }
  for (const [index, { scopes = [] }] of policy.rules.entries()) {
    const unknown = scopes.find((name) => !findScope(known, name));
    if (unknown === undefined) continue;
    // A rule that names a scope which nothing enforces would promise what does not happen.
    const message = `${unknown} is not a scope; the scopes are ${known.map((scope) => scope.name).join(', ')}`;
    context.addIssue({ code: 'custom', path: ['rules', index, 'scopes'], message });
  }
});
export type Policy = z.infer<typeof Policy>;

/** What the request form offers. */
export function offeredDurations({ durations, rules }: Pick<Policy, 'durations' | 'rules'>): readonly number[] {
  if (durations) return durations;
  const max = longest(rules);
  const usual = USUAL_DURATIONS.filter((seconds) => seconds <= max);
  return usual.length > 0 ? usual : [max];
}

export const engagementRules = (policy: Pick<Policy, 'engagements'>): EngagementRules =>
  policy.engagements ?? NO_ENGAGEMENT_RULES;

/** What policy leaves open so that nobody can get access, in sentences for whoever starts Daypass. */
export function policyGaps(policy: Pick<Policy, 'engagements'>): readonly string[] {
  const { openers, reviewers } = engagementRules(policy);
  const isNobody = reviewers.people.length === 0 && reviewers.groups.length === 0;
  return [
    ...(openers.length === 0
      ? ['policy.yml names nobody under engagements.openers: nobody can open an engagement']
      : []),
    ...(isNobody
      ? ['policy.yml names nobody under engagements.reviewers: nobody can review, so nothing is granted']
      : []),
  ];
}

/** All scopes that can be asked for: the built-in ones, and the operator's own. */
export const scopesOf = (policy: Pick<Policy, 'scopes'>): readonly Scope[] => [...BUILT_IN_SCOPES, ...policy.scopes];

export type PolicyAsk = {
  readonly scope: ScopeName;
  readonly targets: readonly Target[];
  readonly durationSeconds: number;
};

export type PolicyDecision =
  | {
      readonly allowed: true;
      /** Each that decided for some target, in the order of policy. */
      readonly rules: readonly string[];
      readonly approvals: number;
      readonly maxDurationSeconds: number;
    }
  | { readonly allowed: false; readonly reason: PolicyDenial };

export type PolicyDenial =
  | { readonly kind: 'no_rule' }
  | { readonly kind: 'too_long'; readonly rule: string; readonly maxDurationSeconds: number };

/** Each target has its own first matching rule; of these the most approvals and the shortest duration count. */
export function decide(policy: Policy, ask: PolicyAsk): PolicyDecision {
  const decisive = ask.targets.map((target) => policy.rules.find((rule) => matches(rule, ask.scope, target)));
  const rules = policy.rules.filter((rule) => decisive.includes(rule));
  const [first, ...others] = rules;
  if (!first || decisive.includes(undefined)) return { allowed: false, reason: { kind: 'no_rule' } };
  const strictest = others.reduce((a, b) => (b.max_duration < a.max_duration ? b : a), first);
  const { max_duration: maxDurationSeconds } = strictest;
  if (ask.durationSeconds > maxDurationSeconds) {
    return { allowed: false, reason: { kind: 'too_long', rule: strictest.name, maxDurationSeconds } };
  }
  const approvals = Math.max(...rules.map((rule) => rule.approvals));
  return { allowed: true, rules: rules.map((rule) => rule.name), approvals, maxDurationSeconds };
}

function matches(rule: z.infer<typeof Rule>, scope: ScopeName, target: Target): boolean {
  if (rule.scopes && !rule.scopes.includes(scope)) return false;
  return Object.entries(rule.labels ?? {}).every(([key, value]) => target.labels[key] === value);
}
