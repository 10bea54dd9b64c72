/** How long ago something was known, on the clock that nobody sets. */
export type Freshness = {
  /** Before it is asked for: whatever happens while the answer is on its way is not in it. */
  readonly begin: () => { readonly renew: () => void };
  readonly ageMs: () => number;
};

const monotonicMs = (): number => performance.now();

/** Known at first. */
export function freshness(nowMs: () => number = monotonicMs): Freshness {
  let knownMs = nowMs();
  return {
    begin: () => {
      const askedMs = nowMs();
      return {
        renew: () => {
          knownMs = Math.max(knownMs, askedMs);
        },
      };
    },
    ageMs: () => nowMs() - knownMs,
  };
}
