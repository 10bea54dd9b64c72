import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SILENT_WORKER_MS, SUSPECT_WORKER_MS, WORKER_RESTART_MS } from '../../../../src/gateway/limits.ts';
import { Crew } from '../../../../src/gateway/supervisor/crew.ts';
import { WorkerProcess } from '../../../../src/gateway/supervisor/worker-process.ts';
import { type Hollow, HollowHost, idleOptions } from '../../../support/worlds/hosted-worker.ts';
import { FROM_WORKER } from '../../../support/worlds/pipe-messages.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** A crew, and its workers by number: the first one is 1. */
class Hands {
  readonly host = new HollowHost();
  readonly crew = new Crew((events) => new WorkerProcess({ ...idleOptions(this.host), ...events }));

  static async of(count: number): Promise<Hands> {
    const hands = new Hands();
    for (let n = 1; n <= count; n += 1) {
      hands.crew.add();
      await hands.works(n);
    }
    return hands;
  }

  get(n: number): Hollow {
    const worker = this.host.workers[n - 1];
    if (!worker) throw new Error(`worker ${n} was not started`);
    return worker;
  }

  /** It is ready, and sends heartbeats from now on. */
  async works(n: number): Promise<void> {
    await pass(0);
    this.get(n).says(FROM_WORKER.ready);
    this.get(n).beats();
    await pass(0);
  }

  /** It hangs for so long that a spare one starts, which works. */
  async suspects(n: number, spare: number): Promise<void> {
    this.get(n).hangs();
    await pass(SUSPECT_WORKER_MS);
    await this.works(spare);
  }

  /** Who counts as one of the crew, who runs, who takes connections, and how many were started so far. */
  get state() {
    const { workers, all } = this.crew;
    const numbers = (some: readonly WorkerProcess[]): (number | undefined)[] => some.map(({ pid }) => pid);
    const isOpen = ({ pid = 0 }: WorkerProcess): boolean => this.get(pid).isOpen;
    return {
      ...{ crew: numbers(workers), all: numbers(all), open: numbers(all.filter(isOpen)) },
      started: this.host.workers.length,
    };
  }
}

it('a crew has as many workers as were added, and each takes connections as soon as it is ready', async () => {
  const hands = new Hands();
  hands.crew.add();
  hands.crew.add();
  expect(hands.state).toEqual({ crew: [1, 2], all: [1, 2], open: [], started: 2 });
  await hands.works(2);
  expect(hands.state.open).toEqual([2]);
  await hands.works(1);
  expect(hands.state.open).toEqual([1, 2]);
  await pass(60_000);
  expect(hands.state).toEqual({ crew: [1, 2], all: [1, 2], open: [1, 2], started: 2 });
});

describe('when a worker of a crew is silent', () => {
  it('no spare worker starts for a short silence', async () => {
    const hands = await Hands.of(2);
    hands.get(1).hangs();
    await pass(SUSPECT_WORKER_MS - 1);
    expect(hands.state.all).toEqual([1, 2]);
  });

  it('a spare worker starts, which takes no connections', async () => {
    const hands = await Hands.of(2);
    await hands.suspects(1, 3);
    expect(hands.state).toEqual({ crew: [1, 2], all: [1, 2, 3], open: [1, 2], started: 3 });
  });

  it.each([
    ['at once if it is ready', true],
    ['and connections as soon as it is ready', false],
  ])('and hangs, the spare worker takes its place, %s', async (_name, isReady) => {
    const hands = await Hands.of(2);
    hands.get(1).hangs();
    await pass(SUSPECT_WORKER_MS);
    if (isReady) await hands.works(3);
    await pass(SILENT_WORKER_MS - SUSPECT_WORKER_MS);
    expect(hands.get(1).kills).toBe(1);
    expect(hands.state).toEqual({ crew: [2, 3], all: [2, 3], open: isReady ? [2, 3] : [2], started: 3 });
    if (!isReady) await hands.works(3);
    await pass(60_000);
    expect(hands.state).toEqual({ crew: [2, 3], all: [2, 3], open: [2, 3], started: 3 });
  });

  it('and speaks again, the spare worker is killed and not replaced', async () => {
    const hands = await Hands.of(2);
    await hands.suspects(1, 3);
    hands.get(1).beats();
    await pass(60_000);
    expect(hands.get(3).kills).toBe(1);
    expect(hands.state).toEqual({ crew: [1, 2], all: [1, 2], open: [1, 2], started: 3 });
  });

  it('and another one too, a single spare worker starts, and stays while either is silent', async () => {
    const hands = await Hands.of(2);
    for (const n of [1, 2]) hands.get(n).hangs();
    await pass(SUSPECT_WORKER_MS);
    await hands.works(3);
    expect(hands.state.all).toEqual([1, 2, 3]);
    hands.get(1).beats();
    await pass(0);
    expect([hands.get(3).kills, hands.state.all]).toEqual([0, [1, 2, 3]]);
    hands.get(2).beats();
    await pass(0);
    expect([hands.get(3).kills, hands.state.all]).toEqual([1, [1, 2]]);
  });

  it('and another one too, and both hang, the spare worker takes one place and a new one the other', async () => {
    const hands = await Hands.of(2);
    for (const n of [1, 2]) hands.get(n).hangs();
    await pass(SUSPECT_WORKER_MS);
    await hands.works(3);
    await pass(SILENT_WORKER_MS - SUSPECT_WORKER_MS);
    await hands.works(4);
    expect(hands.state).toEqual({ crew: [3, 4], all: [3, 4], open: [3, 4], started: 4 });
  });

  it('and the spare worker is silent as well, no other spare worker starts', async () => {
    const hands = await Hands.of(1);
    hands.get(1).isTenacious = true;
    await hands.suspects(1, 2);
    hands.get(2).hangs();
    await pass(SUSPECT_WORKER_MS);
    expect(hands.state).toMatchObject({ all: [1, 2], started: 2 });
    await pass(SILENT_WORKER_MS - SUSPECT_WORKER_MS);
    expect(hands.state).toMatchObject({ crew: [1], all: [1], started: 2 });
    hands.get(1).exits(null, 'SIGKILL');
    expect(hands.state).toMatchObject({ crew: [3], started: 3 });
  });

  it('and the spare worker is silent as well, it is killed as soon as the first one speaks again', async () => {
    const hands = await Hands.of(1);
    hands.get(1).isTenacious = true;
    await hands.suspects(1, 2);
    hands.get(2).hangs();
    await pass(SUSPECT_WORKER_MS);
    hands.get(1).beats();
    await pass(0);
    expect(hands.state).toEqual({ crew: [1], all: [1], open: [], started: 2 });
  });

  it('a worker that hung and is gone does not count as silent any more', async () => {
    const hands = await Hands.of(2);
    await hands.suspects(1, 3);
    await pass(SILENT_WORKER_MS - SUSPECT_WORKER_MS);
    await hands.suspects(2, 4);
    hands.get(2).beats();
    await pass(0);
    expect(hands.state).toEqual({ crew: [2, 3], all: [2, 3], open: [2, 3], started: 4 });
  });

  it('and another one exits, the spare worker takes the place of that one', async () => {
    const hands = await Hands.of(2);
    await hands.suspects(1, 3);
    hands.get(2).exits();
    expect(hands.state).toEqual({ crew: [1, 3], all: [1, 3], open: [1, 3], started: 3 });
  });

  it('and the spare worker is needed after it was killed, it is replaced when it exits', async () => {
    const hands = await Hands.of(2);
    await hands.suspects(1, 3);
    hands.get(3).isTenacious = true;
    hands.get(1).beats();
    hands.get(2).exits();
    expect(hands.state.crew).toEqual([1, 3]);
    hands.get(3).exits(null, 'SIGKILL');
    await hands.works(4);
    expect(hands.state).toEqual({ crew: [1, 4], all: [1, 4], open: [1, 4], started: 4 });
  });
});

