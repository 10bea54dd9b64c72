import { describe, expect, it } from 'vitest';
import type { Rejection, RejectionCode } from '../../../../src/access/rejection.ts';
import { toElements, toPlain } from '../../../../src/slack/words/line.ts';
import { peopleIn, refusalLine, unmarked, word } from '../../../../src/slack/words/refusals.ts';
import {
  engagementId,
  fingerprint,
  grantId,
  login,
  NOON,
  personId,
  requestId,
  targetId,
} from '../../../support/samples/samples.ts';

const NASTY = '<!channel> & `x`';

/** One of each; the type makes a new code a compile error here, as in the record itself. */
const EVERY: { readonly [Code in RejectionCode]: Extract<Rejection, { code: Code }> } = {
  person_inactive: { code: 'person_inactive' },
  person_unseen: { code: 'person_unseen', since: NOON },
  person_unconfirmed: { code: 'person_unconfirmed', since: NOON },
  channel_unread: { code: 'channel_unread', engagement: NASTY, since: NOON },
  person_offboarded: { code: 'person_offboarded', since: NOON },
  engagement_closed: { code: 'engagement_closed', engagement: NASTY, at: NOON },
  may_not_offboard: { code: 'may_not_offboard', field: 'person' },
  already_offboarded: { code: 'already_offboarded', at: NOON, field: 'person' },
  not_in_engagement: { code: 'not_in_engagement', field: 'person' },
  may_not_close: { code: 'may_not_close', field: 'engagement' },
  already_closed: { code: 'already_closed', at: NOON, field: 'engagement' },
  not_offboarded: { code: 'not_offboarded' },
  offboarding_unproved: { code: 'offboarding_unproved' },
  unknown_offboarding: { code: 'unknown_offboarding' },
  may_not_tick: { code: 'may_not_tick' },
  already_ticked: { code: 'already_ticked', by: personId(2), at: NOON },
  no_registered_key: { code: 'no_registered_key' },
  unknown_engagement: { code: 'unknown_engagement', field: 'engagement' },
  not_a_member: { code: 'not_a_member', engagementId: engagementId(1), field: 'engagement' },
  engagement_over: { code: 'engagement_over', endedAt: NOON, field: 'engagement' },
  engagement_not_begun: { code: 'engagement_not_begun', beginsAt: NOON, field: 'engagement' },
  outside_engagement_hours: { code: 'outside_engagement_hours', opensAt: NOON, field: 'engagement' },
  login_not_in_engagement: { code: 'login_not_in_engagement', login: NASTY, field: 'login' },
  unknown_login: { code: 'unknown_login', login: NASTY, field: 'logins' },
  first_day_late: { code: 'first_day_late', field: 'first_day' },
  hours_unclear: { code: 'hours_unclear', field: 'hours' },
  unknown_change: { code: 'unknown_change' },
  may_not_change_engagement: { code: 'may_not_change_engagement' },
  nothing_changed: { code: 'nothing_changed', field: 'name' },
  engagement_changed: { code: 'engagement_changed' },
  own_change: { code: 'own_change' },
  change_decided: { code: 'change_decided', outcome: 'denied', by: personId(2), at: NOON },
  no_targets: { code: 'no_targets', field: 'targets' },
  target_not_in_engagement: { code: 'target_not_in_engagement', targetId: NASTY, field: 'targets' },
  login_not_on_target: { code: 'login_not_on_target', login: NASTY, targetIds: [targetId('web-01')], field: 'login' },
  scope_not_in_engagement: { code: 'scope_not_in_engagement', scope: NASTY, field: 'scope' },
  no_policy_rule: { code: 'no_policy_rule', field: 'scope' },
  duration_too_long: { code: 'duration_too_long', maxSeconds: 3_600, rule: NASTY, field: 'duration' },
  outside_hours: { code: 'outside_hours', rule: NASTY, opens: NOON, zone: 'Europe/Berlin', field: 'duration' },
  reason_missing: { code: 'reason_missing', field: 'reason' },
  secret_found: { code: 'secret_found', what: 'a password in a URL', field: 'reason' },
  comment_missing: { code: 'comment_missing', field: 'comment' },
  too_many_comments: { code: 'too_many_comments', max: 20 },
  reason_empty: { code: 'reason_empty', field: 'reason' },
  too_many_pending: { code: 'too_many_pending', max: 5 },
  same_request_waits: { code: 'same_request_waits', requestId: requestId(1), at: NOON },
  ticket_wanted: { code: 'ticket_wanted', rule: NASTY, example: NASTY, field: 'ticket' },
  no_reviewer: { code: 'no_reviewer', needed: 2, found: 1, field: 'engagement' },
  may_not_open_engagement: { code: 'may_not_open_engagement' },
  last_day_past: { code: 'last_day_past', field: 'last_day' },
  unknown_target: { code: 'unknown_target', targetId: NASTY, field: 'targets' },
  unknown_scope: { code: 'unknown_scope', scope: NASTY, field: 'scopes' },
  unknown_person: { code: 'unknown_person', field: 'members' },
  reviewer_not_eligible: {
    ...{ code: 'reviewer_not_eligible', people: [{ personId: personId(2), why: 'opener' }] },
    field: 'reviewers',
  },
  too_few_reviewers: {
    ...{ code: 'too_few_reviewers', targetId: targetId('web-01'), scope: 'shell', rule: NASTY, needed: 2 },
    field: 'reviewers',
  },
  nothing_allowed: { code: 'nothing_allowed', field: 'scopes' },
  name_missing: { code: 'name_missing', field: 'name' },
  unknown_request: { code: 'unknown_request' },
  own_request: { code: 'own_request' },
  requester_gone: { code: 'requester_gone' },
  no_longer_allowed: { code: 'no_longer_allowed', why: { kind: 'duration', maxSeconds: 900, rule: NASTY } },
  own_engagement: { code: 'own_engagement' },
  nobody_may_open: { code: 'nobody_may_open' },
  may_not_open_for: { code: 'may_not_open_for', targetId: targetId('db-01'), field: 'targets' },
  nobody_to_confirm: { code: 'nobody_to_confirm', field: 'targets' },
  engagement_unconfirmed: { code: 'engagement_unconfirmed', field: 'engagement' },
  may_not_confirm: { code: 'may_not_confirm' },
  opener_may_not: { code: 'opener_may_not', targetId: targetId('db-01') },
  already_confirmed: { code: 'already_confirmed', at: NOON },
  key_retired: { code: 'key_retired', fingerprint: fingerprint(1) },
  unknown_own_key: { code: 'unknown_own_key', field: 'key' },
  may_not_retire_key: { code: 'may_not_retire_key' },
  not_a_reviewer: { code: 'not_a_reviewer' },
  digest_mismatch: { code: 'digest_mismatch' },
  unknown_card: { code: 'unknown_card' },
  already_decided: { code: 'already_decided', requestId: requestId(1), outcome: 'approved', by: personId(2), at: NOON },
  already_reviewed: { code: 'already_reviewed', at: NOON },
  unknown_grant: { code: 'unknown_grant' },
  may_not_end_grant: { code: 'may_not_end_grant' },
  grant_already_ended: { code: 'grant_already_ended', at: NOON },
  unknown_session: { code: 'unknown_session' },
  session_already_ended: { code: 'session_already_ended', at: NOON },
  may_not_end_session: { code: 'may_not_end_session' },
  code_unknown: { code: 'code_unknown' },
  code_expired: { code: 'code_expired' },
  key_taken: { code: 'key_taken' },
  key_too_weak: { code: 'key_too_weak', why: NASTY },
  proof_invalid: { code: 'proof_invalid', why: NASTY },
  user_not_verified: { code: 'user_not_verified' },
  fido_key_needed: { code: 'fido_key_needed', rule: NASTY, verified: true, field: 'key' },
  proof_replayed: { code: 'proof_replayed' },
  certificate_refused: { code: 'certificate_refused', why: NASTY },
  certificate_expired: { code: 'certificate_expired', at: NOON },
  unknown_key: { code: 'unknown_key', fingerprint: fingerprint(1) },
  bad_login_name: { code: 'bad_login_name', given: NASTY },
  unknown_target_name: { code: 'unknown_target_name', given: NASTY, granted: [] },
  no_live_grant: { code: 'no_live_grant' },
  request_waits: { code: 'request_waits', requestId: requestId(1) },
  grant_expired: { code: 'grant_expired', at: NOON },
  grant_revoked: { code: 'grant_revoked', at: NOON },
  target_not_granted: { code: 'target_not_granted', targetId: targetId('db-01'), granted: [targetId('web-01')] },
  login_not_granted: { code: 'login_not_granted', login: login('root'), granted: [login('deploy')] },
  key_not_in_grant: { code: 'key_not_in_grant', fingerprint: fingerprint(1), grantId: grantId(1) },
  target_changed: { code: 'target_changed', targetId: targetId('web-01') },
  too_many_logins: { code: 'too_many_logins', max: 1_000 },
  grants_suspended: { code: 'grants_suspended' },
  record_tampered: { code: 'record_tampered', what: 'engagement', id: engagementId(1) },
  grant_tampered: { code: 'grant_tampered', grantId: grantId(1) },
  too_many_sessions: { code: 'too_many_sessions', targetId: targetId('web-01'), max: 8 },
  no_pledge: { code: 'no_pledge' },
  pledge_over: { code: 'pledge_over', at: NOON },
  fido_key_wanted: { code: 'fido_key_wanted' },
  signing_key_new: {
    ...{ code: 'signing_key_new', fingerprint: fingerprint(1), registeredAt: NOON, countsFrom: NOON },
  },
  no_signing_key: { code: 'no_signing_key' },
  disk_full: { code: 'disk_full', freeMiB: 3 },
};

