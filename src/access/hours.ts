import { DateTime, IANAZone } from 'luxon';
import { z } from 'zod';

/**
 * Hours of the week in which something is allowed. The clock on the wall of `zone` decides: an hour that a change of the clocks skips
 * opens nothing, and one that it repeats counts both times.
 */

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
const DAY_MS = DAY_MINUTES * MINUTE_MS;
const WEEK_MS = DAYS.length * DAY_MS;
/** 1 January 1970 was a Thursday. */
const MONDAY_BEFORE_1970_MS = 3 * DAY_MS;
/** Hours come back every week. Further on than this nothing is looked for. */
const AHEAD_MS = 60 * DAY_MS;

const Window = z.strictObject({
  days: z
    .array(z.enum(DAYS))
    .min(1)
    .max(DAYS.length)
    .meta({
      description: 'The days on which the hours begin: mon, tue, wed, thu, fri, sat or sun.',
      examples: [['mon', 'tue', 'wed', 'thu', 'fri']],
    }),
  from: z
    .string()
    .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time between 00:00 and 23:59')
    .meta({ description: 'When they begin.', examples: ['09:00'] }),
  to: z
    .string()
    .regex(/^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be a time between 00:00 and 24:00')
    .meta({
      description: 'When they end. A time that is not later than `from` is on the next day.',
      examples: ['17:30'],
    }),
});

const Hours = z.strictObject({
  zone: z
    .string()
    .refine((zone) => /^[A-Za-z]/.test(zone) && IANAZone.isValidZone(zone), 'must be an IANA time zone')
    .meta({ description: 'The time zone of the hours, by its IANA name.', examples: ['Europe/Berlin'] }),
  allow: z
    .array(Window)
    .min(1)
    .max(50)
    .meta({
      description: 'The hours. What any of these allows is allowed.',
      examples: [[{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:30' }]],
    }),
});
export type AllowedHours = z.infer<typeof Hours>;

export const AllowedHours = Hours.refine((hours) => nextChange({ ...hours, zone: 'UTC' }, 0) !== null, {
  path: ['allow'],
  message: 'is the whole week; leave the hours out if they limit nothing',
  // Only hours that can be read are looked at.
  when: ({ issues }) => issues.length === 0,
});

/** From when until when, without a pause. */
export type OpenWindow = { readonly opens: Date; readonly closes: Date };

export const isWithin = (hours: AllowedHours, at: Date): boolean =>
  isOpen(spansOf(hours), shownAt(at.getTime(), zoneOf(hours).offset(at.getTime())));

/**
 * When the window that holds `at` closes. Windows that join are one. Null where none holds it. Hours that never close do so at the
 * end of what is looked at, some weeks on.
 */
export function endOfWindow(hours: AllowedHours, at: Date): Date | null {
  const { isOpen: isHeld, changes } = course(hours, at.getTime());
  return isHeld ? new Date(changes ?? at.getTime() + AHEAD_MS) : null;
}

/** The window that opens next. One that is open at `at` is not it. Null where none opens in the coming weeks. */
export function nextWindow(hours: AllowedHours, at: Date): OpenWindow | null {
  const closed = endOfWindow(hours, at) ?? at;
  const opens = nextChange(hours, closed.getTime());
  const closes = opens === null ? null : endOfWindow(hours, new Date(opens));
  return opens !== null && closes ? { opens: new Date(opens), closes } : null;
}

/** The first instant from `at` on at which all of these are open. Null where there is none in the coming weeks. */
export function nextOpening(all: readonly AllowedHours[], at: Date): Date | null {
  let then: number | null = at.getTime();
  while (then !== null && then <= at.getTime() + AHEAD_MS) {
    const now = new Date(then);
    const closed = all.find((hours) => !isWithin(hours, now));
    if (!closed) return now;
    then = nextChange(closed, then);
  }
  return null;
}

/** `Mon 7 Dec 09:00 Europe/Berlin`. */
export const shownIn = ({ zone }: Pick<AllowedHours, 'zone'>, at: Date): string =>
  `${DateTime.fromJSDate(at, { zone }).setLocale('en').toFormat('ccc d LLL HH:mm')} ${zone}`;

/** Milliseconds since Monday's midnight; past the week's end where it runs into the next one. */
type Span = { readonly from: number; readonly to: number };

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

const spansOf = ({ allow }: AllowedHours): readonly Span[] =>
  allow.flatMap(({ days, from: first, to: last }) => {
    const [from, to] = [minutesOf(first), minutesOf(last)];
    const length = to > from ? to - from : to + DAY_MINUTES - from;
    return days.map((day) => {
      const begins = (DAYS.indexOf(day) * DAY_MINUTES + from) * MINUTE_MS;
      return { from: begins, to: begins + length * MINUTE_MS };
    });
  });

/** Whether whatever the second allows the first allows too. Hours in another time zone are no part of these. */
export function coversHours(wide: AllowedHours, narrow: AllowedHours): boolean {
  if (wide.zone !== narrow.zone) return false;
  const [open, needed] = [spansOf(wide), spansOf(narrow)];
  const minutes = Array.from({ length: WEEK_MS / MINUTE_MS }, (_, minute) => minute * MINUTE_MS);
  return minutes.every((at) => !isOpen(needed, at) || isOpen(open, at));
}

const isOpen = (spans: readonly Span[], shown: number): boolean =>
  spans.some(({ from, to }) => (from <= shown && shown < to) || shown + WEEK_MS < to);

const inWeek = (ms: number): number => ((ms % WEEK_MS) + WEEK_MS) % WEEK_MS;

/** What a clock that is `offset` minutes ahead of UTC shows, in milliseconds since Monday's midnight. */
const shownAt = (at: number, offset: number): number => inWeek(at + offset * MINUTE_MS + MONDAY_BEFORE_1970_MS);

function zoneOf({ zone: name }: Pick<AllowedHours, 'zone'>): IANAZone {
  const zone = IANAZone.create(name);
  if (!zone.isValid) throw new RangeError(`hours have no valid time zone: ${name}`);
  return zone;
}

/** When the clock, which shows this offset at `at`, is changed next, and to which; at most a day on. */
function nextOffset(zone: IANAZone, at: number, offset: number): { readonly at: number; readonly offset: number } {
  let [same, other] = [at, at + DAY_MS];
  let next = zone.offset(other);
  if (next === offset) return { at: other, offset };
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2);
    const there = zone.offset(middle);
    if (there === offset) same = middle;
    else [other, next] = [middle, there];
  }
  return { at: other, offset: next };
}

/** Whether they are open at `from`, and when that changes next; null where it does not in the coming weeks. */
function course(hours: AllowedHours, from: number): { readonly isOpen: boolean; readonly changes: number | null } {
  const [spans, zone] = [spansOf(hours), zoneOf(hours)];
  let here = { at: from, offset: zone.offset(from) };
  const was = isOpen(spans, shownAt(from, here.offset));
  while (here.at < from + AHEAD_MS) {
    const { at, offset } = here;
    const [shown, next] = [shownAt(at, offset), nextOffset(zone, at, offset)];
    let first = Number.POSITIVE_INFINITY;
    for (const edge of spans.flatMap((span) => [span.from, span.to])) {
      const ms = inWeek(edge - shown);
      const isSooner = ms > 0 && ms < first && at + ms < next.at;
      if (isSooner && isOpen(spans, inWeek(shown + ms)) !== was) first = ms;
    }
    if (first < Number.POSITIVE_INFINITY) return { isOpen: was, changes: at + first };
    if (isOpen(spans, shownAt(next.at, next.offset)) !== was) return { isOpen: was, changes: next.at };
    here = next;
  }
  return { isOpen: was, changes: null };
}

/** The first instant after `from` at which they open or close. */
const nextChange = (hours: AllowedHours, from: number): number | null => course(hours, from).changes;
