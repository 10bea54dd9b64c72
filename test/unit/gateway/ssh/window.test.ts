import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  TERMINAL_WINDOW,
  TUNNEL_WINDOW,
  WINDOW,
  WINDOW_GROWTH_MS,
  WINDOW_PATIENCE_MS,
  WINDOW_STEADY_MS,
} from '../../../../src/gateway/limits.ts';
import { Window } from '../../../../src/gateway/ssh/window.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'], now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const terminal = (): Window => new Window({ least: TERMINAL_WINDOW, step: () => TERMINAL_WINDOW, spare: null });
const pass = (ms: number): void => void vi.advanceTimersByTime(ms);
const grow = (window: Window, times: number): void => {
  for (let n = 0; n < times; n += 1) {
    pass(WINDOW_GROWTH_MS);
    window.widen();
  }
};

describe('a window', () => {
  it('grows step by step up to the largest while nothing waits', () => {
    const window = terminal();
    expect(window.size).toBe(TERMINAL_WINDOW);
    grow(window, 3);
    expect(window.size).toBe(4 * TERMINAL_WINDOW);
    grow(window, 100);
    expect(window.size).toBe(WINDOW);
  });

  it('does not grow by what passes in one go', () => {
    const window = terminal();
    for (let n = 0; n < 100; n += 1) window.widen();
    expect(window.size).toBeLessThanOrEqual(2 * TERMINAL_WINDOW);
  });

  it('falls back to its least where something waits, and grows again only after a while', () => {
    const window = terminal();
    grow(window, 10);
    const since = performance.now();
    pass(WINDOW_PATIENCE_MS - 1);
    window.waited(since);
    expect(window.size).toBe(11 * TERMINAL_WINDOW);
    pass(1);
    window.waited(since);
    expect(window.size).toBe(TERMINAL_WINDOW);
    pass(WINDOW_STEADY_MS - 1);
    window.widen();
    expect(window.size).toBe(TERMINAL_WINDOW);
    pass(1);
    window.widen();
    expect(window.size).toBe(2 * TERMINAL_WINDOW);
  });

  it('that begins as large as one may be stays as it is', () => {
    const window = new Window({ least: WINDOW, step: () => 0, spare: null });
    grow(window, 2);
    window.waited(0);
    expect(window.size).toBe(WINDOW);
  });

  it('takes what it grows by out of what all share, and gives it back', () => {
    const spare = { bytes: 5 * TUNNEL_WINDOW };
    const tunnel = (): Window => new Window({ least: TUNNEL_WINDOW, step: (size) => size, spare });
    const [first, second] = [tunnel(), tunnel()];
    grow(first, 2);
    expect({ size: first.size, left: spare.bytes }).toEqual({ size: 4 * TUNNEL_WINDOW, left: 2 * TUNNEL_WINDOW });
    grow(second, 5);
    expect({ size: second.size, left: spare.bytes }).toEqual({ size: 3 * TUNNEL_WINDOW, left: 0 });
    grow(first, 5);
    expect(first.size).toBe(4 * TUNNEL_WINDOW);
    first.release();
    expect(spare.bytes).toBe(3 * TUNNEL_WINDOW);
    second.release();
    second.release();
    expect(spare.bytes).toBe(5 * TUNNEL_WINDOW);
  });
});
