import { beforeEach, describe, expect, it } from 'vitest';
import type { SessionEvents, SessionStart } from '../../../../src/gateway/session/session.ts';
import { makeSessionKey } from '../../../../src/gateway/upstream/connect.ts';
import { LiveSessions } from '../../../../src/gateway/worker/live-sessions.ts';
import { digest, engagementId, grantId, later, personId } from '../../../support/samples/samples.ts';
import { ADDRESS, REPORT, SHOWN, sessionAnswer, TO_WORKER } from '../../../support/worlds/pipe-messages.ts';
import { sessionId } from '../../../support/worlds/world.ts';

type Said = readonly unknown[];

/** A session with nothing in it: what it is told, by its method and what came with it. */
class Carried {
  readonly start: SessionStart;
  readonly events: SessionEvents;
  readonly told: Said[] = [];

  constructor(start: SessionStart, events: SessionEvents) {
    this.start = start;
    this.events = events;
  }

  readonly extend = this.#tells('extend');
  readonly terminate = this.#tells('terminate');
  readonly outOfSpace = this.#tells('outOfSpace');
  readonly channels = {
    notice: this.#tells('notice'),
    unwatch: this.#tells('unwatch'),
    watch: (watch: number, told: string | null, send: (shown: readonly (typeof SHOWN)[]) => void): void => {
      this.told.push(['watch', watch, told]);
      send([SHOWN]);
    },
  };

  #tells(name: string): (...args: Said) => void {
    return (...args) => void this.told.push([name, ...args]);
  }
}

let said: Said[];
let carried: Carried[];
let sessions: LiveSessions;

const says =
  (name: string) =>
  (...args: Said): void =>
    void said.push([name, ...args]);

beforeEach(() => {
  said = [];
  carried = [];
  const link = {
    ...{ opened: says('opened'), cut: says('cut'), closed: says('closed') },
    ...{ watched: says('watched'), watchOver: says('watchOver') },
  };
  sessions = new LiveSessions(link, (start, events) => {
    const session = new Carried(start, events);
    carried.push(session);
    return session as never;
  });
});

function begin(n: number, kind: 'outer' | 'inner' = 'outer'): Carried {
  const { limits, gateway, spool } = TO_WORKER.start;
  sessions.begin(
    { limits, gateway, spool, recorder: 'the recorder' as never },
    {
      ...{ authorized: sessionAnswer(n).session, key: makeSessionKey(), client: 'the client' as never },
      proof: { signed: Buffer.alloc(0), signature: Buffer.alloc(0) },
      origin: { kind, remoteAddress: ADDRESS } as never,
    },
  );
  const session = carried.at(-1);
  if (!session) throw new Error('no session was begun');
  return session;
}

const { terminate, extend, watch, unwatch } = TO_WORKER;

describe('a session that begins', () => {
  it.each([
    ['outer', 'direct'],
    ['inner', 'jump'],
  ] as const)('over an %s connection gets what control decided, in dates', (kind, via) => {
    const { start } = begin(1, kind);
    expect(start).toMatchObject({
      ...{ via, clientAddress: ADDRESS, spool: '.', targetLoginMs: TO_WORKER.start.limits.targetLoginMs },
      authorized: { id: sessionId(1), endsAt: later(1_800) },
    });
    expect(sessions.count).toBe(1);
  });

  it('is told of under its id, until it is closed', () => {
    const { events } = begin(1);
    events.opened(digest(1));
    events.unwatched([3, 4]);
    events.cut();
    expect(sessions.count).toBe(1);
    events.closed(REPORT);
    expect(said).toEqual([
      ['opened', sessionId(1), digest(1)],
      ['watchOver', 3],
      ['watchOver', 4],
      ['cut', sessionId(1)],
      ['closed', sessionId(1), REPORT],
    ]);
    expect(sessions.count).toBe(0);
  });
});

it.each([
  [{ personId: personId(1), engagementIds: null }, [1]],
  [{ personId: null, engagementIds: [engagementId(1)] }, [1]],
  [{ personId: null, engagementIds: [engagementId(2)] }, []],
  [{ personId: personId(2), engagementIds: [engagementId(1)] }, []],
  [{ personId: null, engagementIds: null }, [1]],
])('a worker that is asked says what it carries, until it is closed: %j', (whose, expected) => {
  const { events } = begin(1);
  expect(sessions.of(whose)).toEqual(expected.map(sessionId));
  // Its connections are dead, and what is left of it is still being written.
  events.cut();
  expect(sessions.of(whose)).toEqual(expected.map(sessionId));
  events.closed(REPORT);
  expect(sessions.of(whose)).toEqual([]);
});

describe('an order', () => {
  const extension = { grantId: grantId(1), grantDigest: digest(1), endsAt: later(3_600) };
  const end = ['terminate', 'revoked', 'over?'];
  const shutdown = ['terminate', 'shutdown', 'restart'];

  it.each<[string, () => void, Said[], Said[], Said[]]>([
    [
      'to end sessions reaches those that it names, as one line',
      () => sessions.terminate({ ...terminate, sessions: [sessionId(1), sessionId(3)], message: 'over\n' }),
      [end],
      [],
      [],
    ],
    ['to end all reaches all', () => sessions.endAll('restart'), [shutdown], [shutdown], []],
    ['to extend one reaches that one', () => sessions.extend(extend), [['extend', extension]], [], []],
    ['to extend another does nothing', () => sessions.extend({ ...extend, session: sessionId(3) }), [], [], []],
    ['to say something reaches all', () => sessions.notice('soon'), [['notice', 'soon']], [['notice', 'soon']], []],
    ['to make room reaches all', () => sessions.outOfSpace(), [['outOfSpace']], [['outOfSpace']], []],
    [
      'to show one shows it to who asked',
      () => sessions.watch({ ...watch, told: 'somebody\n' }),
      [['watch', 0, 'somebody?']],
      [],
      [['watched', 0, [SHOWN]]],
    ],
    [
      'to show one silently says nothing',
      () => sessions.watch(watch),
      [['watch', 0, null]],
      [],
      [['watched', 0, [SHOWN]]],
    ],
    [
      'to show another says at once that it is over',
      () => sessions.watch({ ...watch, session: sessionId(3), watch: 7 }),
      [],
      [],
      [['watchOver', 7]],
    ],
    ['to show one no longer reaches that one', () => sessions.watch(unwatch), [['unwatch', 0]], [], []],
    ['to show another no longer does nothing', () => sessions.watch({ ...unwatch, session: sessionId(3) }), [], [], []],
  ])('%s', (_name, act, first, second, toControl) => {
    const [one, two] = [begin(1), begin(2)];
    act();
    expect([one.told, two.told, said]).toEqual([first, second, toControl]);
  });

  it('reaches no session that was closed', () => {
    const one = begin(1);
    one.events.closed(REPORT);
    sessions.terminate(terminate);
    sessions.endAll('restart');
    sessions.notice('soon');
    sessions.outOfSpace();
    expect(one.told).toEqual([]);
  });
});
