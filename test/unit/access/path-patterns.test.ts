import fc from 'fast-check';
import picomatch from 'picomatch';
import { describe, expect, it } from 'vitest';
import { pathPatterns } from '../../../src/access/path-patterns.ts';
import { runs } from '../../support/hostile-text.ts';

const names = (...some: string[]) =>
  fc.array(fc.constantFrom(...some), { maxLength: 6 }).map((each) => `/srv/${each.join('/')}`);

describe('path patterns', () => {
  it('match what a glob library says that they match', () => {
    const pattern = names(
      'a',
      'b',
      'ab',
      '*',
      '**',
      'a*',
      '*b',
      '*a*',
      'a*b*',
      '?',
      '?b',
      '.a',
      '[ab]',
      '{a,ab}',
      'c++',
    );
    const path = names('a', 'b', 'ab', 'aab', 'ba', '.a', 'abab', 'c++');
    fc.assert(
      fc.property(pattern, path, (wanted, given) => {
        fc.pre(wanted !== '/srv/' && given !== '/srv/');
        const reference = picomatch(wanted, { dot: true, noextglob: true, nonegate: true });
        expect([wanted, given, pathPatterns([wanted]).isWithin(given)]).toEqual([wanted, given, reference(given)]);
      }),
      runs(3_000),
    );
  });

  it.each([
    ['/var/log/*-*-*.log', `/var/log/${'-'.repeat(30_000)}`],
    ['/srv/*a*a*a*a*a*a*b', `/srv/${'a'.repeat(30_000)}`],
    ['/srv/**/a/**/b/**/a/**/c', `/srv/${'a/b/'.repeat(8_000)}x`],
  ])('%s is decided in a moment for any path', (pattern, path) => {
    const since = performance.now();
    expect(pathPatterns([pattern]).isWithin(path)).toBe(false);
    expect(performance.now() - since).toBeLessThan(500);
  });
});
