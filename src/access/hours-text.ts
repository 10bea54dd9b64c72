import { AllowedHours } from './hours.ts';

/** Hours as people type them: `mon-fri 09:00-17:30, sat 10-14`. */

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
type Day = (typeof DAYS)[number];

const PART = /^([a-z]{3,9})(?:\s*[-–]\s*([a-z]{3,9}))?\s+(\d{1,2})(?::(\d\d))?\s*[-–]\s*(\d{1,2})(?::(\d\d))?$/;

/** Null where it is none, or where it is the whole week. */
export function parseHours(text: string, zone: string): AllowedHours | null {
  const parts = text
    .toLowerCase()
    .split(/[,;\n]/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const allow = parts.map(windowOf);
  const hours = AllowedHours.safeParse({ zone, allow });
  return hours.success ? hours.data : null;
}

function windowOf(part: string): object | null {
  const match = PART.exec(part);
  if (!match) return null;
  const [, first = '', last = first, fromHour = '', fromMinute = '00', toHour = '', toMinute = '00'] = match;
  const days = daysBetween(dayOf(first), dayOf(last));
  const time = (hour: string, minute: string): string => `${hour.padStart(2, '0')}:${minute}`;
  return days && { days, from: time(fromHour, fromMinute), to: time(toHour, toMinute) };
}

const FULL = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

const dayOf = (word: string): number => {
  const short = (DAYS as readonly string[]).indexOf(word);
  return short === -1 ? FULL.indexOf(word) : short;
};

/** `fri-mon` runs over the end of the week. */
function daysBetween(first: number, last: number): Day[] | null {
  if (first === -1 || last === -1) return null;
  const length = ((last - first + DAYS.length) % DAYS.length) + 1;
  return Array.from({ length }, (_, index) => DAYS[(first + index) % DAYS.length] ?? 'mon');
}

/** As it can be typed again; days that follow each other are a range. */
export const hoursText = ({ allow }: AllowedHours): string =>
  allow.flatMap(({ days, from, to }) => runsOf(days).map((run) => `${run} ${from}-${to}`)).join(', ');

/** Days that follow each other as a range. */
function runsOf(days: readonly Day[]): string[] {
  const runs: Day[][] = [];
  for (const day of days) {
    const run = runs.at(-1);
    const follows = run && DAYS.indexOf(day) === (DAYS.indexOf(run.at(-1) ?? 'mon') + 1) % DAYS.length;
    if (run && follows) run.push(day);
    else runs.push([day]);
  }
  const called = (day: Day): string => `${day.charAt(0).toUpperCase()}${day.slice(1)}`;
  return runs.map((run) => {
    const [first = 'mon'] = run;
    return run.length === 1 ? called(first) : `${called(first)}-${called(run.at(-1) ?? first)}`;
  });
}
