import { expiresAt, type Grant, goesOnUnder, isActive, startsAt } from './grant.ts';
import type { TargetPin } from './target.ts';

/** How many minutes before its end the holder of a grant is told, the last time last. */
export const ENDING_MINUTES = [1_440, 60, 15, 5] as const;
export type EndingMinutes = (typeof ENDING_MINUTES)[number];

/** Only longer grants get each, in minutes: nobody is told within the first half. */
const LONGER_THAN: Readonly<Record<EndingMinutes, number>> = { 1440: 2_880, 60: 120, 15: 30, 5: 15 };

const MINUTE_MS = 60_000;

/** The notices of a grant whose time has come, the latest last. */
export function begunNotices(grant: Grant, now: Date): readonly EndingMinutes[] {
  const lasts = expiresAt(grant).getTime() - startsAt(grant).getTime();
  const left = expiresAt(grant).getTime() - now.getTime();
  return ENDING_MINUTES.filter((minutes) => lasts > LONGER_THAN[minutes] * MINUTE_MS && left <= minutes * MINUTE_MS);
}

/**
 * The notice that a grant's holder should have had by now: the nearest to the end, so that missed ones are not sent late. Null where
 * it is too early, where the grant is over, and where all of it goes on. `others` are the same person's grants.
 */
export function dueNotice(grant: Grant, now: Date, others: readonly Grant[]): EndingMinutes | null {
  if (!isActive(grant, now) || whatEnds(grant, now, others).targets.length === 0) return null;
  return begunNotices(grant, now).at(-1) ?? null;
}

export type WhatEnds = {
  /** Those on which nothing else goes on. */
  readonly targets: readonly TargetPin[];
  /** Until when the others allow at least some of the same; null where they allow nothing of it. */
  readonly goesOnUntil: Date | null;
};

/** What a person loses at a grant's end. Other live grants can allow the same for longer, each of them a part of it. */
export function whatEnds(grant: Grant, now: Date, others: readonly Grant[]): WhatEnds {
  const { terms } = grant;
  const longer = others.filter((other) => isActive(other, now) && outlasts(other, grant));
  const lastOn = terms.targets.map((target) => {
    const lasts = terms.keyFingerprints.map((fingerprint) => {
      const same = longer.filter((other) => goesOnUnder(other, { ...terms, target, fingerprint }));
      return Math.max(0, ...same.map((other) => expiresAt(other).getTime()));
    });
    return { target, until: Math.min(...lasts) };
  });
  const goingOn = lastOn.filter(({ until }) => until > 0);
  return {
    targets: lastOn.filter(({ until }) => until === 0).map(({ target }) => target),
    goesOnUntil: goingOn.length === 0 ? null : new Date(Math.min(...goingOn.map(({ until }) => until))),
  };
}

/** Of two that end together one counts as the later, so that exactly one of them is told of. */
function outlasts(other: Grant, grant: Grant): boolean {
  const by = expiresAt(other).getTime() - expiresAt(grant).getTime();
  return by > 0 || (by === 0 && other.id > grant.id);
}
