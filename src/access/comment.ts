import type { RejectionOf } from './rejection.ts';
import { ok, type Result, refuse } from './result.ts';
import { secretIn } from './secret.ts';

/** Characters of a comment; how many a request can have. */
export const COMMENT_LIMITS = { length: 1_000, each: 20 } as const;

/** What somebody said with a verdict, or with the end of access; null where they said nothing. Slack lets nobody type more. */
export function readComment(given: string | null): Result<string | null, RejectionOf<'secret_found'>> {
  const what = secretIn(given ?? '');
  if (what) return refuse({ code: 'secret_found', what, field: 'comment' });
  return ok(given?.trim().slice(0, COMMENT_LIMITS.length) || null);
}
