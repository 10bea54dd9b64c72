import { EventEmitter, once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Schedule, startSchedules } from '../../../src/control/schedules.ts';
import { createLog } from '../../../src/log.ts';

const HOUR = 3_600_000;
const silent = createLog('silent');

afterEach(() => {
  vi.useRealTimers();
});

describe('what runs again and again', () => {
  const ran = new EventEmitter();
  const often: Schedule = { name: 'often', everyMs: 5, run: async () => void ran.emit('run') };

  it.each([
    ['back by an hour', -HOUR],
    ['on by ten years', 87_600 * HOUR],
  ])('goes on where the clock is set %s', async (_how, leap) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await using _ = startSchedules([often], silent);
    await once(ran, 'run');
    vi.setSystemTime(Date.now() + leap);
    for (let n = 0; n < 3; n += 1) await once(ran, 'run', { signal: AbortSignal.timeout(5_000) });
  });

  it('runs once at a time, and again after it failed', async () => {
    let live = 0;
    let most = 0;
    let runs = 0;
    const slow: Schedule = {
      name: 'slow',
      everyMs: 1,
      run: async () => {
        live += 1;
        most = Math.max(most, live);
        await new Promise((resolve) => setTimeout(resolve, 10));
        live -= 1;
        runs += 1;
        ran.emit('slow');
        throw new Error('no');
      },
    };
    {
      await using _ = startSchedules([slow], silent);
      for (let n = 0; n < 3; n += 1) await once(ran, 'slow');
    }
    expect(most).toBe(1);
    expect(live).toBe(0);
    const then = runs;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(runs).toBe(then);
  });
});
