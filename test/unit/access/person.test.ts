import { describe, expect, it } from 'vitest';
import { isCodeOver, isInDoubt, mayAct, whyNotActive } from '../../../src/access/person.ts';
import { later, NOON, person } from '../../support/samples/samples.ts';

const DOUBT = 5_400;

describe('somebody', () => {
  it.each([
    ['who is confirmed', person(1), null],
    ['whom nobody knows', null, { code: 'person_inactive' }],
    ['who is deactivated', person(1, { active: false, unseenSince: NOON }), { code: 'person_inactive' }],
    ['who is offboarded', person(1, { offboardedAt: later(-9) }), { code: 'person_offboarded', since: later(-9) }],
    [
      'who is offboarded and deactivated',
      person(1, { offboardedAt: NOON, active: false }),
      { code: 'person_offboarded', since: NOON },
    ],
    ['whom Slack does not show', person(1, { unseenSince: later(-1) }), { code: 'person_unseen', since: later(-1) }],
    ['who was confirmed as long ago as is allowed', person(1, { confirmedAt: later(-DOUBT) }), null],
    [
      'who was confirmed before that',
      person(1, { confirmedAt: later(-DOUBT - 1) }),
      { code: 'person_unconfirmed', since: later(-DOUBT - 1) },
    ],
  ])('%s may act, or is told why not', (_, who, why) => {
    expect(whyNotActive(who, NOON, DOUBT)).toEqual(why);
  });

  it.each([
    [null, false],
    [person(1), true],
    [person(1, { active: false }), false],
    [person(1, { offboardedAt: NOON }), false],
    // Of whom Slack has not spoken for long may still end what is harmful.
    [person(1, { confirmedAt: new Date(0) }), true],
  ])('may do what needs no fresh word of Slack, unless shut out', (who, may) => {
    expect(mayAct(who)).toBe(may);
  });

  it('is in doubt once the time is over', () => {
    expect(isInDoubt({ confirmedAt: later(-DOUBT) }, NOON, DOUBT)).toBe(false);
    expect(isInDoubt({ confirmedAt: later(-DOUBT - 1) }, NOON, DOUBT)).toBe(true);
  });
});

describe('a registration code', () => {
  // It was issued a quarter of an hour before it ends.
  it.each([
    [-961, true],
    [-960, false],
    [-900, false],
    [-1, false],
    [0, true],
    [1, true],
  ])('%i seconds from its end is over: %s', (seconds, expected) => {
    expect(isCodeOver({ expiresAt: NOON }, later(seconds))).toBe(expected);
  });

  it('is good to its last millisecond', () => {
    expect(isCodeOver({ expiresAt: NOON }, new Date(NOON.getTime() - 1))).toBe(false);
  });
});
