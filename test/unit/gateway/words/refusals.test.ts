import { describe, expect, it } from 'vitest';
import {
  gatewayAddress,
  kindNotTaken,
  missing,
  type TerminalRejection,
  unknownTarget,
  wordForTerminal,
} from '../../../../src/gateway/words/refusals.ts';
import {
  engagementId,
  fingerprint,
  grantId,
  login,
  NOON,
  requestId,
  targetId,
} from '../../../support/samples/samples.ts';

const AT = 'ssh.example.com -p 2222';
const LONG = 'x'.repeat(300);
const names = Array.from({ length: 40 }, (_, n) => targetId(`a-rather-long-target-name-${n}`));
const longName = targetId(`t${'x'.repeat(60)}t`);

/** Every refusal, each with facts as long as they can be. */
const ALL: { readonly [Code in TerminalRejection['code']]: Extract<TerminalRejection, { code: Code }> } = {
  person_inactive: { code: 'person_inactive' },
  person_unseen: { code: 'person_unseen', since: NOON },
  person_unconfirmed: { code: 'person_unconfirmed', since: NOON },
  channel_unread: { code: 'channel_unread', engagement: LONG, since: NOON },
  engagement_over: { code: 'engagement_over', endedAt: NOON, field: 'engagement' },
  engagement_not_begun: { code: 'engagement_not_begun', beginsAt: NOON, field: 'engagement' },
  outside_engagement_hours: { code: 'outside_engagement_hours', opensAt: NOON, field: 'engagement' },
  person_offboarded: { code: 'person_offboarded', since: NOON },
  engagement_closed: { code: 'engagement_closed', engagement: LONG, at: NOON },
  key_retired: { code: 'key_retired', fingerprint: fingerprint(1) },
  code_unknown: { code: 'code_unknown' },
  code_expired: { code: 'code_expired' },
  key_taken: { code: 'key_taken' },
  key_too_weak: { code: 'key_too_weak', why: LONG },
  proof_invalid: { code: 'proof_invalid', why: LONG },
  user_not_verified: { code: 'user_not_verified' },
  proof_replayed: { code: 'proof_replayed' },
  certificate_refused: { code: 'certificate_refused', why: LONG },
  certificate_expired: { code: 'certificate_expired', at: NOON },
  unknown_key: { code: 'unknown_key', fingerprint: fingerprint(1) },
  bad_login_name: { code: 'bad_login_name', given: LONG },
  unknown_target_name: { code: 'unknown_target_name', given: LONG, granted: names },
  no_live_grant: { code: 'no_live_grant' },
  request_waits: { code: 'request_waits', requestId: requestId(1) },
  grant_expired: { code: 'grant_expired', at: NOON },
  grant_revoked: { code: 'grant_revoked', at: NOON },
  target_not_granted: { code: 'target_not_granted', targetId: longName, granted: names },
  login_not_granted: {
    code: 'login_not_granted',
    login: login('l'.repeat(32)),
    granted: Array.from({ length: 8 }, (_, n) => login(`${'m'.repeat(31)}${n}`)),
  },
  key_not_in_grant: { code: 'key_not_in_grant', fingerprint: fingerprint(1), grantId: grantId(1) },
  target_changed: { code: 'target_changed', targetId: longName },
  too_many_logins: { code: 'too_many_logins', max: 1_000 },
  grants_suspended: { code: 'grants_suspended' },
  record_tampered: { code: 'record_tampered', what: 'engagement', id: engagementId(1) },
  grant_tampered: { code: 'grant_tampered', grantId: grantId(1) },
  too_many_sessions: { code: 'too_many_sessions', targetId: longName, max: 8 },
  no_pledge: { code: 'no_pledge' },
  pledge_over: { code: 'pledge_over', at: NOON },
  fido_key_wanted: { code: 'fido_key_wanted' },
  signing_key_new: {
    ...{ code: 'signing_key_new', fingerprint: fingerprint(1), registeredAt: NOON, countsFrom: NOON },
  },
  unknown_request: { code: 'unknown_request' },
  own_request: { code: 'own_request' },
  requester_gone: { code: 'requester_gone' },
  no_longer_allowed: { code: 'no_longer_allowed', why: { kind: 'rule', scope: LONG } },
  not_a_reviewer: { code: 'not_a_reviewer' },
  own_engagement: { code: 'own_engagement' },
  digest_mismatch: { code: 'digest_mismatch' },
  already_decided: { code: 'already_decided', requestId: requestId(1), outcome: 'withdrawn', by: null, at: NOON },
  already_reviewed: { code: 'already_reviewed', at: NOON },
  disk_full: { code: 'disk_full', freeMiB: 499 },
};

describe('a refusal in the terminal', () => {
  it.each(Object.values(ALL))(
    '$code is a whole sentence or more, on one printable line of at most 200 characters',
    (rejection) => {
      const sentence = wordForTerminal(rejection, AT);
      expect(sentence).toMatch(/^[A-Z"][\x20-\x7e]*\.$/);
      expect(sentence.length).toBeLessThanOrEqual(200);
    },
  );

  it('shows nothing of a name that a terminal would act on', () => {
    const given = '\u001b[31mred\r\nsecond‮line\u0007';
    for (const sentence of [
      wordForTerminal({ code: 'bad_login_name', given }, AT),
      unknownTarget(given, AT),
      kindNotTaken(given),
    ]) {
      expect(sentence).toMatch(/^[\x20-\x7e]+$/);
    }
  });

  it('names the gateway as ssh reaches it', () => {
    const given = 'somebody';
    expect(wordForTerminal({ code: 'bad_login_name', given }, AT)).toContain('<target>@ssh.example.com -p 2222,');
    expect(missing('register', AT)).toMatch(/register-<code>@ssh\.example\.com -p 2222$/);
    expect(gatewayAddress('ssh.example.com', 22)).toBe('ssh.example.com');
    for (const rejection of Object.values(ALL)) expect(wordForTerminal(rejection, AT)).not.toContain('@gateway');
    for (const purpose of ['direct', 'inner', 'jump', 'register'] as const)
      expect(missing(purpose, AT)).not.toContain('@gateway');
  });
});
