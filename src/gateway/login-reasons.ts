/**
 * Why the keys of one connection were refused, one after the other. A client tries them all, and the person is to read about the one
 * that came nearest to getting in, not about the one that came last.
 */

/** The nearest last. What is not among them is as far away as can be. */
const NEARNESS: readonly string[] = [
  'proof_invalid',
  'unknown_key',
  'key_retired',
  'key_too_weak',
  'key_taken',
  'certificate_refused',
  'too_many_logins',
  'no_live_grant',
  'certificate_expired',
  'grant_tampered',
  'grant_expired',
  'grant_revoked',
  'key_not_in_grant',
  'target_not_granted',
  'login_not_granted',
  'target_changed',
  'too_many_sessions',
];

/** No other key of the same client would help: it is told so at once, and leaves. */
const FINAL: ReadonlySet<string> = new Set([
  ...['bad_login_name', 'unknown_target_name', 'code_unknown', 'code_expired', 'person_inactive', 'proof_replayed'],
  ...['no_lease', 'disk_full', 'timeout', 'busy', 'fault', 'ended'],
]);

export const isFinal = (code: string): boolean => FINAL.has(code);

export class LoginReasons {
  #best: { readonly nearness: number; readonly sentence: string } | null = null;

  /** Whether this one is nearer than all before, so that it is worth saying. */
  add(code: string, sentence: string): boolean {
    const nearness = NEARNESS.indexOf(code);
    if (this.#best && this.#best.nearness >= nearness) return false;
    this.#best = { nearness, sentence };
    return true;
  }

  get best(): string | null {
    return this.#best?.sentence ?? null;
  }
}
