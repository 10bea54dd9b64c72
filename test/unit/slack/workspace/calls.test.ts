import { webApi } from '@slack/bolt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Calls, type Importance } from '../../../../src/slack/workspace/calls.ts';

describe('calls to Slack', () => {
  const made: Importance[] = [];
  beforeEach(() => {
    vi.useFakeTimers();
    made.length = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const calling = (calls: Calls, importance: Importance, times: number, method = 'users.info'): Promise<unknown> =>
    Promise.all(
      Array.from({ length: times }, () => calls.run(method, importance, async () => void made.push(importance))),
    );
  /** Lets everything happen that needs no time, and then some. */
  const passing = async (ms: number): Promise<void> => {
    for (let step = 0; step < 50; step += 1) await vi.advanceTimersByTimeAsync(ms / 50);
  };
  const done = (importance: Importance): number => made.filter((each) => each === importance).length;

  it('leaves most of a method’s budget to clicks and messages, however much is to be read', async () => {
    const calls = new Calls(() => Date.now());
    void calling(calls, 'reading', 300);
    await passing(3_000);
    expect(done('reading')).toBeGreaterThan(30);
    expect(done('reading')).toBeLessThan(50);
    void calling(calls, 'message', 20);
    await passing(1);
    void calling(calls, 'click', 30);
    await passing(1);
    expect([done('message'), done('click')]).toEqual([20, 30]);
  });

  it('lets readings and messages rest as long as Slack says, and a click try once more', async () => {
    const calls = new Calls(() => Date.now());
    const limited = new webApi.WebAPIRateLimitedError(1);
    let answers = 0;
    const clicked = calls.run('users.info', 'click', async () => {
      answers += 1;
      if (answers === 1) throw limited;
      return 'found';
    });
    await passing(1);
    void calling(calls, 'message', 1);
    await passing(900);
    expect(done('message')).toBe(0);
    await passing(200);
    expect(await clicked).toBe('found');
    expect(done('message')).toBe(1);
  });

  it('waits in vain for nobody once it is over', async () => {
    const calls = new Calls(() => Date.now());
    const waiting = calling(calls, 'reading', 300).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(0);
    calls[Symbol.dispose]();
    expect(await waiting).toBeInstanceOf(Error);
  });
});
