import type { Rejection } from './rejection.ts';

/** Outcome of a rule: a value, or a refusal that every edge words for its reader. Broken worlds throw instead. */
export type Result<T, R = Rejection> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly rejection: R };

export const ok = <T>(value: T): Result<T, never> => ({ ok: true, value });
export const refuse = <R>(rejection: R): Result<never, R> => ({ ok: false, rejection });
