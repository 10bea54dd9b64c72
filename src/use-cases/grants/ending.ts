import type { Actor } from '../../access/audit-event.ts';
import { type Grant, type GrantEnd, hasExpired } from '../../access/grant.ts';
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
  await refreshMessages(tx, after);
  await tellHolder(tx, after);
  await noteIfOver(tx, after);
  tx.announce({ kind: 'grant_ended', grantId: id });
  return ok(after);
}

/** The announcement in the thread offers to revoke only what can be revoked, and the holder's card says what there is. */
export async function refreshMessages(tx: Tx<'persons' | 'outbox'>, { id, terms }: Grant): Promise<void> {
  const lane = threadLane(terms.engagementId);
  await tx.outbox.enqueue({ kind: 'grant_announced_changed', grantId: id }, lane);
  await tx.outbox.enqueue({ kind: 'engagement_updated', engagementId: terms.engagementId }, lane);
  if (!(await isReached(tx, terms.personId))) return;
  await tx.outbox.enqueue({ kind: 'grant_issued_changed', grantId: id }, directLane(terms.personId));
}

/** A card that changes is not noticed: whose access somebody else ended reads about it in a message of its own. */
async function tellHolder(tx: Tx<'persons' | 'outbox'>, { id, terms, end }: Grant): Promise<void> {
  if (end?.by === terms.personId || !(await isReached(tx, terms.personId))) return;
  await tx.outbox.enqueue({ kind: 'grant_revoked', grantId: id }, directLane(terms.personId));
}

/** A deactivated account reads nothing, and Slack may refuse what goes to it. */
const isReached = async (tx: Tx<'persons'>, id: PersonId): Promise<boolean> =>
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
