import { type Engagement, engagementEnd } from '../access/engagement.ts';
import type { EngagementId, PersonId } from '../access/ids.ts';
import { changedOne, instant, instantOrNull } from './rows.ts';
import type { Sealing } from './sealing.ts';
import type { Trx } from './tables.ts';

/** That an engagement was closed, and who was offboarded from it: in its rows, and in the file of decisions. */

const closedKey = (id: string): string => `engagement:${id}`;
const memberKey = (id: string, person: string): string => `member:${id}:${person}`;
/** Nobody is readmitted by time. */
const FOR_GOOD = '9999-12-01T00:00:00.000Z';
const endedAt = (at: Date) => ({ how: 'revoked', at: at.toISOString(), by: null }) as const;

/** A whole row from before it was closed, or from before somebody was offboarded from it, has a seal that holds. */
export function isAsRemembered(sealing: Sealing, { id, memberIds, offboardedIds, closedAt }: Engagement): boolean {
  const isRemembered = (key: string): boolean => Boolean(sealing.over(key)?.end);
  const isReopened = closedAt === null && isRemembered(closedKey(id));
  const isBack = (person: PersonId): boolean => !offboardedIds.includes(person) && isRemembered(memberKey(id, person));
  if (!isReopened && !memberIds.some(isBack)) return true;
  sealing.breaks({ what: 'engagement', id });
  return false;
}

export async function writeClosed(
  trx: Trx,
  sealing: Sealing,
  engagement: Engagement,
  { by, at }: { readonly by: PersonId | null; readonly at: Date },
): Promise<void> {
  const result = await trx
    .updateTable('engagement')
    .set({ closed_at: instant(at), closed_by: by })
    .where('id', '=', engagement.id)
    .where('closed_at', 'is', null)
    .executeTakeFirstOrThrow();
  changedOne(result, 'engagement that is not closed');
  // After its last day nothing can be had in it, closed or not.
  sealing.end({ key: closedKey(engagement.id), until: instant(engagementEnd(engagement)), end: endedAt(at) });
}

export async function writeOffboarded(
  trx: Trx,
  sealing: Sealing,
  id: EngagementId,
  person: PersonId,
  at: Date,
): Promise<void> {
  await mark(trx, id, person, at);
  sealing.end({ key: memberKey(id, person), until: FOR_GOOD, end: endedAt(at) });
}

export async function writeReadmitted(
  trx: Trx,
  sealing: Sealing,
  id: EngagementId,
  person: PersonId,
  at: Date,
): Promise<void> {
  await mark(trx, id, person, null);
  sealing.end({ key: memberKey(id, person), until: instant(at), end: null });
}

async function mark(trx: Trx, id: EngagementId, person: PersonId, at: Date | null): Promise<void> {
  const result = await trx
    .updateTable('engagement_person')
    .set({ offboarded_at: instantOrNull(at) })
    .where('engagement_id', '=', id)
    .where('role', '=', 'member')
    .where('person_id', '=', person)
    .executeTakeFirstOrThrow();
  changedOne(result, 'member of an engagement');
}
