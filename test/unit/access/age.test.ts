import { describe, expect, it } from 'vitest';
import { isTooLongAgo } from '../../../src/access/age.ts';
import { whyItRests } from '../../../src/access/engagement.ts';
import { EngagementRules, mayReviewAtAll } from '../../../src/access/engagement-rules.ts';
import { isActive } from '../../../src/access/grant.ts';
import { isCodeOver, whyNotActive } from '../../../src/access/person.ts';
import { isExpired } from '../../../src/access/request.ts';
import { engagement, grant, later, NOON, pending, person } from '../../support/samples/samples.ts';

const DAY = 86_400;
const MONTH = 30 * DAY;

describe('how long ago something was', () => {
  it.each([
    [-1e9, true],
    [-61, true],
    [-60, false],
    [0, false],
    [90, false],
    [91, true],
    [1e9, true],
  ])('%i seconds are too long where 90 are allowed: %s', (ago, expected) => {
    expect(isTooLongAgo(later(-ago), NOON, 90_000)).toBe(expected);
  });
});

describe('a time that is still to come', () => {
  const rules = EngagementRules.parse({ reviewers: { groups: ['S1'] } });
  const since = (at: Date) => new Map([['S1', at]]);
  it.each([
    ['confirms nobody', (at: Date) => whyNotActive(person(1, { confirmedAt: at }), NOON, 5_400) === null],
    ['shows nobody again', (at: Date) => whyNotActive(person(1, { unseenSince: at }), NOON, 5_400) === null],
    ['reads no channel', (at: Date) => whyItRests(engagement({ channelReadAt: at }), NOON, 5_400) === null],
    ['makes nobody a reviewer', (at: Date) => mayReviewAtAll(rules, person(1), since(at), NOON)],
    ['keeps no registration code', (at: Date) => !isCodeOver({ expiresAt: new Date(at.getTime() + 900_000) }, NOON)],
    [
      'keeps no request',
      (at: Date) => !isExpired(pending({ requestedAt: at, expiresAt: new Date(at.getTime() + DAY * 1_000) }), NOON),
    ],
    [
      'begins no grant',
      (at: Date) => isActive(grant(1, { notBefore: at.toISOString(), notAfter: later(2 * MONTH).toISOString() }), NOON),
    ],
  ] as const)('%s', (_, isOpen) => {
    for (const seconds of [61, DAY, MONTH]) expect(isOpen(later(seconds))).toBe(false);
  });
});
