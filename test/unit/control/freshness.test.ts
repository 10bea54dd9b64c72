import { expect, it } from 'vitest';
import { freshness } from '../../../src/control/freshness.ts';

it('ages from the moment at which was asked, not from that of the answer', () => {
  let nowMs = 1_000;
  const touch = freshness(() => nowMs);
  expect(touch.ageMs()).toBe(0);
  nowMs += 3_000;
  const slow = touch.begin();
  expect(touch.ageMs()).toBe(3_000);
  nowMs += 2_000;
  slow.renew();
  expect(touch.ageMs()).toBe(2_000);
});

it('is not made older by an answer that was overtaken', () => {
  let nowMs = 0;
  const touch = freshness(() => nowMs);
  const slow = touch.begin();
  nowMs += 1_000;
  touch.begin().renew();
  slow.renew();
  expect(touch.ageMs()).toBe(0);
});
