export type PathPatterns = {
  readonly isWithin: (path: string) => boolean;
  /** Whether the path and all that could lie below it are within. */
  readonly isWithinWhole: (path: string) => boolean;
};

const BELOW = '/**';

/**
 * Absolute patterns of a scope: `*` is any part of a name, `**` any names. Paths are given absolute, without `.` and `..`; no patterns at
 * all let every path through.
 */
export function pathPatterns(patterns: readonly string[]): PathPatterns {
  if (patterns.length === 0) return { isWithin: () => true, isWithinWhole: () => true };
  const matcher = (some: readonly string[]) => {
    const matches = some.map(patternMatcher);
    return (path: string) => matches.some((isMatch) => isMatch(path));
  };
  const isWithin = matcher(patterns);
  // A pattern that ends so matches all that lies below whatever it matches.
  const isWithinWhole = matcher(patterns.filter((pattern) => pattern.endsWith(BELOW)));
  return { isWithin, isWithinWhole };
}

/** What other tools give a meaning in a pattern. A policy that has it is refused; a scope from before that matches nothing with it. */
const OTHER_MAGIC = /[?[\]{}()\\]/;

/** Why a pattern could not mean what its author thinks, or null. */
export function wrongPathPattern(pattern: string): string | null {
  const magic = OTHER_MAGIC.exec(pattern)?.[0];
  if (magic !== undefined) return `only * and ** match names, not ${magic}; write one pattern for each`;
  const isPart = namesOf(pattern).some((name) => name.includes('**') && name !== '**');
  return isPart ? '** must stand alone between slashes; within a name, use *' : null;
}

/** Names and paths are matched without going back beyond the last star: at most as many steps as path times pattern. */
function patternMatcher(pattern: string): (path: string) => boolean {
  if (wrongPathPattern(pattern) !== null) return () => false;
  // `/srv/**` is the folder and all below it; behind a star it is what lies below only.
  const names = namesOf(pattern.replace(/([^*/]\*|\/\*)\/\*\*$/, '$1/*/**'));
  const wanted = names.map((name) => (name === '**' ? ANY : nameMatcher(name)));
  return (path) => matchesStars(wanted, namesOf(path), (isMatch, name) => isMatch(name));
}

function nameMatcher(pattern: string): (name: string) => boolean {
  const wanted = pattern.split('').map((unit) => (unit === '*' ? ANY : unit));
  return (name) => matchesStars(wanted, name.split(''), (one, unit) => one === unit);
}

const namesOf = (path: string): string[] => path.split('/').filter((name) => name !== '');

/** Stands for any number of what is matched. */
const ANY = Symbol('any');

/** Goes on from the last star with one more for it, wherever something does not fit: no star before it could do better. */
function matchesStars<Wanted, Given>(
  wanted: readonly (Wanted | typeof ANY)[],
  given: readonly Given[],
  fits: (one: Wanted, other: Given) => boolean,
): boolean {
  let at = 0;
  let next = 0;
  let star = -1;
  let taken = 0;
  while (next < given.length) {
    const one = wanted[at];
    if (one === ANY) {
      star = at;
      taken = next;
      at += 1;
    } else if (at < wanted.length && fits(one as Wanted, given[next] as Given)) {
      at += 1;
      next += 1;
    } else if (star >= 0) {
      taken += 1;
      at = star + 1;
      next = taken;
    } else return false;
  }
  return wanted.slice(at).every((one) => one === ANY);
}

/** An absolute path without what a shell or a folder could make of it, or null. */
export function plainPath(path: string): string | null {
  if (!path.startsWith('/') || path.includes('\0')) return null;
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  // Behind a symlink, ".." is not where its string says.
  return parts.includes('..') ? null : `/${parts.join('/')}`;
}
