import { describe, expect, it } from 'vitest';
import { spaceLevel } from '../../../src/access/disk-space.ts';

describe('free space where 1000 MiB are the least', () => {
  it.each([
    [999, 'enough', 'too_little'],
    [1_000, 'enough', 'low'],
    [3_999, 'enough', 'low'],
    [4_000, 'enough', 'enough'],
    [999, 'low', 'too_little'],
    [1_000, 'low', 'low'],
    // What is back has to be back by a tenth more: a disk at the limit is told of once.
    [4_399, 'low', 'low'],
    [4_401, 'low', 'enough'],
    [1_099, 'too_little', 'too_little'],
    [1_101, 'too_little', 'low'],
    [4_399, 'too_little', 'low'],
    [4_401, 'too_little', 'enough'],
    [0, 'too_little', 'too_little'],
  ] as const)('%i MiB, where it was %s, are %s', (free, before, level) => {
    expect(spaceLevel(free, 1_000, before)).toBe(level);
  });
});
