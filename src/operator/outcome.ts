import { z } from 'zod';
import type { Rejection } from '../access/rejection.ts';
import { ok, type Result, refuse } from '../access/result.ts';

const Outcome = z.discriminatedUnion('ok', [
  z.looseObject({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), rejection: z.looseObject({ code: z.string() }) }),
]);

/** Dates in a rejection arrive as ISO text; `at` is the only one that the verbs of the admin socket can carry. */
export function outcome<T>(answered: unknown, value: T): Result<T> {
  const read = Outcome.parse(answered);
  if (read.ok) return ok(value);
  const { at, ...rest } = read.rejection;
  return refuse((typeof at === 'string' ? { ...rest, at: new Date(at) } : rest) as Rejection);
}

/** The same where the answer brings the value. */
export function outcomeOf<T>(answered: unknown, schema: z.ZodType<T>): Result<T> {
  const read = outcome(answered, null);
  return read.ok ? ok(z.object({ value: schema }).parse(answered).value) : read;
}
