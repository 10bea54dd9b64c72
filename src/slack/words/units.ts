import { DateTime, Duration } from 'luxon';

/** `4 hours`, `1 hour, 30 minutes`. */
export const duration = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 1) return 'less than a second';
  return Duration.fromObject({ seconds: whole }, { locale: 'en' }).rescale().toHuman({ showZeros: false });
};

const MINUTE = 60;
const DAY = 86_400;

/** For what nobody reads to the second: whole minutes from a minute on, whole hours from two days on. */
export function roughly(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const unit = seconds >= 2 * DAY ? 60 * MINUTE : seconds >= MINUTE ? MINUTE : 1;
  return duration(Math.floor(seconds / unit) * unit);
}

/** `1 hour`, `15 minutes`: to the nearest minute, for a time that somebody is told of as it comes. */
export const minutes = (milliseconds: number): string =>
  duration(Math.max(1, Math.round(milliseconds / 60_000)) * MINUTE);

/** `31 December 2030`; a day without a time zone of its own. */
export const day = (isoDate: string): string => DateTime.fromISO(isoDate, { locale: 'en' }).toFormat('d LLLL yyyy');

/** So long after, by the calendar; `lasts` is an ISO 8601 duration. */
export const after = (at: Date, lasts: string): Date =>
  DateTime.fromJSDate(at, { zone: 'utc' }).plus(Duration.fromISO(lasts)).toJSDate();

export const utc = (date: Date): string =>
  DateTime.fromJSDate(date, { zone: 'utc' }).toFormat("yyyy-MM-dd HH:mm 'UTC'");

/** Slack shows it in each reader's own time zone; the fallback is what notifications and exports say. */
export const when = (date: Date): string =>
  `<!date^${Math.floor(date.getTime() / 1000)}^{date_short_pretty} at {time}|${utc(date)}>`;

/** The time alone, where the day is said nearby. */
export const utcTime = (date: Date): string => DateTime.fromJSDate(date, { zone: 'utc' }).toFormat("HH:mm 'UTC'");

export const whenTime = (date: Date): string => `<!date^${Math.floor(date.getTime() / 1000)}^{time}|${utcTime(date)}>`;

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

export const count = (amount: number, noun: string): string => `${amount} ${noun}${amount === 1 ? '' : 's'}`;
