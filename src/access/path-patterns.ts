import picomatch from 'picomatch';

export type PathPatterns = {
  readonly isWithin: (path: string) => boolean;
  /** Whether the path and all that could lie below it are within. */
  readonly isWithinWhole: (path: string) => boolean;
};

const OPTIONS = { dot: true, noextglob: true, nonegate: true } as const;
const BELOW = '/**';

/** Absolute glob patterns of a scope. Paths are given absolute, without `.` and `..`; no patterns at all let every path through. */
export function pathPatterns(patterns: readonly string[]): PathPatterns {
  if (patterns.length === 0) return { isWithin: () => true, isWithinWhole: () => true };
  const matcher = (some: readonly string[]) => (some.length === 0 ? () => false : picomatch([...some], OPTIONS));
  const isWithin = matcher(patterns);
  // A pattern that ends so matches all that lies below whatever it matches.
  const isWithinWhole = matcher(patterns.filter((pattern) => pattern.endsWith(BELOW)));
  return { isWithin, isWithinWhole };
}

/** An absolute path without what a shell or a folder could make of it, or null. */
export function plainPath(path: string): string | null {
  if (!path.startsWith('/') || path.includes('\0')) return null;
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  // Behind a symlink, ".." is not where its string says.
  return parts.includes('..') ? null : `/${parts.join('/')}`;
}
