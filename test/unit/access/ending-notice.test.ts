import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { begunNotices, dueNotice, whatEnds } from '../../../src/access/ending-notice.ts';
import { expiresAt, type Grant } from '../../../src/access/grant.ts';
import {
  engagementId,
  fingerprint,
  grant,
  later,
  login,
  NOON,
  personId,
  scope,
  targetPin,
} from '../../support/samples/samples.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A grant that lasts so many seconds from noon on. */
const lasting = (seconds: number, n = 1, terms: Parameters<typeof grant>[1] = {}): Grant =>
  grant(n, { notAfter: later(seconds).toISOString(), ...terms });
const withLeft = (given: Grant, seconds: number): Date => later(-seconds, expiresAt(given));

describe('the notices of a grant', () => {
  it.each<[string, number, readonly number[]]>([
    ['15 minutes', 15 * MINUTE, []],
    ['more than 15 minutes', 15 * MINUTE + 1, [5]],
    ['30 minutes', 30 * MINUTE, [5]],
    ['more than 30 minutes', 30 * MINUTE + 1, [15, 5]],
    ['2 hours', 2 * HOUR, [15, 5]],
    ['more than 2 hours', 2 * HOUR + 1, [60, 15, 5]],
    ['2 days', 2 * DAY, [60, 15, 5]],
    ['more than 2 days', 2 * DAY + 1, [1_440, 60, 15, 5]],
  ])('of %s', (_, seconds, all) => {
    expect(begunNotices(lasting(seconds), later(seconds))).toEqual(all);
  });

  const long = lasting(3 * DAY);
  it.each<[string, number, number | null]>([
    ['more than a day', DAY + 1, null],
    ['a day', DAY, 1_440],
    ['more than an hour', HOUR + 1, 1_440],
    ['an hour', HOUR, 60],
    ['more than 15 minutes', 15 * MINUTE + 1, 60],
    ['15 minutes', 15 * MINUTE, 15],
    ['5 minutes', 5 * MINUTE, 5],
    ['an instant', 0.001, 5],
    ['nothing', 0, null],
  ])('are due where %s is left', (_, seconds, due) => {
    expect(dueNotice(long, withLeft(long, seconds), [])).toBe(due);
  });

  it.each<[string, Grant]>([
    ['was ended', grant(1, {}, { how: 'revoked', at: later(60), by: personId(2), comment: null })],
    ['is suspended', { ...grant(1), suspended: true }],
    ['was written down as over by another clock', { ...grant(1), expiredAt: later(600) }],
  ])('are due for none that %s', (_, over) => {
    expect(dueNotice(over, withLeft(over, 60), [])).toBeNull();
  });

  it('are never due in its first half or after its end, and each comes after those that are farther from the end', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 * DAY }),
        fc.array(fc.double({ min: -0.1, max: 1.1, noNaN: true }), { minLength: 1, maxLength: 40 }),
        (seconds, moments) => {
          const given = lasting(seconds);
          const due = moments
            .toSorted((a, b) => a - b)
            .flatMap((at) => {
              const minutes = dueNotice(given, later(at * seconds), []);
              if (minutes !== null) expect([at > 0.5, at < 1]).toEqual([true, true]);
              return minutes ?? [];
            });
          expect(due).toEqual(due.toSorted((a, b) => b - a));
        },
      ),
      { numRuns: process.env['DAYPASS_LONG'] === '1' ? 20_000 : 500 },
    );
  });
});

describe('a grant whose end changes nothing', () => {
  const both = { targets: [targetPin('web-01'), targetPin('db-01')] };
  const short = lasting(HOUR, 1, both);
  const at = withLeft(short, 5 * MINUTE);
  const web = lasting(2 * HOUR, 2);
  const db = lasting(3 * HOUR, 3, { targets: [targetPin('db-01')] });

  it('is one that others outlast: by all of it, or each by a part', () => {
    expect(dueNotice(short, at, [lasting(HOUR + 1, 2, both)])).toBeNull();
    expect(dueNotice(short, at, [web, db])).toBeNull();
    expect(whatEnds(short, at, [web, db])).toEqual({ targets: [], goesOnUntil: later(2 * HOUR) });
    expect(whatEnds(short, at, [web, db, lasting(4 * HOUR, 4, both)]).goesOnUntil).toEqual(later(4 * HOUR));
  });

  it('is no one of which a part ends, and then only that part is named', () => {
    expect(dueNotice(short, at, [web])).toBe(5);
    expect(whatEnds(short, at, [web])).toEqual({ targets: [targetPin('db-01')], goesOnUntil: later(2 * HOUR) });
    expect(whatEnds(short, at, [])).toEqual({ targets: both.targets, goesOnUntil: null });
  });

  const longer = (terms: Parameters<typeof grant>[1]) => lasting(2 * HOUR, 2, { ...both, ...terms });
  it.each<[string, Grant]>([
    ['ends earlier', lasting(HOUR - 1, 2, both)],
    ['is another person’s', longer({ personId: personId(2) })],
    ['is of another engagement', longer({ engagementId: engagementId(2) })],
    ['is for another login', longer({ login: login('root') })],
    ['is of another scope', longer({ scope: scope('files-ro') })],
    ['is for another key', longer({ keyFingerprints: [fingerprint(2)] })],
    ['has the target at another address', longer({ targets: [targetPin('web-01', 'x'), targetPin('db-01', 'x')] })],
    ['is revoked', grant(2, { ...longer({}).terms }, { how: 'revoked', at: NOON, by: null, comment: null })],
    ['is suspended', { ...longer({}), suspended: true }],
    ['has not begun', longer({ notBefore: later(2 * HOUR - 1).toISOString() })],
  ])('is not one beside a grant that %s', (_, other) => {
    expect(dueNotice(short, at, [other])).toBe(5);
  });

  it('of two keys is outlasted only for both', () => {
    const two = { ...both, keyFingerprints: [fingerprint(1), fingerprint(2)] };
    const given = lasting(HOUR, 1, two);
    expect(dueNotice(given, at, [lasting(2 * HOUR, 2, both)])).toBe(5);
    expect(dueNotice(given, at, [lasting(2 * HOUR, 2, two)])).toBeNull();
  });

  it('is one of two that end together', () => {
    const twin = lasting(HOUR, 2, both);
    expect([dueNotice(short, at, [twin]), dueNotice(twin, at, [short])]).toEqual([null, 5]);
  });
});
