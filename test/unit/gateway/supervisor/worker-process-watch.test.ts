import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Shown } from '../../../../src/access/shown.ts';
import { WATCHED } from '../../../../src/gateway/words/session-words.ts';
import type { Watcher } from '../../../../src/use-cases/ports/gateways.ts';
import { NOON } from '../../../support/samples/samples.ts';
import { SupervisedWorker } from '../../../support/worlds/hosted-worker.ts';
import { FROM_WORKER, SHOWN, TO_WORKER } from '../../../support/worlds/pipe-messages.ts';
import { sessionId } from '../../../support/worlds/world.ts';

beforeEach(() => void vi.useFakeTimers({ now: NOON }));
afterEach(() => void vi.useRealTimers());

const { watched, watch_over: over } = FROM_WORKER;
const { watch, unwatch } = TO_WORKER;

type Seen = readonly (Shown | 'over')[];

/** A watcher, and what reached it. */
function onlooker(isTold: boolean) {
  const seen: (Shown | 'over')[] = [];
  const watcher: Watcher = { isTold, see: (shown) => void seen.push(shown), over: () => void seen.push('over') };
  return { watcher, seen };
}

async function watching(isTold = false) {
  const made = await SupervisedWorker.carrying(1);
  const { watcher, seen } = onlooker(isTold);
  const stop = made.process.watch(sessionId(1), watcher);
  return { made, worker: made.worker, seen, stop };
}
type Watching = Awaited<ReturnType<typeof watching>>;

describe('a watcher of a session', () => {
  it.each([
    [false, null],
    [true, WATCHED],
  ])('is announced to the worker, with what the person reads', async (isTold, told) => {
    const { worker } = await watching(isTold);
    expect(worker.told).toEqual([{ ...watch, told }]);
  });

  it.each<[string, ((of: Watching) => void)[], Seen, object[]]>([
    ['sees what the worker shows', [({ worker }) => worker.says(watched, watched)], [SHOWN, SHOWN], []],
    [
      'sees nothing that is shown under an unknown number',
      [({ worker }) => worker.says({ ...watched, watch: 1 })],
      [],
      [],
    ],
    ['is not ended by the end of an unknown number', [({ worker }) => worker.says({ ...over, watch: 1 })], [], []],
    [
      'sees nothing after it stopped',
      [({ stop }) => stop(), ({ worker }) => worker.says(watched, over)],
      [],
      [unwatch],
    ],
    ['stops once', [({ stop }) => stop(), ({ stop }) => stop()], [], [unwatch]],
    ['sees nothing after the end', [({ worker }) => worker.says(over, watched, over)], ['over'], []],
    ['has nothing to stop after the end', [({ worker }) => worker.says(over), ({ stop }) => stop()], ['over'], []],
    ['comes to its end when the worker exits', [({ worker }) => worker.exits(), ({ stop }) => stop()], ['over'], []],
  ])('%s', async (_name, acts, seen, told) => {
    const of = await watching();
    of.worker.told.length = 0;
    for (const act of acts) act(of);
    await vi.advanceTimersByTimeAsync(0);
    expect([of.seen, of.worker.told]).toEqual([seen, told]);
  });

  it('sees only what is shown to it, and not what is shown to another', async () => {
    const { made, seen } = await watching();
    const other = onlooker(false);
    made.process.watch(sessionId(1), other.watcher);
    made.worker.says(watched, { ...over, watch: 1 });
    expect([seen, other.seen]).toEqual([[SHOWN], ['over']]);
  });
});
