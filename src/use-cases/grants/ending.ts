import type { Actor } from '../../access/audit-event.ts';
import { begunNotices } from '../../access/ending-notice.ts';
import { type Grant, type GrantEnd, hasExpired, isActive } from '../../access/grant.ts';
import type { GrantId, PersonId } from '../../access/ids.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { directLane, threadLane } from '../notice.ts';
import type { Tx } from '../ports/store.ts';

/** What is touched where a grant ends. */
export type EndingParts = 'grants' | 'persons' | 'sessions' | 'audit' | 'outbox' | 'announce';

/** Ends a grant inside a transaction: state, audit event, notice, and the change that ends its live sessions. */
export async function endGrantIn(
  tx: Tx<EndingParts>,
  id: GrantId,
  end: Omit<GrantEnd, 'at'>,
  actor: Actor,
  now: Date,
): Promise<Result<Grant>> {
  const grant = await tx.grants.lock(id);
  if (!grant) return refuse({ code: 'unknown_grant' });
  if (grant.end) return refuse({ code: 'grant_already_ended', at: grant.end.at });
  // One that is still to begin, as after a clock was set back, is ended too.
  if (hasExpired(grant, now)) return refuse({ code: 'grant_already_ended', at: new Date(grant.terms.notAfter) });
  const ended: GrantEnd = { ...end, at: now };
  await tx.grants.end(id, ended);
  await tx.audit.append({
    type: end.how === 'returned' ? 'grant_returned' : 'grant_revoked',
    at: now,
    actor,
    facts: { grant: id, digest: grant.digest, person: grant.terms.personId },
  });
  const after: Grant = { ...grant, end: ended };
  await refreshMessages(tx, after, now);
  await refreshBeside(tx, after, now);
  await tellHolder(tx, after);
  await noteIfOver(tx, after);
  tx.announce({ kind: 'grant_ended', grantId: id });
  return ok(after);
}

/** The announcement in the thread offers to revoke only what can be revoked, and the holder's messages say what there is. */
export async function refreshMessages(tx: Tx<'persons' | 'outbox'>, grant: Grant, now: Date): Promise<void> {
  const { id, terms } = grant;
  const lane = threadLane(terms.engagementId);
  await tx.outbox.enqueue({ kind: 'grant_announced_changed', grantId: id }, lane);
  await tx.outbox.enqueue({ kind: 'engagement_updated', engagementId: terms.engagementId }, lane);
  await refreshNotices(tx, grant, now);
  if (!(await isReached(tx, terms.personId))) return;
  await tx.outbox.enqueue({ kind: 'grant_issued_changed', grantId: id }, directLane(terms.personId));
}

/** What was said of the end of a person's other grants is another thing once one of them is made or ended. */
export async function refreshBeside(tx: Tx<'grants' | 'persons' | 'outbox'>, grant: Grant, now: Date): Promise<void> {
  const all = await tx.grants.ofPerson(grant.terms.personId);
  for (const other of all) if (other.id !== grant.id && isActive(other, now)) await refreshNotices(tx, other, now);
}

async function refreshNotices(tx: Tx<'persons' | 'outbox'>, grant: Grant, now: Date): Promise<void> {
  const { id: grantId, terms } = grant;
  const begun = begunNotices(grant, now);
  if (begun.length === 0) return;
  await tx.outbox.enqueue({ kind: 'grant_ending_line', grantId }, threadLane(terms.engagementId));
  if (!(await isReached(tx, terms.personId))) return;
  for (const minutes of begun)
    await tx.outbox.enqueue({ kind: 'grant_ending_changed', grantId, minutes }, directLane(terms.personId));
}

/** A card that changes is not noticed: whose access somebody else ended reads about it in a message of its own. */
async function tellHolder(tx: Tx<'persons' | 'outbox'>, { id, terms, end }: Grant): Promise<void> {
  if (end?.by === terms.personId || !(await isReached(tx, terms.personId))) return;
  await tx.outbox.enqueue({ kind: 'grant_revoked', grantId: id }, directLane(terms.personId));
}

/** A deactivated account reads nothing, and Slack may refuse what goes to it. */
export const isReached = async (tx: Tx<'persons'>, id: PersonId): Promise<boolean> =>
  (await tx.persons.byId(id))?.active ?? false;

/** Who ended a grant before its time; null where it was nobody. The grant itself tells of people only. */
export async function enderOf(tx: Tx<'audit'>, { id, end }: Grant): Promise<Actor | null> {
  if (!end) return null;
  if (end.by) return { kind: 'person', id: end.by };
  return (await tx.audit.enderOf('grant', id)) ?? { kind: 'daypass' };
}

/** Tells the thread that a grant is over as soon as none of its sessions lives; called at its end and at each session's. */
export async function noteIfOver(tx: Tx<'sessions' | 'outbox'>, grant: Grant): Promise<void> {
  const live = await tx.sessions.liveOfGrant(grant.id);
  if (live.length > 0) return;
  await tx.outbox.enqueue({ kind: 'grant_ended', grantId: grant.id }, threadLane(grant.terms.engagementId));
}
