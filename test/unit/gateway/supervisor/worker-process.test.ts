import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  HEARTBEAT_MS,
  MESSAGE_MAX,
  REGISTRY_PIECE_MAX,
  SILENT_WORKER_MS,
  SUSPECT_WORKER_MS,
  WORKER_START_MS,
} from '../../../../src/gateway/limits.ts';
import { digest, fingerprint, later, NOON } from '../../../support/samples/samples.ts';
import { STATES, SupervisedWorker } from '../../../support/worlds/hosted-worker.ts';
import { FROM_WORKER, misshapen, TO_WORKER } from '../../../support/worlds/pipe-messages.ts';
import { sessionId } from '../../../support/worlds/world.ts';

beforeEach(() => void vi.useFakeTimers({ now: NOON }));
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** What the rest of control has heard of the worker, besides that it exited. */
const heardOf = ({ asks, refused, opened, closed }: SupervisedWorker) => ({ asks, refused, opened, closed });
const NOTHING = { asks: [], refused: [], opened: [], closed: [] };

describe.each(STATES)('a worker, %s,', (_state, enter) => {
  const endings = (made: SupervisedWorker) => made.closed.map(([, { how }]) => how);

  it.each(Object.values(FROM_WORKER))('may send $type', async (message) => {
    const made = await enter();
    made.worker.says(message);
    await pass(0);
    expect([made.worker.kills, made.gone]).toEqual([0, 0]);
  });

  it.each<[string, object]>([
    ...Object.values(FROM_WORKER).map((each): [string, object] => [
      `${each.type} with an unknown field`,
      misshapen(each),
    ]),
    ['an unknown type', { type: 'shell', command: 'id' }],
    ['no type', {}],
    ['a message that only control sends', TO_WORKER.drain],
    ['a message for whoever hands connections over', { type: 'at_door', connection: 1, reached: 'in', key: null }],
    ['a session id that is a path', { ...FROM_WORKER.closed, session: '../../keys' }],
    ['a negative number of sessions', { type: 'heartbeat', sessions: -1 }],
  ])('is killed for %s, which has no other effect', async (_name, message) => {
    const made = await enter();
    made.worker.isTenacious = true;
    made.worker.says(message);
    await pass(0);
    expect(made.worker.kills).toBe(1);
    expect(heardOf(made)).toEqual(NOTHING);
  });

  it.each([
    ['no JSON', '{"type":\n'],
    ['no object', '[1]\n'],
    ['a line that never ends', 'x'.repeat(MESSAGE_MAX + 1)],
    ['a line that is too long', `{"type":"heartbeat","sessions":0,"x":"${'x'.repeat(MESSAGE_MAX)}"}\n`],
  ])('is killed for %s, and what follows is ignored', async (_name, text) => {
    const made = await enter();
    made.worker.isTenacious = true;
    made.worker.saysText(text);
    made.worker.saysText(`\n${JSON.stringify(FROM_WORKER.refused)}\n`);
    await pass(0);
    expect(made.worker.kills).toBe(1);
    expect(heardOf(made)).toEqual(NOTHING);
  });

  it.each(Object.values(FROM_WORKER))('is ignored after it has exited: $type', async (message) => {
    const made = await enter();
    made.worker.exits();
    const { closed } = heardOf(made);
    made.worker.says(message);
    made.worker.says(misshapen(message));
    await pass(0);
    expect(heardOf(made)).toEqual({ ...NOTHING, closed });
    expect([made.worker.kills, made.worker.isOpen, made.process.isReady]).toEqual([0, false, false]);
  });

  it('carries nothing, is told nothing and is not supervised after it has exited', async () => {
    const made = await enter();
    const carried = made.process.carried.length;
    made.worker.exits();
    await made.process.exited();
    expect([made.gone, made.process.isIdle, made.process.carried, endings(made).length]).toEqual([
      1,
      true,
      [],
      carried,
    ]);
    made.worker.told.length = 0;
    made.process.know({ kind: 'code', digest: digest(1), until: 0 });
    made.process.drain({ why: 'shutdown', message: 'restart' }, 0);
    made.process.terminate([sessionId(1)], { why: 'revoked', message: 'over' });
    await pass(WORKER_START_MS);
    expect([made.worker.told, made.worker.kills, made.suspected]).toEqual([[], 0, []]);
  });

  it('is told with every heartbeat how long ago control knew what was revoked', async () => {
    const made = await enter();
    made.worker.told.length = 0;
    made.knownMsAgo = 7;
    await pass(HEARTBEAT_MS - 1);
    expect(made.worker.toldOf('heartbeat')).toEqual([]);
    await pass(1);
    made.knownMsAgo = 0.5;
    await pass(HEARTBEAT_MS);
    expect(made.worker.toldOf('heartbeat').map(({ knownMsAgo }) => knownMsAgo)).toEqual([7, 0.5]);
  });
});

