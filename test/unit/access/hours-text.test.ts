import { describe, expect, it } from 'vitest';
import { hoursText, parseHours } from '../../../src/access/hours-text.ts';

const ZONE = 'Europe/Berlin';

describe('hours as people type them', () => {
  it.each([
    ['mon-fri 9-17', 'Mon-Fri 09:00-17:00'],
    [' Mon - Fri  09:00 – 17:30 ', 'Mon-Fri 09:00-17:30'],
    ['monday-thursday 8:30-16:00, fri 8-12', 'Mon-Thu 08:30-16:00, Fri 08:00-12:00'],
    ['sat 22:00-02:00', 'Sat 22:00-02:00'],
    ['fri-mon 0-24', 'Fri-Mon 00:00-24:00'],
    ['wed 10-11; thu 10-11', 'Wed 10:00-11:00, Thu 10:00-11:00'],
  ])('%j are %j, which is read as the same', (typed, shown) => {
    const hours = parseHours(typed, ZONE);
    expect(hours?.zone).toBe(ZONE);
    expect(hours && hoursText(hours)).toBe(shown);
    expect(parseHours(shown, ZONE)).toEqual(hours);
  });

  it.each([
    ['nothing', ''],
    ['no day', '9-17'],
    ['no time', 'mon-fri'],
    ['a day that is none', 'mon-fry 9-17'],
    ['an hour that is none', 'mon 9-25'],
    ['a minute that is none', 'mon 9:61-10'],
    ['words beside it', 'mon-fri 9-17 or so'],
    ['one part that is clear and one that is not', 'mon 9-17, whenever'],
    ['the whole week', 'mon-sun 0-24'],
  ])('%s is none', (_, typed) => {
    expect(parseHours(typed, ZONE)).toBeNull();
  });

  it('days that do not follow each other have a part each', () => {
    const hours = { zone: ZONE, allow: [{ days: ['mon' as const, 'wed' as const], from: '09:00', to: '17:00' }] };
    expect(hoursText(hours)).toBe('Mon 09:00-17:00, Wed 09:00-17:00');
  });

  it('is none in a time zone that is none', () => {
    expect(parseHours('mon 9-17', 'Mars/Olympus')).toBeNull();
  });
});
