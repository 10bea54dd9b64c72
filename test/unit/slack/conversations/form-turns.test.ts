import { expect, it } from 'vitest';
import { FormTurns } from '../../../../src/slack/conversations/form-turns.ts';
import { gate } from '../../../support/checks/gate.ts';

it('makes the latest choice last, and none of those that it overtook, in whatever order they come', async () => {
  const turns = new FormTurns();
  const made: string[] = [];
  const first = gate();
  const running = turns.take('V1', 1, async () => {
    await first.opened;
    made.push('first');
  });
  await turns.take('V2', 1, async () => void made.push('other window'));
  const third = turns.take('V1', 3, async () => void made.push('third'));
  const second = turns.take('V1', 2, async () => void made.push('second'));
  first.open();
  await Promise.all([running, third, second]);
  expect(made).toEqual(['other window', 'first', 'third']);
});

it('goes on after a change that failed', async () => {
  const turns = new FormTurns();
  const failing = turns.take('V1', 1, async () => {
    throw new Error('Slack is away');
  });
  const next = turns.take('V1', 1, async () => undefined);
  await expect(failing).rejects.toThrow('Slack is away');
  await next;
});
