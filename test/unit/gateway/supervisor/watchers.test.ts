import { beforeEach, expect, it } from 'vitest';
import type { ToWorker } from '../../../../src/gateway/pipe/worker-messages.ts';
import { Watchers } from '../../../../src/gateway/supervisor/watchers.ts';
import { SHOWN, TO_WORKER } from '../../../support/worlds/pipe-messages.ts';
import { sessionId } from '../../../support/worlds/world.ts';

let sent: ToWorker[];
let watchers: Watchers;
let seen: string[];

beforeEach(() => {
  sent = [];
  seen = [];
  watchers = new Watchers((message) => void sent.push(message));
});

/** One that notes what it sees, and stops at once if it is to. */
function onlooker(name: string, stopsAtOnce = false): () => void {
  const stop = watchers.watch(sessionId(1), {
    isTold: false,
    see: () => {
      seen.push(name);
      if (stopsAtOnce) stop();
    },
    over: () => void seen.push(`${name} over`),
  });
  return stop;
}

it('a watcher that stops at what it sees is shown nothing more of it', () => {
  onlooker('one', true);
  watchers.see(0, [SHOWN, SHOWN]);
  expect([seen, sent]).toEqual([['one'], [TO_WORKER.watch, TO_WORKER.unwatch]]);
});

it('a number is not used again', () => {
  onlooker('one')();
  onlooker('two');
  watchers.see(0, [SHOWN]);
  watchers.see(1, [SHOWN]);
  expect(seen).toEqual(['two']);
});

it('when all is over each watcher is told once, and has nothing to stop', () => {
  const stops = [onlooker('one'), onlooker('two')];
  sent.length = 0;
  watchers.allOver();
  watchers.allOver();
  for (const stop of stops) stop();
  expect([seen, sent]).toEqual([['one over', 'two over'], []]);
});
