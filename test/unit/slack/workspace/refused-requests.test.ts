import { expect, it } from 'vitest';
import type { Log } from '../../../../src/log.ts';
import { RefusedRequests, type WhyRefused } from '../../../../src/slack/workspace/refused-requests.ts';

type Line = { readonly from: string; readonly why: WhyRefused; readonly notLogged?: number };

function lines() {
  const said: Line[] = [];
  const clock = { now: 0 };
  const log = { warn: (fields: Line) => said.push(fields) } as unknown as Log;
  return { said, clock, refused: new RefusedRequests(log, () => clock.now) };
}

it('has one line a minute for each sender and reason, and counts the rest in the next', () => {
  const { said, clock, refused } = lines();
  for (let n = 0; n < 1_000; n += 1) {
    refused.note('192.0.2.1', 'wrong_signature');
    refused.note('192.0.2.1', 'not_now');
    refused.note('192.0.2.2', 'not_now');
  }
  expect(said).toEqual([
    { from: '192.0.2.1', why: 'wrong_signature' },
    { from: '192.0.2.1', why: 'not_now' },
    { from: '192.0.2.2', why: 'not_now' },
  ]);
  clock.now = 60_000;
  refused.note('192.0.2.1', 'not_now');
  expect(said.slice(3)).toEqual([{ from: '192.0.2.1', why: 'not_now', notLogged: 999 }]);
  clock.now = 119_999;
  refused.note('192.0.2.1', 'not_now');
  expect(said).toHaveLength(4);
});

it('stays short however many senders there are, and names new ones again a minute later', () => {
  const { said, clock, refused } = lines();
  for (let n = 0; n < 10_000; n += 1) refused.note(`2001:db8::${n.toString(16)}`, 'no_signature');
  expect(said).toHaveLength(101);
  expect(said.at(-1)).toEqual({ from: 'others', why: 'no_signature' });
  clock.now = 60_000;
  refused.note('192.0.2.1', 'no_signature');
  expect(said.at(-1)).toEqual({ from: '192.0.2.1', why: 'no_signature' });
});
