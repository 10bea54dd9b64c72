import type { PersonId } from '../../access/ids.ts';
import { isCodeOver, type RegisteredKey, whyShutOut } from '../../access/person.ts';
import type { RegisterRejection, RejectionOf } from '../../access/rejection.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { tampered } from '../grants/believable.ts';
import { directLane, SECURITY_LANE } from '../notice.ts';
import type { CertificateAuthority, VerifiedProof } from '../ports/authority.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store, Tx } from '../ports/store.ts';
import { codeDigest } from './issue-registration-code.ts';

type Deps = {
  readonly store: Store<'keys' | 'persons' | 'engagements' | 'audit' | 'outbox' | 'broken'>;
  readonly clock: Clock;
  readonly authority: Pick<CertificateAuthority, 'digest'>;
};

/** Whether they review anywhere: then the key signs reviews a day from now. */
const isReviewer = async (tx: Tx<'engagements'>, id: PersonId): Promise<boolean> =>
  (await tx.engagements.all()).some(({ closedAt, reviewerIds }) => closedAt === null && reviewerIds.includes(id));

type RegisterRefusal = RegisterRejection | RejectionOf<'person_inactive' | 'person_offboarded' | 'record_tampered'>;

/**
 * Binds the key that a connection proved to the person whose one-time code its login name carried. A key belongs to one
 * person for good; registering it again by the same person changes nothing.
 */
export const registerKey =
  (deps: Deps) =>
  ({ proof, code }: { proof: VerifiedProof; code: string }): Promise<Result<RegisteredKey, RegisterRefusal>> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const digest = codeDigest(deps.authority, code);
      const issued = await tx.keys.lockCode(digest);
      if (!issued) return refuse(tampered(tx) ?? { code: 'code_unknown' });
      if (issued.usedAt || isCodeOver(issued, now)) return refuse({ code: 'code_expired' });
      // Locked: whoever offboards them at this moment goes first, or retires this key too.
      const owner = await tx.persons.lock(issued.personId);
      const shutOut = whyShutOut(owner);
      if (shutOut || !owner) return refuse(shutOut ?? { code: 'person_inactive' });
      const known = await tx.keys.byFingerprint(proof.fingerprint);
      const broken = known ? null : tampered(tx);
      if (broken) return refuse(broken);
      if (known && known.personId !== owner.id) return refuse({ code: 'key_taken' });
      if (known?.retiredAt) return refuse({ code: 'key_retired', fingerprint: known.fingerprint });
      await tx.keys.useCode(digest, now);
      if (known) return ok(known);
      const key: RegisteredKey = {
        fingerprint: proof.fingerprint,
        publicKey: proof.publicKey,
        personId: owner.id,
        registeredAt: now,
        retiredAt: null,
      };
      await tx.keys.insert(key);
      await tx.audit.append({
        type: 'key_registered',
        at: now,
        actor: { kind: 'person', id: owner.id },
        facts: { person: owner.id, fingerprint: key.fingerprint, publicKey: key.publicKey },
      });
      if (await isReviewer(tx, owner.id)) {
        await tx.outbox.enqueue({ kind: 'reviewer_key_registered', fingerprint: key.fingerprint }, SECURITY_LANE);
      }
      const sponsors = (await tx.engagements.ofMember(owner.id)).map((engagement) => engagement.sponsorId);
      for (const to of new Set([owner.id, ...sponsors])) {
        await tx.outbox.enqueue({ kind: 'key_registered', fingerprint: key.fingerprint, to }, directLane(to));
      }
      return ok(key);
    });
