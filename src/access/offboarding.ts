import { z } from 'zod';
import type { Actor } from './audit-event.ts';
import type { Digest, EngagementId, OffboardingId, PersonId } from './ids.ts';
import type { OffboardRejection } from './rejection.ts';
import { ok, type Result, refuse } from './result.ts';

/** In an item of the checklist: the targets that sessions were on. */
const TARGETS_MARK = '{targets}';
const ITEMS_MAX = 20;
const TARGETS_SHOWN = 20;
export const NOTE_MAX = 1_000;
export const OFFBOARD_REASON_MAX = 1_000;

const USUAL_CHECKLIST = [
  'Remove their accounts and roles in the cloud (IAM)',
  'Revoke the CI and API tokens that they made or used',
  'Remove their deploy keys from repositories',
  'Replace the shared secrets that they saw',
  'Remove their VPN access',
  `Stop what they left running in the background on ${TARGETS_MARK}`,
];

/** What only people can do when somebody leaves. */
export const OffboardingRules = z.strictObject({
  checklist: z
    .array(z.string().trim().min(1).max(200))
    .max(ITEMS_MAX)
    .default(USUAL_CHECKLIST)
    .meta({
      description:
        'What people have to do when somebody leaves, as a checklist in security’s channel. `{targets}` stands for the targets that they had sessions on; without any, the item is left out.',
      examples: [['Remove their VPN access', 'Stop what they left running in the background on {targets}']],
    }),
});
export type OffboardingRules = z.infer<typeof OffboardingRules>;

/** Why it began: somebody asked for it, an engagement was closed, or its last day was over. */
export const OFFBOARDING_WHY = ['asked', 'closed', 'last_day'] as const;
export type OffboardingWhy = (typeof OFFBOARDING_WHY)[number];

/** What ended in one engagement. */
export type OffboardingPart = {
  readonly engagementId: EngagementId;
  readonly grants: number;
  readonly requests: number;
  readonly sessions: number;
};

/** What was left when the gateway's workers were asked last. */
export type LeftOver = {
  readonly at: Date;
  readonly workers: number;
  readonly answered: number;
  readonly sessions: number;
  readonly grants: number;
};

export type ChecklistItem = {
  readonly text: string;
  readonly tick: { readonly by: PersonId; readonly at: Date; readonly note: string | null } | null;
};

/** The end of somebody's access, or of everybody's in an engagement, as one task: what ended, the proof, and the checklist. */
export type Offboarding = {
  readonly id: OffboardingId;
  /** Null: everybody in the engagements. */
  readonly personId: PersonId | null;
  /** Null: everywhere. */
  readonly engagementIds: readonly EngagementId[] | null;
  readonly why: OffboardingWhy;
  readonly by: Actor;
  readonly at: Date;
  readonly reason: string | null;
  readonly parts: readonly OffboardingPart[];
  /** How many keys were retired with it. */
  readonly keys: number;
  /** Null until somebody was asked. */
  readonly left: LeftOver | null;
  readonly items: readonly ChecklistItem[];
  readonly completed: { readonly at: Date; readonly digest: Digest } | null;
};

/** The items of a new checklist; one that speaks of targets is left out where there are none. */
export function checklistOf({ checklist }: OffboardingRules, targets: readonly string[]): readonly ChecklistItem[] {
  const rest = targets.length - TARGETS_SHOWN;
  const named = `${targets.slice(0, TARGETS_SHOWN).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
  return checklist
    .filter((text) => targets.length > 0 || !text.includes(TARGETS_MARK))
    .map((text) => ({ text: text.replaceAll(TARGETS_MARK, named), tick: null }));
}

/** Every worker answered, none carries anything, and no grant is active. */
export const isProved = ({ left }: Pick<Offboarding, 'left'>): boolean =>
  left !== null && left.workers > 0 && left.answered === left.workers && left.sessions === 0 && left.grants === 0;

export const isAllDone = (offboarding: Offboarding): boolean =>
  isProved(offboarding) && offboarding.items.every(({ tick }) => tick !== null);

export function ticked(
  offboarding: Offboarding,
  item: number,
  tick: NonNullable<ChecklistItem['tick']>,
): Result<Offboarding, OffboardRejection> {
  const before = offboarding.items[item];
  if (!before) return refuse({ code: 'unknown_offboarding' });
  if (before.tick) return refuse({ code: 'already_ticked', by: before.tick.by, at: before.tick.at });
  return ok({ ...offboarding, items: offboarding.items.with(item, { ...before, tick }) });
}

export const totalOf = (parts: readonly OffboardingPart[]): Omit<OffboardingPart, 'engagementId'> => ({
  grants: parts.reduce((sum, part) => sum + part.grants, 0),
  requests: parts.reduce((sum, part) => sum + part.requests, 0),
  sessions: parts.reduce((sum, part) => sum + part.sessions, 0),
});

/** What ended later in the same engagements is counted with what ended before. */
export const addedUp = (
  before: readonly OffboardingPart[],
  more: readonly OffboardingPart[],
): readonly OffboardingPart[] =>
  [...new Set([...before, ...more].map(({ engagementId }) => engagementId))].map((engagementId) => ({
    engagementId,
    ...totalOf([...before, ...more].filter((part) => part.engagementId === engagementId)),
  }));

/** All that is known of it, as JSON: its digest is over exactly this, and stands in the audit log. */
export const evidenceOf = ({ at, by, left, items, completed: _, ...rest }: Offboarding) => ({
  ...rest,
  by: { ...by },
  at: at.toISOString(),
  left: left && { ...left, at: left.at.toISOString() },
  items: items.map(({ text, tick }) => ({ text, tick: tick && { ...tick, at: tick.at.toISOString() } })),
});
