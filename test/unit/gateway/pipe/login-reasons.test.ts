import { describe, expect, it } from 'vitest';
import { isFinal, LOGIN_CODES, type LoginCode, LoginReasons } from '../../../../src/gateway/pipe/login-reasons.ts';

/** What was said of the keys, in the order in which the client tried them. */
function said(...codes: readonly LoginCode[]) {
  const reasons = new LoginReasons();
  return { told: codes.filter((code) => reasons.add(code, code)), best: reasons.best };
}

describe('of several refused keys', () => {
  it.each([
    [['unknown_key'], 'unknown_key'],
    [['certificate_expired', 'unknown_key'], 'certificate_expired'],
    [['unknown_key', 'certificate_expired'], 'certificate_expired'],
    [['grant_expired', 'no_live_grant', 'proof_invalid'], 'grant_expired'],
    [['proof_invalid', 'no_live_grant', 'target_not_granted', 'unknown_key'], 'target_not_granted'],
    [['login_not_granted', 'too_many_sessions', 'login_not_granted'], 'too_many_sessions'],
    [['certificate_expired', 'record_tampered', 'grant_expired'], 'record_tampered'],
    [['channel_unread', 'certificate_expired', 'target_not_granted'], 'channel_unread'],
    [['certificate_expired', 'grant_tampered', 'key_not_in_grant'], 'grant_tampered'],
  ] as const)('%j are told of the nearest, %s', (codes, best) => {
    const { told, best: found } = said(...codes);
    expect(found).toBe(best);
    expect(told.at(-1)).toBe(best);
  });

  it('one that is no nearer than another is not said', () => {
    expect(said('grant_revoked', 'unknown_key', 'grant_revoked').told).toEqual(['grant_revoked']);
  });

  /** From the farthest to the nearest; of those in one row none is nearer than another. */
  const ORDER: readonly (readonly LoginCode[])[] = [
    ['proof_invalid'],
    ['unknown_key'],
    ['key_retired'],
    ['key_too_weak'],
    ['key_taken'],
    ['certificate_refused'],
    ['too_many_logins'],
    ['no_live_grant', 'request_waits'],
    ['certificate_expired'],
    ['grant_expired'],
    ['grant_revoked'],
    ['key_not_in_grant'],
    ['target_not_granted'],
    ['login_not_granted'],
    ['target_changed', 'user_not_verified'],
    ['grant_tampered'],
    ['record_tampered'],
    ['channel_unread'],
    ['engagement_closed', 'engagement_not_begun', 'engagement_over', 'outside_engagement_hours'],
    ['too_many_sessions'],
    ['no_pledge'],
    ['fido_key_wanted'],
    ['signing_key_new'],
    [
      ...([
        'bad_login_name',
        'unknown_target_name',
        'code_unknown',
        'code_expired',
        'person_inactive',
        'person_offboarded',
      ] as const),
      ...(['person_unseen', 'person_unconfirmed', 'grants_suspended', 'proof_replayed', 'no_lease'] as const),
      ...(['disk_full', 'timeout', 'busy', 'fault', 'ended', 'pledge_over', 'unknown_request'] as const),
      ...(['own_request', 'requester_gone', 'no_longer_allowed', 'not_a_reviewer', 'own_engagement'] as const),
      ...(['digest_mismatch', 'already_decided', 'already_reviewed'] as const),
    ],
  ];

  it('each has its place', () => {
    expect(ORDER.flat().sort()).toEqual([...LOGIN_CODES].sort());
    for (const [place, row] of ORDER.entries()) {
      for (const code of row) {
        const others = ORDER.flatMap((codes, at) => codes.map((other) => [other, at] as const));
        for (const [other, at] of others) {
          // The first of equals stands.
          expect([other, code, said(other, code).best]).toEqual([other, code, place > at ? code : other]);
        }
      }
    }
  });

  it('some are the end for all of them: no other key would help', () => {
    expect(LOGIN_CODES.filter(isFinal).sort()).toEqual([...(ORDER.at(-1) ?? [])].sort());
  });

  it('nothing is said before any was refused', () => {
    expect(new LoginReasons().best).toBeNull();
  });
});
