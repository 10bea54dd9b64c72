import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { instant, read, Timestamp, text } from '../../../src/store/rows.ts';

describe('an instant', () => {
  it.each([
    ['2030-05-02 12:00:00+00', '2030-05-02T12:00:00.000Z'],
    ['2030-05-02 12:00:00.5+00', '2030-05-02T12:00:00.500Z'],
    ['2030-05-02 14:00:00.123456+02', '2030-05-02T12:00:00.123Z'],
    ['2030-05-02 17:30:00+05:30', '2030-05-02T12:00:00.000Z'],
    ['2030-05-02 08:30:00-03:30', '2030-05-02T12:00:00.000Z'],
    ['0044-03-15 00:00:00+00', '0044-03-15T00:00:00.000Z'],
  ])('is read from %s, in whatever time zone the database prints it', (printed, meant) => {
    expect(Timestamp.parse(printed).toISOString()).toBe(meant);
  });

  it.each([
    '0044-03-15 00:00:00+00 BC',
    '10000-01-01 00:00:00+00',
    'infinity',
    '2030-13-01 00:00:00+00',
    '2030-05-02',
    '',
  ])('is never read from "%s"', (printed) => {
    expect(Timestamp.safeParse(printed).success).toBe(false);
  });

  it('is written so that it can be read again, or refused', () => {
    fc.assert(
      fc.property(fc.date(), (date) => {
        const year = date.getUTCFullYear();
        if (year < 1 || year > 9_999 || Number.isNaN(year)) {
          expect(() => instant(date)).toThrow('cannot be stored');
        } else if (year > 1 && year < 9_999) {
          expect(new Date(instant(date))).toEqual(date);
        }
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});

describe('text', () => {
  it('loses nothing but NUL, which PostgreSQL does not hold', () => {
    expect(text('a\0b\u{1F600}')).toBe('a\uFFFDb\u{1F600}');
  });
});

describe('a row', () => {
  it('that does not fit is named by table, id and column', () => {
    const schema = z.object({ id: z.string(), at: Timestamp });
    expect(() => read(schema, 'session', { id: '7', at: 'never' })).toThrow(
      'session 7: at contains what Daypass does not write',
    );
  });
});
