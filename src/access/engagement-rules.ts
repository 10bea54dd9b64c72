import { z } from 'zod';
import { TargetId } from './ids.ts';
import type { Person } from './person.ts';
import type { Target } from './target.ts';

const UserId = z.string().regex(/^[UW][A-Z0-9]+$/, 'must be a Slack user id, which begins with U');
const GroupId = z.string().regex(/^S[A-Z0-9]+$/, 'must be a Slack user group id, which begins with S');

const who = {
  people: z
    .union([z.literal('any'), z.array(UserId).max(500)])
    .default([])
    .meta({
      description: 'Slack user ids, or `any` for every full member of the workspace.',
      examples: [['U0123456789']],
    }),
  groups: z
    .array(GroupId)
    .max(20)
    .default([])
    .meta({
      description: 'Slack user groups. A member added less than a day ago does not count yet.',
      examples: [['S0123456789']],
    }),
};

const Opener = z.strictObject({
  ...who,
  targets: z
    .array(TargetId)
    .optional()
    .meta({
      description: 'The targets they may name. If omitted, all with the labels below.',
      examples: [['web-01']],
    }),
  labels: z
    .record(z.string(), z.string())
    .optional()
    .meta({
      description: 'Labels that each of these targets must have. If omitted, every target.',
      examples: [{ env: 'staging' }],
    }),
});

/** Who may open engagements and who may review: without it nobody does either. */
export const EngagementRules = z.strictObject({
  openers: z
    .array(Opener)
    .max(50)
    .default([])
    .meta({
      description: 'Who may open engagements, and for which targets. If omitted, nobody.',
      examples: [[{ people: ['U0123456789'], labels: { env: 'staging' } }]],
    }),
  reviewers: z
    .strictObject(who)
    .prefault({})
    .meta({
      description: 'Who may be named as a reviewer and review. If omitted, nobody.',
      examples: [{ groups: ['S0123456789'] }],
    }),
  own_review: z
    .boolean()
    .default(false)
    .meta({
      description: 'Whether people may review requests in an engagement that they opened.',
      examples: [false],
    }),
  second_person: z
    .boolean()
    .default(true)
    .meta({
      description:
        'Whether the first engagement on a label (or on a target without labels) waits until one of the reviewers above, other than its opener, confirms it.',
      examples: [true],
    }),
  one_person: z
    .array(z.array(UserId).min(2).max(10))
    .max(200)
    .default([])
    .meta({
      description:
        'Accounts that belong to one human, who then never counts as two people: not as requester and reviewer, nor as opener and reviewer.',
      examples: [[['U0123456789', 'U0999999999']]],
    }),
});
export type EngagementRules = z.infer<typeof EngagementRules>;

/** Nobody opens, nobody reviews. */
export const NO_ENGAGEMENT_RULES: EngagementRules = EngagementRules.parse({});

/** Somebody with the groups of policy that they are in, since when. */
export type InGroups = ReadonlyMap<string, Date>;

const GROUP_HOURS = 24;

type Who = { readonly people: 'any' | readonly string[]; readonly groups: readonly string[] };

const isNamed = ({ people, groups }: Who, person: Person, inGroups: InGroups, now: Date): boolean => {
  if (people === 'any' || person.accounts.some((account) => people.includes(account.userId))) return true;
  const before = now.getTime() - GROUP_HOURS * 3_600_000;
  return groups.some((group) => (inGroups.get(group)?.getTime() ?? Number.POSITIVE_INFINITY) <= before);
};

/** The first of these targets that policy lets this person open no engagement for; null where they may for all. */
export function targetNotToOpen(
  rules: EngagementRules,
  person: Person,
  inGroups: InGroups,
  targets: readonly Target[],
  now: Date,
): Target | null {
  const own = rules.openers.filter((opener) => isNamed(opener, person, inGroups, now));
  const isCovered = (target: Target): boolean =>
    own.some(
      ({ targets: named, labels = {} }) =>
        (named?.includes(target.id) ?? true) &&
        Object.entries(labels).every(([key, value]) => target.labels[key] === value),
    );
  return targets.find((target) => !isCovered(target)) ?? null;
}

/** Whether policy names this person anywhere among the openers. */
export const mayOpen = (rules: EngagementRules, person: Person, inGroups: InGroups, now: Date): boolean =>
  rules.openers.some((opener) => isNamed(opener, person, inGroups, now));

export const mayReviewAtAll = (rules: EngagementRules, person: Person, inGroups: InGroups, now: Date): boolean =>
  isNamed(rules.reviewers, person, inGroups, now);

/** Groups whose members matter. */
export const groupsOf = (rules: EngagementRules): readonly string[] => [
  ...new Set([...rules.openers.flatMap((opener) => opener.groups), ...rules.reviewers.groups]),
];

/** Whether two people are one human, by what is known: the same person, or accounts that policy says are one's. */
export function isSameHuman({ one_person: sets }: Pick<EngagementRules, 'one_person'>, a: Person, b: Person): boolean {
  if (a.id === b.id) return true;
  const has = (set: readonly string[], person: Person): boolean =>
    person.accounts.some((account) => set.includes(account.userId));
  return sets.some((set) => has(set, a) && has(set, b));
}

/** What stands for targets where engagements are compared: each of their labels, or itself where one has none. */
export function labelsOf(targets: readonly Target[]): readonly string[] {
  const labels = targets.flatMap((target) => {
    const own = Object.entries(target.labels).map(([key, value]) => `${key}=${value}`);
    return own.length > 0 ? own : [`target ${target.id}`];
  });
  return [...new Set(labels)];
}

/** Vendors are one where their names read alike: case, width and spaces make no other vendor. */
export const vendorKey = (name: string): string =>
  name
    .normalize('NFKC')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .replace(/[\s\p{Default_Ignorable_Code_Point}]/gu, '');
