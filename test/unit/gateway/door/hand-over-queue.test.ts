import { expect, it } from 'vitest';
import { HandOverQueue } from '../../../../src/gateway/door/hand-over-queue.ts';

const all = (queue: HandOverQueue<string>): string[] => {
  const taken: string[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) taken.push(item);
  return taken;
};

it('a burst of one address lets those of others pass, each in its turn', () => {
  const queue = new HandOverQueue<string>();
  for (const n of [1, 2, 3]) queue.push(`flood ${n}`, 'flood', false);
  queue.push('a 1', 'a', false);
  queue.push('b 1', 'b', false);
  queue.push('a 2', 'a', false);
  expect(all(queue)).toEqual(['flood 1', 'a 1', 'b 1', 'flood 2', 'a 2', 'flood 3']);
  expect(queue.isEmpty).toBe(true);
});

it('favoured addresses come first', () => {
  const queue = new HandOverQueue<string>();
  queue.push('stranger', 'a', false);
  queue.push('friend', 'b', true);
  expect(queue.isEmpty).toBe(false);
  const friends = new HandOverQueue<string>();
  friends.push('friend', 'b', true);
  expect(friends.isEmpty).toBe(false);
  expect(all(queue)).toEqual(['friend', 'stranger']);
});
