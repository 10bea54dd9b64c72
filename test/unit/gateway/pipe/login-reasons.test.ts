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

  it.each([
    ['disk_full', true],
    ['fault', true],
    ['bad_login_name', true],
    ['grant_expired', false],
    ['unknown_key', false],
    ['key_taken', false],
    ['record_tampered', false],
    ['channel_unread', false],
    ['person_inactive', true],
    ['person_unseen', true],
    ['person_unconfirmed', true],
    ['grants_suspended', true],
  ] as const)('%s is the end for all of them: %s', (code, expected) => {
    expect(isFinal(code)).toBe(expected);
  });

  it('each is nearer than a login that proved nothing', () => {
    expect(LOGIN_CODES.filter((code) => said('proof_invalid', code).best !== code)).toEqual([]);
  });
});
