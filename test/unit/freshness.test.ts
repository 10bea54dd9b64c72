import { expect, it } from 'vitest';
import { freshness } from '../../src/freshness.ts';

it('is fresh at first, stale after its time, and fresh again once renewed', () => {
  let nowMs = 1_000;
  const touch = freshness(5_000, () => nowMs);
  expect(touch.isFresh()).toBe(true);
  nowMs += 5_001;
  expect(touch.isFresh()).toBe(false);
  touch.renew();
  expect(touch.isFresh()).toBe(true);
});
