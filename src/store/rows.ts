import { z } from 'zod';
import { StoreFault } from './fault.ts';

/** Reading and writing what columns hold. Rows are parsed here, at the edge, and trusted inside. */

const TIMESTAMP = /^(\d{4})-(\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)([+-]\d\d)(:\d\d)?$/;

/** A timestamptz as PostgreSQL prints it, whatever the session's time zone. */
export const Timestamp = z.string().transform((text, context) => {
  const parts = TIMESTAMP.exec(text);
  const date = parts ? new Date(`${parts[1]}-${parts[2]}T${parts[3]}${parts[4]}${parts[5] ?? ':00'}`) : null;
  if (date && !Number.isNaN(date.getTime())) return date;
  context.addIssue({ code: 'custom', message: 'not an instant between the years 1 and 9999' });
  return z.NEVER;
});

const FIRST_INSTANT = Date.parse('0001-01-02T00:00:00Z');
const LAST_INSTANT = Date.parse('9999-12-30T00:00:00Z');

/** The years that PostgreSQL and ISO 8601 write alike. */
export function instant(date: Date): string {
  const time = date.getTime();
  if (!(time >= FIRST_INSTANT && time <= LAST_INSTANT)) {
    throw new StoreFault('integrity_violation', 'an instant outside the years 1 to 9999 cannot be stored');
  }
  return date.toISOString();
}

export const instantOrNull = (date: Date | null): string | null => (date === null ? null : instant(date));

/** PostgreSQL's text holds any character but NUL. */
export const text = (value: string): string => value.replaceAll('\0', '\uFFFD');
export const textOrNull = (value: string | null): string | null => (value === null ? null : text(value));

export const json = (value: unknown): string => JSON.stringify(value);

/** Reads one row. What it holds beyond the schema's columns is left out. */
export function read<Schema extends z.ZodType>(schema: Schema, table: string, row: object): z.output<Schema> {
  const parsed = schema.safeParse(row);
  if (parsed.success) return parsed.data;
  const id = 'id' in row ? ` ${String(row.id)}` : '';
  const path = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new StoreFault('corrupt_row', `${table}${id}: ${path || 'the row'} contains what Daypass does not write`, {
    cause: parsed.error,
  });
}

/** The changed row must be there; a change that meets none is a broken world. */
export function changedOne(result: { readonly numUpdatedRows: bigint }, what: string): void {
  if (result.numUpdatedRows !== 1n) throw new StoreFault('missing_row', `${what}: there is no row to change`);
}
