import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SessionEnding } from '../../../../src/access/session.ts';
import {
  FAILURE_LINGER_MS,
  FAREWELL_MS,
  PARTING_MS,
  SOCKET_HIGH_WATER,
  TERMINATED_LINGER_MS,
} from '../../../../src/gateway/limits.ts';
import { saying } from '../../../support/peers/channel-words.ts';
import { HEAD } from '../../../support/peers/memory-recorder.ts';
import { TARGET_FAILURES } from '../../../support/peers/memory-target.ts';
import { LASTS_MS, SessionWorld } from '../../../support/worlds/session-world.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const CLOSED: SessionEnding = { how: 'closed' };
const REVOKED: SessionEnding = { how: 'terminated', why: 'revoked' };
const EXPIRED: SessionEnding = { how: 'terminated', why: 'expired' };
const UNRECORDED: SessionEnding = { how: 'failed', why: 'recording_failed' };
const UNREACHABLE: SessionEnding = { how: 'failed', why: 'target_unreachable' };
const ABANDONED: SessionEnding = { how: 'failed', why: 'login_abandoned' };

/** How far a session has come. */
const STATES = {
  'the target is not there yet': () => SessionWorld.begin(),
  'a command was asked for and the target is not there yet': async () => {
    const world = await SessionWorld.begin();
    await world.asks('uptime');
    return world;
  },
  'nothing runs': () => SessionWorld.open(),
  'the target has not opened the channel yet': async () => {
    const world = await SessionWorld.open();
    await world.asks('uptime');
    return world;
  },
  'a command runs': async () => {
    const world = await SessionWorld.open();
    await world.runs('uptime');
    return world;
  },
  'a tunnel is open': async () => {
    const world = await SessionWorld.open();
    await world.tunnels();
    return world;
  },
} as const;
type State = keyof typeof STATES;

/** What may end it. */
const EVENTS = {
  'the client goes': (world: SessionWorld) => world.clientGoes(),
  'the target goes': (world: SessionWorld) => world.target.goes(),
  'access is revoked': (world: SessionWorld) => world.session.terminate('revoked', 'ended'),
  'the recorder fails': (world: SessionWorld) => world.thread.fail('EIO'),
  'the disk is full': (world: SessionWorld) => world.session.outOfSpace(),
  'time is over': (world: SessionWorld) => world.pass(LASTS_MS),
} as const;
type Event = keyof typeof EVENTS;

const ENDINGS: Readonly<Record<State, Readonly<Record<Event, SessionEnding>>>> = {
  'the target is not there yet': endings(ABANDONED, UNREACHABLE),
  'a command was asked for and the target is not there yet': endings(ABANDONED, UNREACHABLE),
  // A target may close an idle connection.
  'nothing runs': endings(CLOSED, CLOSED),
  'the target has not opened the channel yet': endings(CLOSED, UNREACHABLE),
  'a command runs': endings(CLOSED, UNREACHABLE),
  'a tunnel is open': endings(CLOSED, UNREACHABLE),
};
function endings(clientGoes: SessionEnding, targetGoes: SessionEnding): Readonly<Record<Event, SessionEnding>> {
  return {
    ...{ 'the client goes': clientGoes, 'the target goes': targetGoes, 'access is revoked': REVOKED },
    ...{ 'the recorder fails': UNRECORDED, 'the disk is full': UNRECORDED, 'time is over': EXPIRED },
  };
}
const ROWS = Object.entries(STATES).flatMap(([state, make]) =>
  Object.entries(EVENTS).map(([event, happen]) => {
    const ending = ENDINGS[state as State][event as Event];
    return [state, event, 'why' in ending ? ending.why : ending.how, make, happen, ending] as const;
  }),
);

/** Whatever else would have come has come, and all that may end a session has happened to it again. */
async function allHappened(world: SessionWorld): Promise<void> {
  await world.pass(FAILURE_LINGER_MS + PARTING_MS);
  for (const happen of Object.values(EVENTS)) await happen(world);
  await world.pass(FAILURE_LINGER_MS + PARTING_MS);
}
const times = (world: SessionWorld, what: string): number => world.told.filter((each) => each.startsWith(what)).length;

