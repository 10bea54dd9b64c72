/** How far clocks may disagree. */
const CLOCK_SKEW_MS = 60_000;

/** Whether something that waits from one instant until another waits no more. */
export const hasWaited = (from: Date, until: Date, now: Date): boolean =>
  isTooLongAgo(from, now, until.getTime() - from.getTime() - 1);

/**
 * Whether something was longer ago than it may be. What is said to have happened in a time to come did not happen then: it counts as
 * too old, so that neither a clock that was wrong nor a row that was edited keeps anything alive.
 */
export function isTooLongAgo(at: Date, now: Date, maxMs: number): boolean {
  const age = now.getTime() - at.getTime();
  return age > maxMs || age < -CLOCK_SKEW_MS;
}
