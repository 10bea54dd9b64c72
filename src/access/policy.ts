import { Duration } from 'luxon';
import { z } from 'zod';
import { ASSURANCES, type Assurance } from './assurance.ts';
import { EngagementRules, NO_ENGAGEMENT_RULES } from './engagement-rules.ts';
import { AllowedHours } from './hours.ts';
import { EngagementId, Login, TargetId } from './ids.ts';
import { KEY_DEMANDS } from './key-demand.ts';
import { OffboardingRules } from './offboarding.ts';
import { STANDINGS } from './person.ts';
import { BUILT_IN_SCOPES, findScope, type Scope, ScopeName } from './scopes/scope.ts';
import { DefinedScopes } from './scopes/scope-definition.ts';

/** An ISO 8601 duration such as `PT4H`; the value is seconds. */
export const IsoSeconds = z.string().transform((text, context) => {
  const duration = Duration.fromISO(text);
  const seconds = duration.isValid ? duration.as('seconds') : Number.NaN;
  if (Number.isInteger(seconds) && seconds > 0) return seconds;
  context.addIssue({ code: 'custom', message: 'must be an ISO 8601 duration, such as PT4H or PT30M' });
  return z.NEVER;
});

/** The whole of a ticket matches, or it is none. */
const Ticket = z
  .strictObject({
    pattern: z
      .string()
      .min(1)
      .max(200)
      .meta({
        description: 'A regular expression that the whole ticket must match.',
        examples: ['OPS-\\d+'],
      }),
    example: z
      .string()
      .min(1)
      .max(100)
      .meta({ description: 'A ticket that matches, shown to whoever gets it wrong.', examples: ['OPS-1042'] }),
  })
  .superRefine(({ pattern, example }, context) => {
    const ticket = wholeOf(pattern);
    const issue = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if (!ticket) issue('pattern', 'is not a regular expression');
    else if (!ticket.test(example)) issue('example', 'does not match the pattern');
  });

/** Null where it is no regular expression by itself: one that closes our group would match a part. */
export function wholeOf(pattern: string): RegExp | null {
  try {
    new RegExp(pattern, 'u');
    return new RegExp(`^(?:${pattern})$`, 'u');
  } catch {
    return null;
  }
}

const listOf = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).max(200).optional();

const Rule = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(80)
    .meta({ description: 'Shown on the review card.', examples: ['one reviewer approves'] }),
  scopes: listOf(ScopeName).meta({
    description: 'The scopes the rule applies to. If omitted, every scope.',
    examples: [['files-rw']],
  }),
  targets: listOf(TargetId).meta({
    description: 'The targets the rule applies to. If omitted, every target.',
    examples: [['db-01']],
  }),
  labels: z
    .record(z.string(), z.string())
    .optional()
    .meta({
      description: 'Labels of the targets the rule applies to. If omitted, every target.',
      examples: [{ env: 'production' }],
    }),
  logins: listOf(Login).meta({
    description: 'The logins the rule applies to. If omitted, every login.',
    examples: [['root']],
  }),
  people: listOf(z.enum(STANDINGS)).meta({
    description:
      'Who requests: `member` of the workspace, `guest`, or `external` (from another workspace, through Slack Connect). If omitted, everybody.',
    examples: [['guest', 'external']],
  }),
  vendors: listOf(z.string().min(1).max(100)).meta({
    description:
      'The vendors the rule applies to, compared without case, width and spaces. Whoever opens an engagement types its vendor. If omitted, every vendor.',
    examples: [['Northwind Data']],
  }),
  engagements: listOf(EngagementId).meta({
    description: 'The engagements the rule applies to, by their id. If omitted, every engagement.',
    examples: [['5f0c2f0e-6f0a-4b0e-9c51-0c1f3b0c7a11']],
  }),
  approvals: z
    .int()
    .min(1)
    .max(5)
    .default(1)
    .meta({ description: 'How many reviewers must approve.', examples: [2] }),
  assurance: z
    .enum(ASSURANCES)
    .optional()
    .meta({
      description:
        'What an approval takes: `slack`, a click; `signed`, a click and a signature with the reviewer’s registered SSH key; `fido`, such a signature by a FIDO key. If omitted, `signed` on targets with the labels of `production`, and `slack` elsewhere.',
      examples: ['signed'],
    }),
  keys: z
    .enum(KEY_DEMANDS)
    .optional()
    .meta({
      description:
        'What the key that logs in has to be: `any` registered one, `fido` for one on a FIDO device, which takes a touch at each login, or `fido_verified` for one that also asks for a PIN or a fingerprint each time. If omitted, `any`.',
      examples: ['fido'],
    }),
  max_duration: IsoSeconds.optional().meta({
    description:
      'The longest access this rule allows. If omitted, 72 hours, and 8 hours on targets with the labels of `production`.',
    examples: ['PT8H'],
  }),
  ticket: z
    .union([z.literal('required'), Ticket])
    .optional()
    .meta({
      description: 'The ticket that a request must name: `required` for any, or a pattern. If omitted, none.',
      examples: [{ pattern: 'OPS-\\d+', example: 'OPS-1042' }],
    }),
  hours: AllowedHours.optional().meta({
    description:
      'The hours in which the rule allows access. Outside them a request is refused, and access ends with them at the latest. If omitted, at any time.',
    examples: [
      { zone: 'Europe/Berlin', allow: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:30' }] },
    ],
  }),
});
export type Rule = z.infer<typeof Rule>;

