import { isOver } from '../../access/engagement.ts';
import type { EngagementId, PersonId } from '../../access/ids.ts';
import { type EndingParts, endGrantIn } from '../grants/ending.ts';
import type { GoneWhy } from '../notice.ts';
import { SECURITY_LANE } from '../notice.ts';
import type { Tx } from '../ports/store.ts';

export type Gone = {
  readonly personId: PersonId;
  readonly why: GoneWhy;
  /** The one engagement that it is about; null for all of them. */
  readonly engagementId: EngagementId | null;
};

/** What is touched where their access ends. */
export type GoneParts = EndingParts | 'engagements';

const COMMENTS: Readonly<Record<GoneWhy, string>> = {
  deactivated: 'the Slack account was deactivated',
  unseen: 'Slack no longer shows the account',
  left_channel: 'no longer in the channel of the engagement',
};

/** Ends what somebody has who is gone, inside a transaction, and tells security what ended. */
export async function endAccessIn(tx: Tx<GoneParts>, { personId, why, engagementId }: Gone, now: Date): Promise<void> {
  const all = await tx.grants.ofPerson(personId);
  const concerned = all.filter((grant) => engagementId === null || grant.terms.engagementId === engagementId);
  let grants = 0;
  let sessions = 0;
  for (const { id } of concerned) {
    const live = await tx.sessions.liveOfGrant(id);
    const end = { how: 'revoked', by: null, comment: COMMENTS[why] } as const;
    const ended = await endGrantIn(tx, id, end, { kind: 'daypass' }, now);
    if (!ended.ok) continue;
    grants += 1;
    sessions += live.length;
  }
  tx.announce({ kind: 'rights_changed' });
  const working = (await tx.engagements.ofMember(personId)).some((engagement) => !isOver(engagement, now));
  if (grants === 0 && !working) return;
  const at = now.toISOString();
  await tx.outbox.enqueue({ kind: 'person_gone', personId, why, engagementId, at, grants, sessions }, SECURITY_LANE);
}
