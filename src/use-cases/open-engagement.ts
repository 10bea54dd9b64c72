import { DateTime } from 'luxon';
import { type Engagement, isOver } from '../access/engagement.ts';
import { EngagementId, type PersonId } from '../access/ids.ts';
import type { Person } from '../access/person.ts';
import type { Rejection } from '../access/rejection.ts';
import { ok, type Result, refuse } from '../access/result.ts';
import { isEligibleReviewer } from '../access/review.ts';
import { findScope } from '../access/scope.ts';
import type { Target } from '../access/target.ts';
import { threadLane } from './grant-ending.ts';
import type { Clock, Inventory, RandomSource, Store, Tx } from './ports.ts';

type Deps = {
  readonly store: Store;
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
  /** ISO date. */
  readonly lastDay: string;
  /** IANA name. */
  readonly timeZone: string;
};

const NAME_MAX = 80;

/** Opens an engagement; its root message, with the Request button, follows through the outbox. */
export const openEngagement =
  (deps: Deps) =>
  (input: OpenEngagementInput): Promise<Result<Engagement>> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const sponsor = await tx.persons.byId(input.by);
      if (!sponsor?.active || sponsor.standing !== 'member') return refuse({ code: 'may_not_open_engagement' });
      const wrong = wrongWords(deps.inventory, input, now) ?? (await wrongPeople(tx, input));
      if (wrong) return refuse(wrong);
      const engagement: Engagement = {
        id: EngagementId.parse(deps.random.uuid()),
        name: input.name.trim(),
        vendor: input.vendor.trim() || input.name.trim(),
        channelId: input.channelId,
        sponsorId: input.by,
        memberIds: unique(input.memberIds),
        targetIds: unique(knownTargets(deps.inventory, input).map((target) => target.id)),
        scopes: unique(input.scopes.flatMap((name) => findScope(deps.inventory.scopes, name)?.name ?? [])),
        reviewerIds: unique(input.reviewerIds),
        lastDay: input.lastDay,
        timeZone: input.timeZone,
        createdAt: now,
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
        },
      });
      await tx.outbox.enqueue({ kind: 'engagement_opened', engagementId: engagement.id }, threadLane(engagement.id));
      return ok(engagement);
    });

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

const knownTargets = (inventory: Inventory, input: OpenEngagementInput): Target[] =>
  inventory.targets.filter((target) => input.targetIds.includes(target.id));

function wrongWords(inventory: Inventory, input: OpenEngagementInput, now: Date): Rejection | null {
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

async function wrongPeople(tx: Tx, input: OpenEngagementInput): Promise<Rejection | null> {
  const members = await tx.persons.byIds(input.memberIds);
  if (input.memberIds.length === 0 || members.length !== unique(input.memberIds).length) {
    return { code: 'unknown_person', field: 'members' };
  }
  const reviewers = await tx.persons.byIds(input.reviewerIds);
  if (input.reviewerIds.length === 0 || reviewers.length !== unique(input.reviewerIds).length) {
    return { code: 'unknown_person', field: 'reviewers' };
  }
  const vendor = input.vendor.trim() || input.name.trim();
  const ineligible: Person[] = [];
  for (const reviewer of reviewers) {
    const vendors = (await tx.engagements.ofMember(reviewer.id)).map((each) => each.vendor);
    const alsoMember = input.memberIds.includes(reviewer.id);
    if (alsoMember || !isEligibleReviewer(reviewer, vendors, vendor)) ineligible.push(reviewer);
  }
  if (ineligible.length === 0) return null;
  return { code: 'reviewer_not_eligible', personIds: ineligible.map((each) => each.id), field: 'reviewers' };
}
