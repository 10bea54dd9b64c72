import type { OffboardingId, PersonId } from '../../access/ids.ts';
import { NOTE_MAX, type Offboarding, ticked } from '../../access/offboarding.ts';
import { mayAct } from '../../access/person.ts';
import { type Result, refuse } from '../../access/result.ts';
import { secretIn } from '../../access/secret.ts';
import type { CertificateAuthority } from '../ports/authority.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store, Tx } from '../ports/store.ts';
import { kept, tellIn } from './begin.ts';
import { completeIn } from './complete.ts';

type Deps = {
  readonly store: Store<'offboardings' | 'engagements' | 'persons' | 'audit' | 'outbox'>;
  readonly clock: Clock;
  readonly authority: Pick<CertificateAuthority, 'digest'>;
};

export type TickInput = {
  readonly by: PersonId;
  readonly offboardingId: OffboardingId;
  /** Its place in the checklist. */
  readonly item: number;
  readonly note: string | null;
  readonly isSecurity: boolean;
};

/** Somebody says that an item of the checklist is done: security, or the sponsor of an engagement that is concerned. */
export const tickItem =
  (deps: Deps) =>
  ({ by, offboardingId, item, note: given, isSecurity }: TickInput): Promise<Result<Offboarding>> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const offboarding = await tx.offboardings.lock(offboardingId);
      if (!offboarding) return refuse({ code: 'unknown_offboarding' });
      if (!(await mayTick(tx, offboarding, { by, isSecurity }))) return refuse({ code: 'may_not_tick' });
      const note = kept(given, NOTE_MAX);
      const secret = note && secretIn(note);
      if (secret) return refuse({ code: 'secret_found', what: secret, field: 'note' });
      const after = ticked(offboarding, item, { by, at: now, note });
      if (!after.ok) return after;
      await tx.offboardings.save(after.value);
      const facts = { offboarding: offboardingId, item: item + 1 };
      await tx.audit.append({ type: 'offboarding_item_ticked', at: now, actor: { kind: 'person', id: by }, facts });
      await tellIn(tx, after.value);
      await completeIn(deps, tx, after.value, now);
      return after;
    });

async function mayTick(
  tx: Tx<'persons' | 'engagements'>,
  { parts }: Offboarding,
  { by, isSecurity }: Pick<TickInput, 'by' | 'isSecurity'>,
): Promise<boolean> {
  if (!mayAct(await tx.persons.byId(by))) return false;
  if (isSecurity) return true;
  const engagements = await tx.engagements.byIds(parts.map(({ engagementId }) => engagementId));
  return engagements.some(({ sponsorId }) => sponsorId === by);
}
