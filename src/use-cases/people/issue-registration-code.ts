import type { PersonId } from '../../access/ids.ts';
import { REGISTRATION_CODE_MS, whyShutOut } from '../../access/person.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import type { CertificateAuthority } from '../ports/authority.ts';
import type { Clock } from '../ports/clock.ts';
import type { RandomSource } from '../ports/random.ts';
import type { Store } from '../ports/store.ts';

type Deps = {
  readonly store: Store<'persons' | 'keys' | 'audit'>;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly authority: Pick<CertificateAuthority, 'digest'>;
};

/** 31 characters without 0/o and 1/i/l, so that a code survives being read aloud; 16 of them carry 79 bits. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';
const CODE_LENGTH = 16;

/** A one-time code for the person who asked; the store keeps only its digest. */
export const issueRegistrationCode =
  (deps: Deps) =>
  ({ by }: { by: PersonId }): Promise<Result<{ code: string; expiresAt: Date }>> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const shutOut = whyShutOut(await tx.persons.byId(by));
      if (shutOut) return refuse(shutOut);
      const code = randomCode(deps.random);
      const expiresAt = new Date(now.getTime() + REGISTRATION_CODE_MS);
      await tx.keys.insertCode({ codeDigest: codeDigest(deps.authority, code), personId: by, expiresAt, usedAt: null });
      await tx.audit.append({ type: 'code_issued', at: now, actor: { kind: 'person', id: by }, facts: { person: by } });
      return ok({ code, expiresAt });
    });

export const codeDigest = (authority: Pick<CertificateAuthority, 'digest'>, code: string) =>
  authority.digest({ registrationCode: code });

function randomCode(random: RandomSource): string {
  let code = '';
  while (code.length < CODE_LENGTH) {
    for (const byte of random.bytes(CODE_LENGTH)) {
      // Rejection sampling: 248 is the largest multiple of 31 in a byte.
      if (byte < 248 && code.length < CODE_LENGTH) code += ALPHABET[byte % ALPHABET.length];
    }
  }
  return code;
}
