import { Duration } from 'luxon';
import { z } from 'zod';
import { BUILT_IN_SCOPES, findScope, type Scope, ScopeName } from './scope.ts';
import { DefinedScopes } from './scope-definition.ts';
import type { Target } from './target.ts';

/** An ISO 8601 duration such as `PT4H`; the value is seconds. */
const IsoSeconds = z.string().transform((text, context) => {
  const duration = Duration.fromISO(text);
  const seconds = duration.isValid ? duration.as('seconds') : Number.NaN;
  if (Number.isInteger(seconds) && seconds > 0) return seconds;
  context.addIssue({ code: 'custom', message: 'an ISO 8601 duration, for example PT4H or PT30M' });
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
    .meta({ description: 'The scopes that the rule speaks of; every scope when left out.', examples: [['files-rw']] }),
  labels: z
    .record(z.string(), z.string())
    .optional()
    .meta({
      description: 'Labels that every asked target must carry; every target when left out.',
      examples: [{ env: 'production' }],
    }),
  approvals: z
    .int()
    .min(1)
    .max(5)
    .default(1)
    .meta({ description: 'How many reviewers must approve.', examples: [2] }),
  max_duration: IsoSeconds.meta({ description: 'The longest access that this rule allows.', examples: ['PT8H'] }),
});

const Rules = z.strictObject({
  rules: z.array(Rule).min(1).meta({ description: 'At least one rule.' }),
  durations: z
    .array(IsoSeconds)
    .min(1)
    .max(20)
    .default([900, 3600, 14_400, 28_800])
    .meta({
      description: 'The durations that the request form offers; these when left out.',
      examples: [['PT15M', 'PT1H', 'PT4H', 'PT8H']],
    }),
  request_ttl: IsoSeconds.default(86_400).meta({
    description: 'How long a request waits for its review; a day when left out.',
    examples: ['P1D'],
  }),
  scopes: DefinedScopes,
});

/** policy.yml: the first rule that matches decides; when none does, the answer is no. */
export const Policy = Rules.superRefine((policy, context) => {
  const known = scopesOf(policy);
  for (const [index, { scopes = [] }] of policy.rules.entries()) {
    const unknown = scopes.find((name) => !findScope(known, name));
    if (unknown === undefined) continue;
    // A rule that names a scope which nothing enforces would promise what does not happen.
    const message = `${unknown} is no scope; there are ${known.map((scope) => scope.name).join(', ')}`;
    context.addIssue({ code: 'custom', path: ['rules', index, 'scopes'], message });
  }
});
export type Policy = z.infer<typeof Policy>;

/** All scopes that can be asked for: the built-in ones, and the operator's own. */
export const scopesOf = (policy: Pick<Policy, 'scopes'>): readonly Scope[] => [...BUILT_IN_SCOPES, ...policy.scopes];

export type PolicyAsk = {
  readonly scope: ScopeName;
  readonly targets: readonly Target[];
  readonly durationSeconds: number;
};

export type PolicyDecision =
  | { readonly allowed: true; readonly rule: string; readonly approvals: number; readonly maxDurationSeconds: number }
  | { readonly allowed: false; readonly reason: PolicyDenial };

export type PolicyDenial =
  | { readonly kind: 'no_rule' }
  | { readonly kind: 'too_long'; readonly rule: string; readonly maxDurationSeconds: number };

/** Every target of an ask must fall under the one rule that decides. */
export function decide(policy: Policy, ask: PolicyAsk): PolicyDecision {
  for (const rule of policy.rules) {
    if (rule.scopes && !rule.scopes.includes(ask.scope)) continue;
    const labels = Object.entries(rule.labels ?? {});
    if (!ask.targets.every((target) => labels.every(([key, value]) => target.labels[key] === value))) continue;
    if (ask.durationSeconds > rule.max_duration) {
      return { allowed: false, reason: { kind: 'too_long', rule: rule.name, maxDurationSeconds: rule.max_duration } };
    }
    return { allowed: true, rule: rule.name, approvals: rule.approvals, maxDurationSeconds: rule.max_duration };
  }
  return { allowed: false, reason: { kind: 'no_rule' } };
}
