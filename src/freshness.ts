/** How long ago something was known, on the clock that nobody sets. */
export type Freshness = { readonly renew: () => void; readonly isFresh: () => boolean };

const monotonicMs = (): number => performance.now();

/** Fresh at first, and for `ms` after each renewal. */
export function freshness(ms: number, nowMs: () => number = monotonicMs): Freshness {
  let renewedMs = nowMs();
  return {
    renew: () => {
      renewedMs = nowMs();
    },
    isFresh: () => nowMs() - renewedMs <= ms,
  };
}
