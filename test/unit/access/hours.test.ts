import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import { AllowedHours, endOfWindow, isWithin, nextOpening, nextWindow, shownIn } from '../../../src/access/hours.ts';

const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri'];
type Allow = readonly [days: readonly string[], from: string, to: string];
const hours = (zone: string, ...allow: readonly Allow[]) =>
  AllowedHours.parse({ zone, allow: allow.map(([days, from, to]) => ({ days, from, to })) });
const berlin = (...allow: readonly Allow[]) => hours('Europe/Berlin', ...allow);

/** As the clock in Berlin shows them, or with an offset where it shows them twice. */
const at = (text: string): Date => DateTime.fromISO(text, { zone: 'Europe/Berlin' }).toJSDate();
const shown = (date: Date | null): string | null =>
  date &&
  DateTime.fromJSDate(date, { zone: 'Europe/Berlin' }).toISO({ suppressSeconds: true, suppressMilliseconds: true });

const office = berlin([WEEKDAYS, '09:00', '17:30']);

describe('allowed hours', () => {
  it.each([
    ['before they begin', '2026-03-27T08:59:59.999', false],
    ['as they begin', '2026-03-27T09:00', true],
    ['until the last moment', '2026-03-27T17:29:59.999', true],
    ['not as they end', '2026-03-27T17:30', false],
    ['not on another day', '2026-03-28T12:00', false],
  ])('hold what is within them: %s', (_, when, expected) => {
    expect(isWithin(office, at(when))).toBe(expected);
  });

  it.each([
    ['of one day', office, '2026-03-27T12:00', '2026-03-27T17:30+01:00'],
    ['that is not open', office, '2026-03-27T18:00', null],
    ['past midnight', berlin([['fri'], '22:00', '02:00']), '2026-03-28T01:59', '2026-03-28T02:00+01:00'],
    ['past the end of the week', berlin([['sun'], '22:00', '06:00']), '2026-05-04T05:59', '2026-05-04T06:00+02:00'],
    ['of a whole day', berlin([['mon'], '09:00', '09:00']), '2026-05-05T08:59', '2026-05-05T09:00+02:00'],
    ['until 24:00', berlin([['fri'], '20:00', '24:00']), '2026-05-08T23:59', '2026-05-09T00:00+02:00'],
    [
      'with others that join it',
      berlin([['fri'], '20:00', '24:00'], [['sat'], '00:00', '04:00'], [['sat'], '03:00', '05:00']),
      '2026-05-08T21:00',
      '2026-05-09T05:00+02:00',
    ],
    [
      'with one that joins it at the end of the week',
      berlin([['sun'], '12:00', '24:00'], [['mon'], '00:00', '03:00']),
      '2026-05-03T13:00',
      '2026-05-04T03:00+02:00',
    ],
    ['on a leap day', berlin([['tue'], '23:00', '01:00']), '2028-02-29T23:30', '2028-03-01T01:00+01:00'],
    ['at the end of a year', berlin([['thu'], '22:00', '06:00']), '2026-12-31T23:30', '2027-01-01T06:00+01:00'],
    ['over an hour that is skipped', berlin([['sat'], '22:00', '04:00']), '2026-03-28T23:00', '2026-03-29T04:00+02:00'],
    [
      'that ends in an hour that is skipped',
      berlin([['sun'], '01:00', '02:30']),
      '2026-03-29T01:30',
      '2026-03-29T03:00+02:00',
    ],
    [
      'of an hour that comes twice',
      berlin([['sun'], '02:00', '03:00']),
      '2026-10-25T02:30+02:00',
      '2026-10-25T03:00+01:00',
    ],
    [
      'that ends in the first of them',
      berlin([['sun'], '01:00', '02:30']),
      '2026-10-25T01:00',
      '2026-10-25T02:30+02:00',
    ],
  ])('say when the window closes: one %s', (_, allowed, when, closes) => {
    expect(shown(endOfWindow(allowed, at(when)))).toBe(closes);
  });

  it.each([
    [
      'after a weekend and a change of the clocks',
      office,
      '2026-03-27T17:30',
      '2026-03-30T09:00+02:00',
      '2026-03-30T17:30+02:00',
    ],
    ['after the one that is open', office, '2026-05-06T10:00', '2026-05-07T09:00+02:00', '2026-05-07T17:30+02:00'],
    ['on the same day', office, '2026-05-06T08:00', '2026-05-06T09:00+02:00', '2026-05-06T17:30+02:00'],
    [
      'a week later',
      berlin([['mon'], '09:00', '10:00']),
      '2026-05-04T10:00',
      '2026-05-11T09:00+02:00',
      '2026-05-11T10:00+02:00',
    ],
    [
      'where its hour is skipped',
      berlin([['sun'], '02:00', '03:00']),
      '2026-03-28T12:00',
      '2026-04-05T02:00+02:00',
      '2026-04-05T03:00+02:00',
    ],
    [
      'where its first half hour is skipped',
      berlin([['sun'], '02:30', '04:00']),
      '2026-03-28T12:00',
      '2026-03-29T03:00+02:00',
      '2026-03-29T04:00+02:00',
    ],
    [
      'where its hour comes again',
      berlin([['sun'], '01:00', '02:30']),
      '2026-10-25T02:45+02:00',
      '2026-10-25T02:00+01:00',
      '2026-10-25T02:30+01:00',
    ],
  ])('say when the next window opens and closes: %s', (_, allowed, when, opens, closes) => {
    const next = nextWindow(allowed, at(when));
    expect([shown(next?.opens ?? null), shown(next?.closes ?? null)]).toEqual([opens, closes]);
  });

  it.each([
    ['at once where all are open', '2026-05-06T10:00', [office], '2026-05-06T10:00+02:00'],
    ['when the one that is closed opens', '2026-05-06T08:00', [office], '2026-05-06T09:00+02:00'],
    [
      'when the last of several opens',
      '2026-05-06T08:00',
      [office, berlin([['wed'], '12:00', '14:00']), hours('America/New_York', [WEEKDAYS, '07:00', '09:00'])],
      '2026-05-06T13:00+02:00',
    ],
    [
      'on the next day that all have',
      '2026-05-04T08:00',
      [office, berlin([['tue', 'sat'], '08:00', '10:00'])],
      '2026-05-05T09:00+02:00',
    ],
    [
      'never where they have nothing in common',
      '2026-05-04T08:00',
      [office, berlin([['sat'], '09:00', '10:00'])],
      null,
    ],
    ['at once where there are none', '2026-05-04T08:00', [], '2026-05-04T08:00+02:00'],
  ])('of several targets open together %s', (_, when, all, opens) => {
    expect(shown(nextOpening(all, at(when)))).toBe(opens);
  });

  it('are shown as the clock there shows them', () => {
    expect(shownIn(office, new Date('2026-12-07T08:00:00Z'))).toBe('Mon 7 Dec 09:00 Europe/Berlin');
  });

  it('are the same as the clock says, minute by minute', () => {
    const aMinute = fc.integer({ min: 0, max: 1_439 }).map((minute) => clock(minute));
    const aWindow = fc.record({
      days: fc.uniqueArray(fc.constantFrom(...DAYS), { minLength: 1, maxLength: 7 }),
      from: aMinute,
      to: fc.oneof(aMinute, fc.constant('24:00')),
    });
    const anInstant = fc
      .tuple(fc.constantFrom(...TURNS), fc.integer({ min: -2 * 1_440 * 60, max: 2 * 1_440 * 60 }))
      .map(([turn, seconds]) => new Date(Date.parse(turn) + seconds * 1_000));
    const some = fc.record({
      zone: fc.constantFrom(...ZONES),
      allow: fc.array(aWindow, { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(some, anInstant, (given, from) => {
        const allowed = AllowedHours.safeParse(given).data;
        fc.pre(allowed !== undefined);
        expect(isWithin(allowed, from)).toBe(walked(allowed, from));
        const end = changeAfter(allowed, from, true);
        if (!walked(allowed, from)) expect(endOfWindow(allowed, from)).toBeNull();
        else if (end) expect(endOfWindow(allowed, from)).toEqual(end);
        else expect(endOfWindow(allowed, from)?.getTime()).toBeGreaterThan(from.getTime() + WALK_MINUTES * 60_000);
        const opens = changeAfter(allowed, end ?? from, false);
        if (opens && (end || !walked(allowed, from))) expect(nextWindow(allowed, from)?.opens).toEqual(opens);
      }),
      { numRuns: process.env['DAYPASS_LONG'] === '1' ? 3_000 : 60 },
    );
  });

  it.each([
    ['no time zone', { zone: 'Mars/Olympus' }, 'zone'],
    ['an offset, which has no change of the clocks', { zone: '+02:00' }, 'zone'],
    ['a day that there is not', { allow: [{ days: ['someday'], from: '09:00', to: '10:00' }] }, 'allow.0.days.0'],
    ['no days', { allow: [{ days: [], from: '09:00', to: '10:00' }] }, 'allow.0.days'],
    ['a time without its zero', { allow: [{ days: ['mon'], from: '9:00', to: '10:00' }] }, 'allow.0.from'],
    ['a beginning at the end of the day', { allow: [{ days: ['mon'], from: '24:00', to: '10:00' }] }, 'allow.0.from'],
    ['a time that there is not', { allow: [{ days: ['mon'], from: '09:00', to: '24:01' }] }, 'allow.0.to'],
    ['nothing', { allow: [] }, 'allow'],
    ['the whole week', { allow: [{ days: DAYS, from: '09:00', to: '09:00' }] }, 'allow'],
  ])('are refused where they are %s', (_, wrong, path) => {
    const usual = { zone: 'Europe/Berlin', allow: [{ days: ['mon'], from: '09:00', to: '10:00' }] };
    const issues = AllowedHours.safeParse({ ...usual, ...wrong }).error?.issues ?? [];
    expect(issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });

  it('open nothing where their time zone is unknown', () => {
    const unknown = { ...office, zone: 'Mars/Olympus' };
    for (const look of [isWithin, endOfWindow, nextWindow])
      expect(() => look(unknown, at('2026-05-06T10:00'))).toThrow('Mars/Olympus');
  });

  it('that never close are cut off some weeks on', () => {
    const always: AllowedHours = { zone: 'UTC', allow: [{ days: [...DAYS], from: '00:00', to: '24:00' }] };
    expect(endOfWindow(always, new Date(0))).toEqual(new Date('1970-03-02T00:00:00Z'));
    expect(nextWindow(always, new Date(0))).toBeNull();
  });
});

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Africa/Cairo',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
];
/** The clocks change in one of the zones, a year or a leap day ends, or a day is left out. */
const TURNS = [
  ...[
    '2026-03-29T01:00Z',
    '2026-10-25T01:00Z',
    '2026-03-08T07:00Z',
    '2026-11-01T06:00Z',
    '2026-04-23T22:00Z',
    '2026-10-29T21:00Z',
  ],
  ...['2026-04-04T15:00Z', '2026-10-03T15:30Z', '2027-01-01T00:00Z', '2028-02-29T12:00Z', '2011-12-30T10:00Z'],
];
const WALK_MINUTES = 2 * 1_440;

const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

/** By what a clock on the wall shows. */
function walked({ zone, allow }: AllowedHours, when: Date): boolean {
  const { weekday, hour, minute } = DateTime.fromJSDate(when, { zone });
  const time = clock(hour * 60 + minute);
  const [today, yesterday] = [DAYS[weekday - 1], DAYS[(weekday + 5) % 7]];
  return allow.some(({ days, from, to }) => {
    const isOn = (day: string | undefined): boolean => days.some((each) => each === day);
    if (to > from) return isOn(today) && from <= time && time < to;
    return (isOn(today) && from <= time) || (isOn(yesterday) && time < to);
  });
}

/** The first full minute after `from` at which they are no longer what they were; null where that is too far to walk. */
function changeAfter(allowed: AllowedHours, from: Date, was: boolean): Date | null {
  if (walked(allowed, from) !== was) return null;
  const begun = Math.floor(from.getTime() / 60_000) * 60_000;
  for (let minute = 1; minute <= WALK_MINUTES; minute += 1) {
    const then = new Date(begun + minute * 60_000);
    if (walked(allowed, then) !== was) return then;
  }
  return null;
}
