import type { Actor } from '../access/audit-event.ts';
import { type Grant, type GrantEnd, hasExpired } from '../access/grant.ts';
import type { GrantId } from '../access/ids.ts';
import { ok, type Result, refuse } from '../access/result.ts';
import type { Tx } from './ports.ts';

/** Ends a grant inside a transaction: state, audit event, notice, and the change that ends its live sessions. */
export async function endGrantIn(
  tx: Tx,
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
  await takeButtonAway(tx, after);
  await noteIfOver(tx, after);
  tx.announce({ kind: 'grant_ended', grantId: id });
  return ok(after);
}

/** The announcement in the thread offers to revoke only what can be revoked. */
export async function takeButtonAway(tx: Tx, { id, terms }: Grant): Promise<void> {
  await tx.outbox.enqueue({ kind: 'grant_announced_changed', grantId: id }, threadLane(terms.engagementId));
}

/** Tells the thread that a grant is over as soon as none of its sessions lives; called at its end and at each session's. */
export async function noteIfOver(tx: Tx, grant: Grant): Promise<void> {
  const live = await tx.sessions.liveOfGrant(grant.id);
  if (live.length > 0) return;
  await tx.outbox.enqueue({ kind: 'grant_ended', grantId: grant.id }, threadLane(grant.terms.engagementId));
}

/** Messages of one thread, one direct conversation, or security's channel arrive in the order in which things happened. */
export const threadLane = (engagement: string): string => `thread:${engagement}`;
export const directLane = (person: string): string => `dm:${person}`;
export const SECURITY_LANE = 'security';