const names = new Map([[personId(2), 'Grace <Hopper>']]);

describe('every refusal', () => {
  it.each(Object.values(EVERY))('$code says what happened and what to do next, in sentences', (rejection) => {
    const plain = word(rejection, unmarked(names));
    expect(plain.length).toBeGreaterThan(40);
    expect(plain.length).toBeLessThan(2_000);
    expect(plain).toMatch(/[.:]$|[.”]$|\w$/);
    expect(plain).not.toMatch(/undefined|null|\[object|<!date/);
    const line = refusalLine(rejection, names);
    expect(toPlain(line)).toBe(plain);
    expect(line.some((piece) => piece.kind === 'text' && piece.own && /<!channel|Hopper/.test(piece.text))).toBe(false);
  });

  it.each([
    ['opener', /^Grace <Hopper> is opening this engagement and cannot review its requests\. Choose somebody else\.$/],
    ['opener_account', /another account of the person opening/],
    ['member', /is a member of this engagement/],
    ['member_account', /another account of one of its members/],
    ['inactive', /no active Slack account/],
    ['offboarded', /^Grace <Hopper> was offboarded\./],
    ['not_full_member', /a guest or from another workspace/],
    ['not_named', /policy\.yml does not name Grace <Hopper> as a reviewer/],
    ['vendor', /works for the same vendor/],
  ] as const)('says of a chosen reviewer only what is so: %s', (why, said) => {
    const people = [{ personId: personId(2), why }];
    const sentence = word({ code: 'reviewer_not_eligible', people, field: 'reviewers' }, unmarked(names));
    expect(sentence).toMatch(said);
    expect(sentence.match(/Grace/g)).toHaveLength(1);
  });

  it('says how many reviewers a target needs, and by which rule', () => {
    const rejection = { ...EVERY.too_few_reviewers, rule: 'two for production' };
    expect(word(rejection, unmarked(names))).toBe(
      'web-01 needs 2 approvals for the scope shell (rule “two for production”). Choose at least 2 reviewers.',
    );
    expect(word(EVERY.no_reviewer, unmarked(names))).toMatch(/^This needs 2 approvals, but only 1 of/);
  });

  it('says when access is allowed again, by the clock of the rule', () => {
    const closed = { rule: 'by day', opens: NOON, zone: 'Europe/Berlin' };
    const [asked, reviewed] = [
      word({ code: 'outside_hours', ...closed, field: 'duration' }, unmarked(names)),
      word({ code: 'no_longer_allowed', why: { kind: 'hours', ...closed } }, unmarked(names)),
    ];
    const again =
      'It is now outside the hours of the rule “by day”. Access is allowed again Thu 2 May 14:00 Europe/Berlin.';
    expect(asked).toBe(`${again} Request it then.`);
    expect(reviewed).toBe(`Nothing was decided. ${again} If the request still waits by then, approve it then.`);
    const never = { ...closed, opens: null };
    expect(word({ code: 'outside_hours', ...never, field: 'duration' }, unmarked(names))).toMatch(
      /have no hours in common\. Request them separately\.$/,
    );
    expect(word({ code: 'no_longer_allowed', why: { kind: 'hours', ...never } }, unmarked(names))).toMatch(
      /no longer allowed\. .* have no hours in common\. The requester needs/,
    );
  });

  it('names who decided, and when, instead of an error', () => {
    expect(word(EVERY.already_decided, unmarked(names))).toContain(
      'already approved by Grace <Hopper>, 2030-05-02 12:00 UTC',
    );
    expect(toElements(refusalLine(EVERY.already_decided, names))).toContainEqual({
      type: 'text',
      text: 'Grace <Hopper>',
      style: { bold: true },
    });
  });

  it('says whose names it needs', () => {
    expect(peopleIn(EVERY.already_decided)).toEqual([personId(2)]);
    expect(peopleIn(EVERY.reviewer_not_eligible)).toEqual([personId(2)]);
    expect(peopleIn(EVERY.already_ticked)).toEqual([personId(2)]);
    expect(peopleIn(EVERY.own_request)).toEqual([]);
  });
});
