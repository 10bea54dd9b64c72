import { describe, expect, it } from 'vitest';
import type { Rejection } from '../../../src/access/rejection.ts';
import { wordForOperator } from '../../../src/cli/refusals.ts';
import { fingerprint, NOON, requestId } from '../../support/samples/samples.ts';

describe('a refusal on the command line', () => {
  it.each<readonly [Rejection, string]>([
    [
      { code: 'secret_found', what: 'a password', field: 'comment' },
      'Nothing was ended: the comment looks like it contains a password, and the person would read it. Run the command without it.',
    ],
    [{ code: 'unknown_grant' }, 'No grant has this id. To list them: daypass grants list'],
    [{ code: 'may_not_end_grant' }, 'You may not end this grant.'],
    [{ code: 'grant_already_ended', at: NOON }, 'That grant ended at 2030-05-02T12:00:00.000Z.'],
    [{ code: 'unknown_session' }, 'No live session has this id. To list them: daypass sessions list'],
    [{ code: 'may_not_end_session' }, 'You may not end this session.'],
    [{ code: 'session_already_ended', at: NOON }, 'That session ended at 2030-05-02T12:00:00.000Z.'],
    [
      { code: 'secret_found', what: 'a password', field: 'reason' },
      'The reason looks like it contains a password, so nothing was done or stored. Write it without the secret, and replace the secret: your shell may keep it in its history.',
    ],
    [{ code: 'may_not_offboard', field: 'person' }, 'You may not offboard this person.'],
    [
      { code: 'already_offboarded', at: NOON, field: 'person' },
      'That person was already offboarded at 2030-05-02T12:00:00.000Z.',
    ],
    [
      { code: 'not_in_engagement', field: 'person' },
      'That person is not a member of that engagement. To see who is: daypass engagements show <id>',
    ],
    [{ code: 'may_not_close', field: 'engagement' }, 'You may not close this engagement.'],
    [
      { code: 'already_closed', at: NOON, field: 'engagement' },
      'That engagement was already closed at 2030-05-02T12:00:00.000Z.',
    ],
    [{ code: 'not_offboarded' }, 'That person is not offboarded there, so there is nothing to undo.'],
    [
      { code: 'offboarding_unproved' },
      'Daypass has not proved yet that nothing of theirs is left. To see how far it is: daypass offboard list',
    ],
    [{ code: 'unknown_offboarding' }, 'No offboarding has this id. To list them: daypass offboard list'],
    [{ code: 'unknown_request' }, 'No request has this id. To list them: daypass requests list'],
    [
      { code: 'already_decided', requestId: requestId(1), outcome: 'denied', by: null, at: NOON },
      'That request is already denied, since 2030-05-02T12:00:00.000Z.',
    ],
    [{ code: 'may_not_retire_key' }, 'You may not retire this key.'],
    [{ code: 'key_retired', fingerprint: fingerprint(1) }, `The key ${fingerprint(1)} is already retired.`],
    // None that a command meets.
    [{ code: 'too_many_logins', max: 3 }, 'Refused: too many logins.'],
  ])('%o', (rejection, sentence) => {
    expect(wordForOperator(rejection)).toBe(sentence);
  });

  it.each(['not_known_yet', 'constructor'])('%s, from a control of another version, is shown', (code) => {
    expect(wordForOperator({ code } as unknown as Rejection)).toBe(`Refused: ${code.replaceAll('_', ' ')}.`);
  });
});
