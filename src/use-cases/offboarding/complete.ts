import { evidenceOf, isAllDone, type Offboarding } from '../../access/offboarding.ts';
import { SECURITY_LANE, threadLane } from '../notice.ts';
import type { CertificateAuthority } from '../ports/authority.ts';
import type { Tx } from '../ports/store.ts';
import { tellIn, withThread } from './begin.ts';

/** Once nothing is left and everything is ticked, the evidence is closed, and who waits for it is told. */
export async function completeIn(
  { authority }: { readonly authority: Pick<CertificateAuthority, 'digest'> },
  tx: Tx<'offboardings' | 'engagements' | 'audit' | 'outbox'>,
  offboarding: Offboarding,
  now: Date,
): Promise<void> {
  if (offboarding.completed || !isAllDone(offboarding)) return;
  const { id: offboardingId, parts, items } = offboarding;
  const digest = authority.digest(evidenceOf(offboarding));
  const completed: Offboarding = { ...offboarding, completed: { at: now, digest } };
  await tx.offboardings.save(completed);
  const facts = { offboarding: offboardingId, digest, items: items.length };
  await tx.audit.append({ type: 'offboarding_completed', at: now, actor: { kind: 'daypass' }, facts });
  for (const engagementId of await withThread(tx, parts)) {
    await tx.outbox.enqueue({ kind: 'offboarding_done', offboardingId, engagementId }, threadLane(engagementId));
  }
  await tellIn(tx, completed);
  await tx.outbox.enqueue({ kind: 'offboarding_result', offboardingId }, SECURITY_LANE);
}
