import type { ConnectionRejection } from '../../use-cases/sessions/gateway-control.ts';

/**
 * Why the keys of one connection were refused, one after the other. A client tries them all, and the person is to read about the one
 * that came nearest to getting in, not about the one that came last.
 */

/** What the gateway refuses a login with beside control. */
type GatewayCode = 'no_lease' | 'disk_full' | 'timeout' | 'busy' | 'fault' | 'ended';
export type LoginCode = ConnectionRejection['code'] | GatewayCode;

/** How near each came; a code without a place does not compile. `final`: no other key of the same client would help. */
const PLACES: Readonly<Record<LoginCode, number | 'final'>> = {
  proof_invalid: 0,
  unknown_key: 1,
  key_retired: 2,
  key_too_weak: 3,
  key_taken: 4,
  certificate_refused: 5,
  too_many_logins: 6,
  no_live_grant: 7,
  request_waits: 7,
  certificate_expired: 8,
  grant_expired: 9,
  grant_revoked: 10,
  key_not_in_grant: 11,
  target_not_granted: 12,
  login_not_granted: 13,
  user_not_verified: 14,
  target_changed: 14,
  // Somebody has to be told of these: they come before what may be an old key's.
  grant_tampered: 15,
  record_tampered: 16,
  channel_unread: 17,
  engagement_not_begun: 18,
  engagement_over: 18,
  outside_engagement_hours: 18,
  engagement_closed: 18,
  too_many_sessions: 19,
  // Another of the reviewer's keys may sign.
  no_pledge: 20,
  fido_key_wanted: 21,
  signing_key_new: 22,
  pledge_over: 'final',
  unknown_request: 'final',
  own_request: 'final',
  requester_gone: 'final',
  no_longer_allowed: 'final',
  not_a_reviewer: 'final',
  own_engagement: 'final',
  digest_mismatch: 'final',
  already_decided: 'final',
  already_reviewed: 'final',
  bad_login_name: 'final',
  unknown_target_name: 'final',
  code_unknown: 'final',
  code_expired: 'final',
  person_inactive: 'final',
  person_offboarded: 'final',
  person_unseen: 'final',
  person_unconfirmed: 'final',
  grants_suspended: 'final',
  proof_replayed: 'final',
  no_lease: 'final',
  disk_full: 'final',
  timeout: 'final',
  busy: 'final',
  fault: 'final',
  ended: 'final',
};

export const LOGIN_CODES = Object.keys(PLACES) as LoginCode[];

/** No other key of the same client would help: it is told so at once, and leaves. */
export const isFinal = (code: LoginCode): boolean => PLACES[code] === 'final';

export class LoginReasons {
  #best: { readonly place: number; readonly sentence: string } | null = null;

  /** Whether this one is nearer than all before, so that it is worth saying. */
  add(code: LoginCode, sentence: string): boolean {
    const place = PLACES[code] === 'final' ? Number.POSITIVE_INFINITY : PLACES[code];
    if (this.#best && this.#best.place >= place) return false;
    this.#best = { place, sentence };
    return true;
  }

  get best(): string | null {
    return this.#best?.sentence ?? null;
  }
}
