import { expiresAt, type Grant, goesOnUnder, isActive } from '../../access/grant.ts';
import type { Session } from '../../access/session.ts';
import type { Tx } from '../ports/store.ts';

/**
 * Live sessions that a new grant allows just as they run go on under it, inside the transaction that creates it: nobody has to
 * connect again. Access only grows longer by it, and what revokes the new grant ends them.
 */
export async function extendSessionsIn(
  tx: Tx<'sessions' | 'grants' | 'audit' | 'announce'>,
  grant: Grant,
  now: Date,
): Promise<void> {
  const mine = (await tx.sessions.live()).filter(({ personId }) => personId === grant.terms.personId);
  // All of them before any grant: a session that ends at this moment is held while its grant is waited for.
  const held: Session[] = [];
  for (const { id } of mine) {
    const session = await tx.sessions.lock(id);
    if (session && !session.ended) held.push(session);
  }
  let extended = 0;
  for (const session of held) if (await extendIn(tx, session, grant, now)) extended += 1;
  if (extended > 0) tx.announce({ kind: 'sessions_extended', grantId: grant.id });
}

async function extendIn(
  tx: Tx<'sessions' | 'grants' | 'audit'>,
  session: Session,
  grant: Grant,
  now: Date,
): Promise<boolean> {
  const { id } = session;
  // A revocation that is being written at this moment goes first.
  const before = await tx.grants.lock(session.grantId);
  if (!before || !isActive(before, now) || expiresAt(grant) <= expiresAt(before)) return false;
  const target = before.terms.targets.find((each) => each.id === session.targetId);
  const { personId, engagementId, login, keyFingerprint: fingerprint } = session;
  const { scope } = before.terms;
  if (!target || !goesOnUnder(grant, { personId, engagementId, target, login, fingerprint, scope })) return false;
  await tx.sessions.extend(id, grant);
  await tx.audit.append({
    type: 'session_extended',
    at: now,
    actor: { kind: 'daypass' },
    facts: { session: id, before: before.id, grant: grant.id, digest: grant.digest, notAfter: grant.terms.notAfter },
  });
  return true;
}