describe('when a worker of a crew exits', () => {
  it('a new one takes its place at once if it took connections', async () => {
    const hands = await Hands.of(2);
    hands.get(1).exits();
    expect(hands.state.crew).toEqual([2, 3]);
    await hands.works(3);
    expect(hands.state).toEqual({ crew: [2, 3], all: [2, 3], open: [2, 3], started: 3 });
  });

  it('a new one starts a little later, each time, if it was never ready', async () => {
    const hands = await Hands.of(1);
    hands.crew.add();
    for (const n of [2, 3, 4]) {
      hands.get(n).exits();
      expect(hands.state.crew).toEqual([1]);
      await pass(WORKER_RESTART_MS - 1);
      expect(hands.state.crew).toEqual([1]);
      await pass(1);
      expect(hands.state.crew).toEqual([1, n + 1]);
    }
    await hands.works(5);
    expect(hands.state.open).toEqual([1, 5]);
  });
});

describe('a crew that stops', () => {
  it.each<[string, (hands: Hands) => Promise<void> | void, (hands: Hands) => Promise<void> | void, number[], number]>([
    ['does not replace a worker that exits', () => {}, (hands) => hands.get(1).exits(), [2], 2],
    [
      'does not replace a worker that was never ready, even if that was due',
      async (hands) => {
        hands.crew.add();
        hands.get(3).exits();
      },
      () => {},
      [1, 2],
      3,
    ],
    [
      'starts no spare worker for a silent one',
      () => {},
      async (hands) => {
        hands.get(1).isTenacious = true;
        hands.get(1).hangs();
        await pass(SILENT_WORKER_MS);
      },
      [1, 2],
      2,
    ],
    [
      'does not let the spare worker take the place of one that exits',
      async (hands) => {
        hands.get(1).hangs();
        await pass(SUSPECT_WORKER_MS);
      },
      (hands) => hands.get(1).exits(),
      [2],
      3,
    ],
  ])('%s', async (_name, before, after, crew, started) => {
    const hands = await Hands.of(2);
    await before(hands);
    hands.crew.stop();
    await after(hands);
    await pass(2 * WORKER_RESTART_MS);
    expect(hands.state).toMatchObject({ crew, started });
  });

  it('kills all its workers and the spare one, waits for the last of them, and starts none', async () => {
    const hands = await Hands.of(2);
    hands.get(1).hangs();
    await pass(SUSPECT_WORKER_MS);
    for (const n of [2, 3]) hands.get(n).isTenacious = true;
    let hasEnded = false;
    const end = hands.crew.end().then(() => {
      hasEnded = true;
    });
    await pass(0);
    expect([1, 2, 3].map((n) => hands.get(n).kills)).toEqual([1, 1, 1]);
    hands.get(2).exits(null, 'SIGKILL');
    await pass(WORKER_RESTART_MS);
    expect(hasEnded).toBe(false);
    hands.get(3).exits(null, 'SIGKILL');
    await end;
    await pass(WORKER_RESTART_MS);
    expect(hands.state).toEqual({ crew: [], all: [], open: [], started: 3 });
  });

  it('ends at once if no worker runs', async () => {
    await expect(new Hands().crew.end()).resolves.toBeUndefined();
  });
});
