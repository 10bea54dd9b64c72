import { describe, expect, it } from 'vitest';
import { engagementEnd, isMember, isOver, overAt, whyItRests } from '../../../src/access/engagement.ts';
import { engagement, later, NOON, personId } from '../../support/samples/samples.ts';

describe('an engagement', () => {
  it.each([
    ['2030-05-02', 'UTC', '2030-05-03T00:00:00.000Z'],
    ['2030-05-02', 'Europe/Berlin', '2030-05-02T22:00:00.000Z'],
    ['2030-12-31', 'America/New_York', '2031-01-01T05:00:00.000Z'],
    // The day on which clocks go forward has 23 hours.
    ['2030-03-31', 'Europe/Berlin', '2030-03-31T22:00:00.000Z'],
    // Its next day begins at one o'clock.
    ['2030-09-07', 'America/Santiago', '2030-09-08T04:00:00.000Z'],
  ])('whose last day is %s in %s is over at %s', (lastDay, timeZone, end) => {
    const over = new Date(end);
    expect(engagementEnd({ lastDay, timeZone })).toEqual(over);
    expect(isOver({ lastDay, timeZone, closedAt: null }, new Date(over.getTime() - 1))).toBe(false);
    expect(isOver({ lastDay, timeZone, closedAt: null }, over)).toBe(true);
  });

  it.each([
    ['2030-02-30', 'UTC'],
    ['soon', 'UTC'],
    ['2030-05-02', 'Mars/Olympus'],
  ])('is broken, rather than open, with %s in %s for its last day', (lastDay, timeZone) => {
    expect(() => engagementEnd({ lastDay, timeZone })).toThrow(`engagement has no valid day: ${lastDay} ${timeZone}`);
  });

  it('that was closed is over from that moment on, and gives no access whatever its channel shows', () => {
    const closed = engagement({ closedAt: later(60) });
    expect([isOver(closed, NOON), overAt(closed)]).toEqual([true, later(60)]);
    expect(overAt(engagement())).toEqual(engagementEnd(engagement()));
    for (const at of [NOON, later(91)])
      expect(whyItRests(closed, at, 90)).toEqual({ code: 'engagement_closed', engagement: 'Migration', at: later(60) });
  });

  it('has for members those who have not left its channel, and were not offboarded from it', () => {
    const memberIds = [1, 2, 3].map(personId);
    const some = engagement({ memberIds, leftIds: [personId(2), personId(4)], offboardedIds: [personId(3)] });
    expect([1, 2, 3, 4].map((n) => isMember(some, personId(n)))).toEqual([true, false, false, false]);
  });

  it('rests once nobody has read its channel for longer than is allowed, and says since when', () => {
    expect(whyItRests(engagement(), later(90), 90)).toBeNull();
    expect(whyItRests(engagement(), later(91), 90)).toEqual({
      ...{ code: 'channel_unread', engagement: 'Migration', since: NOON },
    });
  });
});
