import type { Actor } from '../../access/audit-event.ts';
import { isOver } from '../../access/engagement.ts';
import { type EngagementId, OffboardingId, type PersonId } from '../../access/ids.ts';
import {
  addedUp,
  checklistOf,
  OFFBOARD_REASON_MAX,
  type Offboarding,
  type OffboardingPart,
  type OffboardingWhy,
  totalOf,
} from '../../access/offboarding.ts';
import { offboardingRules } from '../../access/policy.ts';
import type { RejectionOf } from '../../access/rejection.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { secretIn } from '../../access/secret.ts';
import type { Whose } from '../../access/whose.ts';
import { SECURITY_LANE, threadLane } from '../notice.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { RandomSource } from '../ports/random.ts';
import type { Tx } from '../ports/store.ts';

/** Why grants ended, as their holders read it. */
export const COMMENTS: Readonly<Record<OffboardingWhy, string>> = {
  asked: 'you were offboarded',
  closed: 'the engagement was closed',
  last_day: 'the engagement’s last day is over',
};

/** Half of a surrogate pair has no UTF-8, so no digest, and no database keeps a NUL. */
export const kept = (given: string | null, max: number): string | null =>
  given
    ?.trim()
    .slice(0, max)
    .replace(/[\p{Cs}\0]/gu, '\ufffd') || null;

/** What security reads, and nobody else; null where nothing was said. */
export function reasonOf(given: string | null): Result<string | null, RejectionOf<'secret_found'>> {
  const reason = kept(given, OFFBOARD_REASON_MAX);
  const what = reason && secretIn(reason);
  return what ? refuse({ code: 'secret_found', what, field: 'reason' }) : ok(reason);
}

export type BeginParts = 'offboardings' | 'sessions' | 'engagements' | 'outbox';
export type BeginDeps = { readonly random: RandomSource; readonly inventory: Pick<Inventory, 'policy'> };

export type Begun = {
  readonly whose: Whose;
  readonly why: OffboardingWhy;
  readonly actor: Actor;
  readonly reason: string | null;
  readonly parts: readonly OffboardingPart[];
  readonly keys: number;
  readonly now: Date;
};

/** Writes the task down, with its checklist, and tells threads and security of it. Whoever calls has ended what there was. */
export async function beginIn(
  { random, inventory }: BeginDeps,
  tx: Tx<BeginParts>,
  { whose, why, actor, reason, parts, keys, now }: Begun,
): Promise<Offboarding> {
  const { personId, engagementIds } = whose;
  const targets = await tx.sessions.targets({
    ...(personId && { personIds: [personId] }),
    ...(engagementIds && { engagementIds }),
  });
  const concerned = await concernedIn(tx, whose, now);
  const none = { grants: 0, requests: 0, sessions: 0 };
  const offboarding: Offboarding = {
    ...{ id: OffboardingId.parse(random.uuid()), personId, engagementIds, why, by: actor, at: now, reason, keys },
    parts: addedUp(
      concerned.map((engagementId) => ({ engagementId, ...none })),
      parts,
    ),
    ...{ left: null, items: checklistOf(offboardingRules(inventory.policy), targets), completed: null },
  };
  await tx.offboardings.insert(offboarding);
  await tellIn(tx, offboarding);
  return offboarding;
}

/** Engagements whose people are told although nothing of theirs ended in there. */
async function concernedIn(tx: Tx<'engagements'>, { personId, engagementIds }: Whose, now: Date) {
  if (engagementIds || !personId) return engagementIds ?? [];
  const open = (await tx.engagements.ofMember(personId)).filter((each) => !isOver(each, now));
  return open.map(({ id }) => id);
}

/** Brings its line in each thread, and its card in security's channel, up to date. */
export async function tellIn(tx: Tx<'outbox' | 'engagements'>, { id, parts }: Offboarding): Promise<void> {
  for (const engagementId of await withThread(tx, parts)) {
    await tx.outbox.enqueue({ kind: 'offboarding_line', offboardingId: id, engagementId }, threadLane(engagementId));
  }
  await tx.outbox.enqueue({ kind: 'offboarding_card', offboardingId: id }, SECURITY_LANE);
}

/** One that was never confirmed has no thread. */
export async function withThread(
  tx: Tx<'engagements'>,
  parts: readonly OffboardingPart[],
): Promise<readonly EngagementId[]> {
  const engagements = await tx.engagements.byIds(parts.map(({ engagementId }) => engagementId));
  return engagements.filter(({ confirmedAt }) => confirmedAt !== null).map(({ id }) => id);
}

/** For the audit log: ids and counts. */
export const factsOf = ({ id, personId, engagementIds, parts, keys }: Offboarding) => ({
  ...{ offboarding: id, person: personId satisfies PersonId | null, engagements: engagementIds },
  ...{ ...totalOf(parts), keys },
});