const Rules = z.strictObject({
  rules: z
    .array(Rule)
    .min(1)
    .meta({ description: 'At least one rule.', examples: [[{ name: 'one reviewer approves', max_duration: 'PT8H' }]] }),
  production: z
    .record(z.string(), z.string())
    .default({ env: 'production' })
    .meta({ description: 'Labels that make a target a production target.', examples: [{ env: 'production' }] }),
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
  remind_after: IsoSeconds.default(3_600).meta({
    description:
      'How long a request waits until its reviewers are reminded, once. Never longer than half of the time that it can wait. If omitted, an hour.',
    examples: ['PT1H'],
  }),
  pending_per_person: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .meta({
      description: 'How many requests of one person may wait for review at a time. If omitted, 5.',
      examples: [5],
    }),
  doubt: IsoSeconds.default(5_400).meta({
    description:
      'How long people keep access after Slack last confirmed that their account is active and who is in the channel of their engagement. Slack may be unreachable for this long. After that, logins are refused and live sessions end until Slack answers again. If omitted, 90 minutes.',
    examples: ['PT90M'],
  }),
  engagements: EngagementRules.optional().meta({
    description: 'Who may open engagements and who may review. If omitted, nobody may.',
  }),
  offboarding: OffboardingRules.optional(),
  scopes: DefinedScopes,
});

const USUAL_DURATIONS = [900, 3600, 14_400, 28_800];

/** For rules that leave it out. */
const USUAL_MAX = { production: 8 * 3_600, elsewhere: 72 * 3_600 };

const longest = (rules: readonly Rule[]): number =>
  Math.max(...rules.map((rule) => rule.max_duration ?? USUAL_MAX.elsewhere));

/** Seconds. */
export const maxSecondsOn = ({ max_duration: max }: Rule, isProduction: boolean): number =>
  max ?? (isProduction ? USUAL_MAX.production : USUAL_MAX.elsewhere);

export const assuranceOn = ({ assurance }: Rule, isProduction: boolean): Assurance =>
  assurance ?? (isProduction ? 'signed' : 'slack');

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

/** As it is where policy says nothing of it. */
export const offboardingRules = (policy: Pick<Policy, 'offboarding'>): OffboardingRules =>
  policy.offboarding ?? OffboardingRules.parse({});

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