describe('a session', () => {
  it.each(ROWS)('ends once where %s and %s: %s', async (_state, _event, _how, make, happen, ending) => {
    const world = await make();
    await happen(world);
    await allHappened(world);
    expect(world.reports.map((report) => report.ending)).toEqual([ending]);
    expect(world.told.slice(-2)).toEqual(['cut', 'closed']);
    expect([times(world, 'cut'), times(world, 'closed')]).toEqual([1, 1]);
    expect(times(world, 'opened')).toBeLessThanOrEqual(1);
    // Neither side keeps anything open.
    expect([world.client.isDestroyed, world.target.wire.isDestroyed]).toEqual([true, true]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each<readonly [Event, Event, SessionEnding]>([
    ['the target goes', 'the client goes', UNREACHABLE],
    ['the target goes', 'access is revoked', REVOKED],
    ['the target goes', 'the recorder fails', UNRECORDED],
    ['the target goes', 'the disk is full', UNRECORDED],
    ['access is revoked', 'the client goes', REVOKED],
    ['access is revoked', 'the target goes', REVOKED],
    ['access is revoked', 'the recorder fails', REVOKED],
    ['access is revoked', 'the disk is full', REVOKED],
    ['the recorder fails', 'the client goes', UNRECORDED],
    ['the recorder fails', 'the target goes', UNRECORDED],
    ['the recorder fails', 'access is revoked', REVOKED],
    ['the disk is full', 'the recorder fails', UNRECORDED],
    ['the client goes', 'the target goes', CLOSED],
    ['the client goes', 'access is revoked', CLOSED],
  ])('in which %s and then %s ends once, whether the client waits or not', async (first, second, ending) => {
    for (const isPatient of [true, false]) {
      const world = await STATES['a command runs']();
      for (const event of [first, second]) await EVENTS[event](world);
      await world.settle();
      if (!isPatient) world.clientGoes();
      await allHappened(world);
      expect(world.reports.map((report) => report.ending)).toEqual([ending]);
      expect([times(world, 'cut'), times(world, 'closed')]).toEqual([1, 1]);
    }
  });

  it.each<readonly [string, ((world: SessionWorld) => unknown)[], number]>([
    ['the recording alone', [(world) => world.thread.release()], 0],
    ['the target alone', [(world) => world.target.letsIn()], 0],
    ['the recording and then the target', [(world) => world.thread.release(), (world) => world.target.letsIn()], 1],
    ['the target and then the recording', [(world) => world.target.letsIn(), (world) => world.thread.release()], 1],
    [
      'the target, and the recording after the client',
      [(world) => world.target.letsIn(), (world) => world.clientGoes(), (world) => world.thread.release()],
      0,
    ],
    [
      'the target after the client',
      [(world) => world.clientGoes(), (world) => world.target.letsIn(), (world) => world.thread.release()],
      0,
    ],
  ])('is open with both recording and target: %s', async (_what, steps, opened) => {
    const world = await SessionWorld.begin((thread) => thread.holds.add('begin'));
    for (const step of steps) {
      step(world);
      await world.settle();
    }
    expect(world.told.filter((each) => each.startsWith('opened'))).toEqual(Array(opened).fill(`opened ${HEAD}`));
  });

  it('that was refused something before the target was there is no login that was abandoned', async () => {
    const world = await SessionWorld.begin();
    world.client.say(saying.open(0, { type: 'x11' }));
    world.clientGoes();
    await world.settle();
    expect(world.ending).toEqual(CLOSED);
    expect(world.reports[0]?.refusals).toHaveLength(1);
  });

  it('tells those who look on that there is nothing more to see, once and before anything else', async () => {
    const world = await SessionWorld.open();
    for (const watch of [3, 4, 5]) world.session.channels.watch(watch, null, () => {});
    world.session.channels.unwatch(4);
    world.clientGoes();
    await allHappened(world);
    expect(world.told.slice(1)).toEqual(['unwatched 3,5', 'cut', 'closed']);
  });
});

describe('a session that is ended from here', () => {
  it('has its target cut off at once, and nothing more goes there', async () => {
    const world = await STATES['a command runs']();
    world.session.terminate('revoked', 'ended');
    expect(world.target.wire.ends).toEqual(['reset']);
    expect(world.target.wire.heard()).toEqual(['CLOSE 0']);
    world.client.say(saying.data(0, 'typed'));
    await world.settle();
    expect(world.target.wire.heard()).toEqual([]);
  });

  it('shows the client nothing more of what waited for it, but why', async () => {
    const world = await STATES['a command runs']();
    world.client.takes(0);
    world.target.wire.say(saying.data(0, 'secret'));
    world.session.terminate('revoked', 'ended');
    world.client.takes(SOCKET_HIGH_WATER);
    await world.settle();
    expect(world.client.heard()).toEqual([
      'EXTENDED 0 1 daypass: ended\n',
      ...['REQUEST 0 exit-status', 'EOF 0', 'CLOSE 0'],
    ]);
  });
});

describe('the client of a session that ends', () => {
  it.each<readonly [Event, number]>([
    ['the target goes', FAILURE_LINGER_MS],
    ['access is revoked', TERMINATED_LINGER_MS],
    ['the recorder fails', FAREWELL_MS],
  ])('because %s has so long to read why, is asked to go, and is cut off', async (event, ms) => {
    const world = await STATES['a command runs']();
    await EVENTS[event](world);
    await world.pass(ms - 1);
    expect(world.client.ends).toEqual([]);
    await world.pass(1);
    expect(world.client.ends).toEqual([expect.stringMatching(/^left: daypass: /)]);
    await world.pass(PARTING_MS - 1);
    expect([world.client.isDestroyed, world.reports]).toEqual([false, []]);
    await world.pass(1);
    expect(world.client.ends.slice(1, 2)).toEqual(['reset']);
    expect(world.reports).toHaveLength(1);
  });

  it('hears of the first reason only, where there are several', async () => {
    const world = await STATES['a command runs']();
    world.session.terminate('revoked', 'ended: by a reviewer.');
    world.session.terminate('shutdown', 'ended: the gateway goes.');
    await allHappened(world);
    expect(world.partings).toEqual(['left: daypass: ended: by a reviewer.']);
    expect(world.ending).toEqual(REVOKED);
  });

  it('in which nothing ran is told so as it is revoked', async () => {
    const world = await SessionWorld.open();
    world.session.terminate('revoked', 'ended: by a reviewer.');
    expect(world.client.ends).toEqual(['left: daypass: ended: by a reviewer.']);
  });

  it('whose target closed an idle connection may come back by what carried this one', async () => {
    const world = await SessionWorld.open();
    world.target.goes();
    await world.pass(FAILURE_LINGER_MS + PARTING_MS);
    expect(world.client.ends).toEqual(['destroyed', 'destroyed']);
  });

  it('reads in its channel why the target cannot be reached, and with which status', async () => {
    const world = await STATES['a command was asked for and the target is not there yet']();
    world.client.taken();
    world.target.goes(TARGET_FAILURES.refused);
    await world.settle();
    expect(world.client.heard()).toEqual([
      `EXTENDED 0 1 daypass: ${TARGET_FAILURES.refused.message}\n`,
      ...['REQUEST 0 exit-status', 'EOF 0', 'CLOSE 0'],
    ]);
    await world.pass(FAILURE_LINGER_MS + PARTING_MS);
    expect(world.ending).toEqual({ how: 'failed', why: 'target_refused' });
  });

  it('reads first what the target said before it went', async () => {
    const world = await STATES['a command runs']();
    world.target.wire.say(saying.data(0, 'last words'));
    world.target.goes();
    await world.settle();
    expect(world.client.heard().slice(0, 2)).toEqual([
      'DATA 0 last words',
      `EXTENDED 0 1 daypass: ${TARGET_FAILURES.lost.message}\n`,
    ]);
  });
});
