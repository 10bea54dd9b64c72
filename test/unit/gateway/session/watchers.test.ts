import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Shown } from '../../../../src/access/shown.ts';
import {
  WATCH_BYTES_MAX,
  WATCH_COMMAND_MAX,
  WATCH_FLUSH_MS,
  WATCH_MESSAGE_MAX,
} from '../../../../src/gateway/limits.ts';
import { Watchers } from '../../../../src/gateway/session/watchers.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Those who look on, and what each was sent: a list for each time. */
class World {
  readonly watchers = new Watchers();
  readonly #sent = new Map<number, (readonly Shown[])[]>();

  watch(id: number, open: readonly Shown[] = []): void {
    const all: (readonly Shown[])[] = [];
    this.#sent.set(id, all);
    this.watchers.add(id, (shown) => void all.push(shown), open);
  }

  output(text: string | Buffer, channel = 0): void {
    this.watchers.output(channel, 'stdout', Buffer.from(text));
  }

  /** What was sent since it was asked last, in one. */
  sent(id: number): Shown[] {
    return (this.#sent.get(id) ?? []).splice(0).flat();
  }

  times(id: number): number {
    return this.#sent.get(id)?.length ?? 0;
  }
}

const pass = (ms = WATCH_FLUSH_MS): void => void vi.advanceTimersByTime(ms);
const output = (text: string, channel = 0): Shown => ({
  ...{ show: 'output', channel, stream: 'stdout' },
  bytes: Buffer.from(text).toString('base64'),
});
const channel = (command: string | null = 'top', size: { columns: number; rows: number } | null = null): Shown => ({
  ...{ show: 'channel', channel: 0, kind: 'exec', command, size },
});
const lost = (shown: readonly Shown[]): number =>
  shown.reduce((sum, each) => sum + (each.show === 'lost' ? each.bytes : 0), 0);
const seen = (shown: readonly Shown[]): Buffer =>
  Buffer.concat(shown.map((each) => (each.show === 'output' ? Buffer.from(each.bytes, 'base64') : Buffer.alloc(0))));

type State = 'nobody looks on' | 'one looks on' | 'two look on' | 'one has gone again' | 'the session has ended';
const STATES: Record<State, (world: World) => void> = {
  'nobody looks on': () => {},
  'one looks on': (world) => world.watch(1),
  'two look on': (world) => {
    world.watch(1);
    world.watch(2);
  },
  'one has gone again': (world) => {
    world.watch(1);
    world.watch(2);
    world.watchers.remove(1);
  },
  'the session has ended': (world) => {
    world.watch(1);
    world.watch(2);
    world.watchers.end();
  },
};
/** Whether the first and the second are shown what happens. */
const SHOWN: Record<State, readonly [boolean, boolean]> = {
  'nobody looks on': [false, false],
  'one looks on': [true, false],
  'two look on': [true, true],
  'one has gone again': [false, true],
  'the session has ended': [false, false],
};
const HAPPENINGS: readonly (readonly [string, (world: World) => void, Shown])[] = [
  ['output', (world) => world.output('hello'), output('hello')],
  ['a channel that begins', (world) => world.watchers.show(channel()), channel()],
];

describe.each(HAPPENINGS)('%s', (_name, happen, shown) => {
  it.each(Object.entries(SHOWN))('where %s is shown to: %j', (state, watching) => {
    const world = new World();
    STATES[state as State](world);
    happen(world);
    pass();
    expect([1, 2].map((id) => world.sent(id))).toEqual(watching.map((isShown) => (isShown ? [shown] : [])));
  });
});

describe('one who looks on', () => {
  it('is shown first what is open already', () => {
    const world = new World();
    world.watch(1, [channel('top')]);
    world.output('x');
    pass();
    expect(world.sent(1)).toEqual([channel('top'), output('x')]);
  });

  it('is shown what passes in one go, ten times a second at most, and nothing where nothing passes', () => {
    const world = new World();
    world.watch(1);
    pass(10 * WATCH_FLUSH_MS);
    expect(world.times(1)).toBe(0);
    for (const text of ['a', 'b', 'c']) world.output(text);
    pass(WATCH_FLUSH_MS - 1);
    expect(world.times(1)).toBe(0);
    pass(1);
    expect(world.times(1)).toBe(1);
    expect(seen(world.sent(1)).toString()).toBe('abc');
    pass(10 * WATCH_FLUSH_MS);
    expect(world.times(1)).toBe(0);
  });

  it.each<readonly [string, (world: World) => unknown]>([
    ['it stops looking', (world) => world.watchers.remove(1)],
    ['the session ends', (world) => world.watchers.end()],
  ])('is shown at once what was waiting when %s, and nothing again', (_when, end) => {
    const world = new World();
    world.watch(1);
    world.output('last words');
    end(world);
    expect(world.sent(1)).toEqual([output('last words')]);
    expect(vi.getTimerCount()).toBe(0);
    world.output('more');
    pass();
    expect(world.sent(1)).toEqual([]);
  });

  it('is sent nothing as it stops looking where nothing waits', () => {
    const world = new World();
    world.watch(1);
    world.watchers.remove(1);
    expect(world.times(1)).toBe(0);
  });

  it('is told of each channel whose output it sees', () => {
    const world = new World();
    world.watch(1);
    world.output('a', 1);
    world.output('b', 2);
    pass();
    expect(world.sent(1)).toEqual([output('a', 1), output('b', 2)]);
  });

  it('is nobody’s business to others: one who is removed without having looked changes nothing', () => {
    const world = new World();
    world.watch(1);
    world.watchers.remove(7);
    world.output('x');
    pass();
    expect(world.sent(1)).toEqual([output('x')]);
  });
});

describe('the end of a session', () => {
  it.each<readonly [State, readonly number[]]>([
    ['nobody looks on', []],
    ['two look on', [1, 2]],
    ['one has gone again', [2]],
    ['the session has ended', []],
  ])('names those who look on where %s: %j', (state, ids) => {
    const world = new World();
    STATES[state](world);
    expect(world.watchers.end()).toEqual(ids);
  });
});

/** So much waits already that there is hardly any room left. */
function nearlyFull(head: number): World {
  const world = new World();
  world.watch(1);
  for (let n = 0; n < 82; n += 1) world.watchers.show(channel('x'.repeat(WATCH_COMMAND_MAX)));
  world.watchers.show(channel('x'.repeat(head)));
  return world;
}

describe('what is too much to be shown', () => {
  it.each([
    [WATCH_BYTES_MAX, 0],
    [WATCH_BYTES_MAX + 1, 1],
    [WATCH_BYTES_MAX + 4_096, 4_096],
  ])('of %i bytes of output at once: %i bytes, and it is said how much that was', (bytes, missing) => {
    const world = new World();
    world.watch(1);
    world.output(Buffer.alloc(bytes, 'x'));
    pass();
    const shown = world.sent(1);
    expect(seen(shown)).toHaveLength(bytes - missing);
    expect(shown.filter(({ show }) => show === 'lost')).toEqual(missing > 0 ? [{ show: 'lost', bytes: missing }] : []);
  });

  it('leaves room again once it was sent', () => {
    const world = new World();
    world.watch(1);
    world.output(Buffer.alloc(WATCH_BYTES_MAX + 1, 'x'));
    pass();
    world.sent(1);
    world.output('again');
    pass();
    expect(world.sent(1)).toEqual([output('again')]);
  });

  it('is not what another missed who looked on before', () => {
    const world = new World();
    world.watch(1);
    world.output(Buffer.alloc(WATCH_BYTES_MAX, 'x'));
    world.watch(2);
    world.output('y');
    pass();
    expect([lost(world.sent(1)), lost(world.sent(2))]).toEqual([1, 0]);
  });

  it('is the end of a long command', () => {
    const world = new World();
    world.watch(1, [channel('x'.repeat(WATCH_COMMAND_MAX)), channel('y'.repeat(WATCH_COMMAND_MAX + 1))]);
    pass();
    const lengths = world.sent(1).map((each) => (each.show === 'channel' ? each.command?.length : null));
    expect(lengths).toEqual([WATCH_COMMAND_MAX, WATCH_COMMAND_MAX]);
  });

  it('is a size that changes without end, so that what waits has an end', () => {
    const world = new World();
    world.watch(1);
    for (let n = 0; n < 10_000; n += 1) world.watchers.show(channel('\u0001'.repeat(100), { columns: n, rows: 1 }));
    pass();
    const shown = world.sent(1);
    expect(shown.length).toBeGreaterThan(100);
    expect(JSON.stringify(shown).length).toBeLessThan(WATCH_MESSAGE_MAX);
  });

  it.each([
    [53, 100],
    [83, 333],
    [189, 333],
  ])(
    'is counted to the byte where hardly any room is left: a command of %i characters, pieces of %i bytes',
    (head, size) => {
      const world = nearlyFull(head);
      for (let n = 0; n < 30; n += 1) world.output(Buffer.alloc(size, 'x'));
      pass();
      const shown = world.sent(1);
      expect(seen(shown).length + lost(shown)).toBe(30 * size);
    },
  );

  it('is counted to the byte, and what is shown is a message that control takes, whatever passes', () => {
    const happening = fc.oneof(
      fc.record({ kind: fc.constant('output' as const), bytes: fc.nat(2_000) }),
      fc.record({ kind: fc.constant('output' as const), bytes: fc.nat(3) }),
      fc.record({ kind: fc.constant('channel' as const), command: fc.nat(WATCH_COMMAND_MAX + 10) }),
    );
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 40 }), fc.nat(2_000), (happenings, head) => {
        const world = nearlyFull(head % WATCH_COMMAND_MAX);
        let passed = 0;
        for (const each of happenings) {
          if (each.kind === 'channel') world.watchers.show(channel('x'.repeat(each.command)));
          else world.output(Buffer.alloc(each.bytes, 'x'));
          if (each.kind === 'output') passed += each.bytes;
        }
        pass();
        const shown = world.sent(1);
        expect(seen(shown).length + lost(shown)).toBe(passed);
        expect(JSON.stringify(shown).length).toBeLessThan(WATCH_MESSAGE_MAX + 200);
        for (const each of shown) Shown.parse(each);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
