import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathPatterns, plainPath, wrongPathPattern } from '../../../../src/access/scopes/path-patterns.ts';
import { runs } from '../../../support/samples/hostile-text.ts';

const names = (...some: string[]) =>
  fc.array(fc.constantFrom(...some), { minLength: 1, maxLength: 6 }).map((each) => `/srv/${each.join('/')}`);

/** The same rules, tried in every way there is. */
function reference(wanted: readonly string[], given: readonly string[]): boolean {
  const [first, ...rest] = wanted;
  if (first === undefined) return given.length === 0;
  if (first === '**') return [...given, ''].some((_, n) => reference(rest, given.slice(n)));
  const [name, ...below] = given;
  return name !== undefined && matchesName(first, name) && reference(rest, below);
}
function matchesName(wanted: string, name: string): boolean {
  if (wanted === '') return name === '';
  if (wanted[0] !== '*') return wanted[0] === name[0] && matchesName(wanted.slice(1), name.slice(1));
  return [...name, ''].some((_, n) => matchesName(wanted.slice(1), name.slice(n)));
}

const isWithin = (pattern: string, path: string): boolean => pathPatterns([pattern]).isWithin(path);

describe('path patterns', () => {
  it('match by * and ** and nothing else', () => {
    const some = ['a', 'b', 'ab', '.a', 'c++', '$a', 'a.b', 'a|b', '^', '!a'];
    const pattern = names(...some, '*', '**', 'a*', '*b', '*a*', 'a*b*');
    const path = names(...some, 'aab', 'ba', 'abab', 'axb');
    fc.assert(
      fc.property(pattern, path, (wanted, given) => {
        // Behind a star, what lies below does not include what the star stands for.
        fc.pre(!/\*\/\*\*$/.test(wanted));
        const expected = reference(wanted.split('/').slice(1), given.split('/').slice(1));
        expect([wanted, given, isWithin(wanted, given)]).toEqual([wanted, given, expected]);
      }),
      runs(3_000),
    );
  });

  it.each([
    ['/srv/**', '/srv', true],
    ['/srv/**', '/srv/a/b', true],
    ['/srv/**', '/srvx', false],
    ['/home/*/**', '/home/a', false],
    ['/home/*/**', '/home/a/b', true],
    ['/srv/*', '/srv/.hidden', true],
    ['/srv/*', '/srv/a/b', false],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(isWithin(pattern, path)).toBe(expected);
  });

  it.each([
    [[], '/anything', true, true],
    [['/srv/**'], '/srv', true, true],
    [['/srv/**'], '/srv/a/b', true, true],
    [['/srv/**'], '/etc', false, false],
    [['/srv/*'], '/srv/a', true, false],
    [['/srv/a'], '/srv/a', true, false],
    [['/srv/a', '/srv/b/**'], '/srv/a', true, false],
    [['/srv/a', '/srv/b/**'], '/srv/b/c', true, true],
    [['/srv/**/a'], '/srv/b/a', true, false],
    [['/srv/**', '/etc/**'], '/etc/hosts', true, true],
    [['/**'], '/', true, true],
    [['/home/*/**'], '/home/a/b', true, true],
    [['/home/*/**'], '/home/a', false, false],
    [['/home/u*/**'], '/home/u1', false, false],
    [['/home/u*/**'], '/home/u1/a', true, true],
    // What stands behind ** may be nothing.
    [['/srv/**/**'], '/srv', true, true],
  ] as const)('%j lets %s through: %s, and all below it: %s', (some, path, self, whole) => {
    const patterns = pathPatterns(some);
    expect([patterns.isWithin(path), patterns.isWithinWhole(path)]).toEqual([self, whole]);
  });

  const ALONE = '** must stand alone between slashes; within a name, use *';
  it.each([
    ['/srv/**/a*/*', null],
    ['/srv/**', null],
    ['/srv/a**', ALONE],
    ['/srv/**a/b', ALONE],
    ['/srv/***', ALONE],
    ...[...'?[]{}()\\'].map((magic): [string, string] => [
      `/srv/${magic}`,
      `only * and ** match names, not ${magic}; write one pattern for each`,
    ]),
  ])('%s may be written in a policy, or is refused: %s', (pattern, why) => {
    expect(wrongPathPattern(pattern)).toBe(why);
  });

  it.each(['/srv/{a,b}', '/srv/[a]', '/srv/a?', '/srv/(a)', '/srv/a\\', '/srv/a**'])(
    '%s, in a scope from before such patterns were refused, matches nothing',
    (pattern) => {
      for (const path of ['/srv/a', '/srv/b', '/srv/ab', '/srv/{a,b}', '/srv/[a]', '/srv/a?', '/srv/(a)', pattern]) {
        expect(isWithin(pattern, path)).toBe(false);
      }
    },
  );

  it.each([
    ['/var/log/*-*-*.log', `/var/log/${'-'.repeat(30_000)}`],
    ['/srv/*a*a*a*a*a*a*b', `/srv/${'a'.repeat(30_000)}`],
    ['/srv/**/a/**/b/**/a/**/c', `/srv/${'a/b/'.repeat(8_000)}x`],
  ])('%s is decided in a moment for any path', (pattern, path) => {
    const since = performance.now();
    expect(isWithin(pattern, path)).toBe(false);
    expect(performance.now() - since).toBeLessThan(500);
  });
});

it.each([
  ['/srv/a', '/srv/a'],
  ['//srv/./a//', '/srv/a'],
  ['/', '/'],
  ['/.', '/'],
  ['/srv/.a/..b/c..', '/srv/.a/..b/c..'],
  ['/srv/../a', null],
  ['/..', null],
  ['srv', null],
  ['./srv', null],
  ['', null],
  ['/srv\0/a', null],
])('the path %j is taken as %j', (path, plain) => {
  expect(plainPath(path)).toBe(plain);
});