describe('a worker that starts', () => {
  const keys = Array.from(
    { length: REGISTRY_PIECE_MAX + 1 },
    (_, n) => ({ kind: 'key', fingerprint: fingerprint(n + 1), isRetired: false }) as const,
  );
  const code = { kind: 'code', digest: digest(1), until: 1 } as const;

  it('gets the registry piece by piece, then the order to start, and then each change at once', async () => {
    const { worker, process } = await SupervisedWorker.start({ registry: keys });
    const told = () => worker.told.map((each) => (each.type === 'registry' ? each.entries.length : each.type));
    const takes = async (): Promise<void> => {
      worker.says(FROM_WORKER.registry_taken);
      await pass(0);
    };
    expect(told()).toEqual([REGISTRY_PIECE_MAX]);
    process.know(code);
    expect(told()).toHaveLength(1);
    await takes();
    expect(told()).toEqual([REGISTRY_PIECE_MAX, 2]);
    await takes();
    expect(told()).toEqual([REGISTRY_PIECE_MAX, 2, 'start']);
    process.know(code);
    for (let n = 0; n < 3; n += 1) await takes();
    expect(told()).toEqual([REGISTRY_PIECE_MAX, 2, 'start', 1]);
  });

  it('gets the order to start at once if nothing is registered', async () => {
    const { worker } = await SupervisedWorker.start();
    expect(worker.told).toEqual([TO_WORKER.start]);
  });
});

describe('a worker', () => {
  type Step = 'ready' | 'serve' | 'exit';
  it.each<[string, Step[], { isOpen: boolean; isReady: boolean; hasServed: boolean }]>([
    ['takes no connections by itself', [], { isOpen: false, isReady: false, hasServed: false }],
    [
      'takes no connections if it is ready and not asked to serve',
      ['ready'],
      { isOpen: false, isReady: true, hasServed: false },
    ],
    ['takes no connections before it is ready', ['serve'], { isOpen: false, isReady: false, hasServed: false }],
    ['takes connections as soon as it is ready', ['serve', 'ready'], { isOpen: true, isReady: true, hasServed: true }],
    [
      'takes connections as soon as it is asked to serve',
      ['ready', 'serve'],
      { isOpen: true, isReady: true, hasServed: true },
    ],
    ['may say twice that it is ready', ['serve', 'ready', 'ready'], { isOpen: true, isReady: true, hasServed: true }],
    [
      'takes no connections after it has exited',
      ['ready', 'serve', 'exit'],
      { isOpen: false, isReady: false, hasServed: true },
    ],
    [
      'is not served by being ready after it has exited',
      ['serve', 'exit', 'ready'],
      { isOpen: false, isReady: false, hasServed: false },
    ],
  ])('%s', async (_name, steps, expected) => {
    const { process, worker } = await SupervisedWorker.start();
    const act: Record<Step, () => void> = {
      ready: () => worker.says(FROM_WORKER.ready),
      serve: () => process.serve(),
      exit: () => worker.exits(),
    };
    for (const step of steps) {
      act[step]();
      await pass(0);
    }
    const { isReady, hasServed } = process;
    expect({ isOpen: worker.isOpen, isReady, hasServed }).toEqual(expected);
  });

  it.each<[string, (made: SupervisedWorker) => void, boolean]>([
    ['resolves its promise when it is ready', ({ worker }) => worker.says(FROM_WORKER.ready), true],
    ['rejects its promise if it exits before', ({ worker }) => worker.exits(), false],
    ['rejects its promise if it is killed before', ({ process }) => process.kill(), false],
  ])('%s', async (_name, act, canServe) => {
    const made = await SupervisedWorker.start();
    const waiting = made.process.ready.then(
      () => true,
      () => false,
    );
    act(made);
    expect(await waiting).toBe(canServe);
  });
});

