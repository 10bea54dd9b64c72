import { expect, it } from 'vitest';
import type { Log } from '../../../../src/log.ts';
import { RefusedRequests } from '../../../../src/slack/workspace/refused-requests.ts';

type Line = { readonly from: string; readonly notLogged?: number };

function lines() {
  const said: Line[] = [];
  const clock = { now: 0 };
  const log = { warn: ({ from, notLogged }: Line) => said.push({ from, ...(notLogged ? { notLogged } : {}) }) };
  return { said, clock, refused: new RefusedRequests(log as unknown as Log, () => clock.now) };
}

it('has one line a minute for each sender, and counts the rest in the next', () => {
  const { said, clock, refused } = lines();
  for (let n = 0; n < 1_000; n += 1) for (const team of ['T1', 'T2']) refused.note(team, 'another_workspace');
  expect(said).toEqual([{ from: 'T1' }, { from: 'T2' }]);
  clock.now = 60_000;
  refused.note('T1', 'another_workspace');
  expect(said.slice(2)).toEqual([{ from: 'T1', notLogged: 999 }]);
  clock.now = 119_999;
  refused.note('T1', 'another_workspace');
  expect(said).toHaveLength(3);
});

it('stays short however many senders there are, and names new ones again a minute later', () => {
  const { said, clock, refused } = lines();
  for (let n = 0; n < 10_000; n += 1) refused.note(`T${n}`, 'another_workspace');
  expect(said).toHaveLength(101);
  expect(said.at(-1)).toEqual({ from: 'others' });
  clock.now = 60_000;
  refused.note('TNEW', 'another_workspace');
  expect(said.at(-1)).toEqual({ from: 'TNEW' });
});