describe('a worker that is silent', () => {
  it.each<[string, () => Promise<SupervisedWorker>, number, boolean[], number]>([
    ['is not suspected while it starts', SupervisedWorker.start, SILENT_WORKER_MS, [], 0],
    ['is not killed before its time to start is over', SupervisedWorker.start, WORKER_START_MS - 1, [], 0],
    ['is killed when its time to start is over', SupervisedWorker.start, WORKER_START_MS, [], 1],
    ['is not suspected for a short silence', SupervisedWorker.ready, SUSPECT_WORKER_MS - 1, [], 0],
    ['is suspected for a longer silence', SupervisedWorker.ready, SUSPECT_WORKER_MS, [true], 0],
    [
      'is suspected once, and not killed, for a silence that is longer still',
      SupervisedWorker.ready,
      SILENT_WORKER_MS - 1,
      [true],
      0,
    ],
    ['is killed in the end', SupervisedWorker.ready, SILENT_WORKER_MS, [true], 1],
  ])('%s', async (_name, enter, ms, suspected, kills) => {
    const made = await enter();
    await pass(ms);
    expect([made.suspected, made.worker.kills, made.gone]).toEqual([suspected, kills, kills]);
  });

  it.each(Object.values(FROM_WORKER))(
    'is not suspected any more after it sends any message: $type',
    async (message) => {
      const made = await SupervisedWorker.ready();
      await pass(SUSPECT_WORKER_MS);
      made.worker.says(message);
      expect(made.suspected).toEqual([true, false]);
      await pass(SUSPECT_WORKER_MS - 1);
      expect([made.suspected, made.worker.kills]).toEqual([[true, false], 0]);
      await pass(1);
      expect(made.suspected).toEqual([true, false, true]);
    },
  );

  it('is killed again with every heartbeat until it exits', async () => {
    const made = await SupervisedWorker.ready();
    made.worker.isTenacious = true;
    await pass(SILENT_WORKER_MS + 2 * HEARTBEAT_MS);
    expect(made.worker.kills).toBe(3);
    made.worker.exits(null, 'SIGKILL');
    await pass(SILENT_WORKER_MS);
    expect([made.worker.kills, made.gone]).toEqual([3, 1]);
  });

  it('is not suspected because the wall clock jumps', async () => {
    const made = await SupervisedWorker.ready();
    vi.setSystemTime(later(86_400));
    await pass(SUSPECT_WORKER_MS - 1);
    expect([made.suspected, made.worker.kills]).toEqual([[], 0]);
  });

  it('is never suspected while it sends heartbeats', async () => {
    const made = await SupervisedWorker.ready();
    made.worker.beats();
    await pass(10 * WORKER_START_MS);
    expect([made.suspected, made.worker.kills]).toEqual([[], 0]);
    made.worker.hangs();
    await pass(SILENT_WORKER_MS + HEARTBEAT_MS);
    expect(made.worker.kills).toBe(1);
  });
});
