import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SessionId } from '../../../../src/access/ids.ts';
import { CUT_CONFIRM_MS, TERMINATE_CONFIRM_MS } from '../../../../src/gateway/limits.ts';
import { CarriedSessions } from '../../../../src/gateway/supervisor/carried-sessions.ts';
import type { WordedOrder } from '../../../../src/gateway/words/session-words.ts';
import { authorizedSession, REPORT } from '../../../support/worlds/pipe-messages.ts';
import { sessionId } from '../../../support/worlds/world.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const [ONE, TWO] = [sessionId(1), sessionId(2)];
const ORDER = { why: 'revoked', message: 'over' } as const;
const SHUTDOWN = { why: 'shutdown', message: 'restart' } as const;

/** The sessions of one worker, of which some were ended before they could begin, and who was told of being late or closed. */
function carrying(...numbers: readonly number[]) {
  const early = new Map<SessionId, WordedOrder>();
  const late: (readonly SessionId[])[] = [];
  const closed: unknown[] = [];
  const sessions = new CarriedSessions({
    ...{ send: () => {}, opened: () => {}, log: pino({ level: 'silent' }) },
    endedEarly: (id) => early.get(id) ?? null,
    late: (ids) => void late.push(ids),
    closed: (id, { ending }) => void closed.push([id, ending]),
  });
  for (const n of numbers) expect(sessions.begin(authorizedSession(n))).toBe('begun');
  return { sessions, early, late, closed };
}
type Carrying = ReturnType<typeof carrying>;

describe('a session that control authorised', () => {
  it.each<[string, (made: Carrying) => void, 'worker_gone' | WordedOrder]>([
    ['was ended meanwhile', ({ early }) => early.set(TWO, ORDER), ORDER],
    ['comes to a worker that drains', ({ sessions }) => sessions.drain(SHUTDOWN, 0), SHUTDOWN],
    [
      'was ended meanwhile, and comes to a worker that drains',
      ({ early, sessions }) => {
        early.set(TWO, ORDER);
        sessions.drain(SHUTDOWN, 0);
      },
      ORDER,
    ],
    ['comes to a worker that is gone', ({ sessions }) => sessions.over(), 'worker_gone'],
  ])('does not begin, and is reported as over, if it %s', (_name, before, begun) => {
    const { sessions, closed, ...made } = carrying();
    before({ sessions, closed, ...made });
    expect(sessions.begin(authorizedSession(2))).toEqual(begun);
    const ending = begun === 'worker_gone' ? { how: 'interrupted' } : { how: 'terminated', why: begun.why };
    expect([closed, sessions.count]).toEqual([[[TWO, ending]], 0]);
  });
});

describe('sessions that are ordered to end', () => {
  it.each<[string, (sessions: CarriedSessions) => void, number, SessionId[][]]>([
    ['are late together', () => {}, TERMINATE_CONFIRM_MS, [[ONE, TWO]]],
    ['are late without those that are cut', (sessions) => sessions.cut(ONE), TERMINATE_CONFIRM_MS, [[TWO]]],
    [
      'are late without those that are closed',
      (sessions) => sessions.closed(ONE, REPORT),
      TERMINATE_CONFIRM_MS,
      [[TWO]],
    ],
    ['are not late once their worker is gone', (sessions) => sessions.over(), CUT_CONFIRM_MS, []],
  ])('%s', async (_name, act, ms, expected) => {
    const { sessions, late } = carrying(1, 2, 3);
    sessions.terminate([ONE, TWO], ORDER);
    act(sessions);
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(late).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(late).toEqual(expected);
  });

  it('are late later if they were cut before the order, whatever is said after it', async () => {
    const { sessions, late } = carrying(1, 2);
    sessions.cut(ONE);
    sessions.terminate([ONE, TWO], ORDER);
    for (const id of [ONE, TWO]) sessions.cut(id);
    await vi.advanceTimersByTimeAsync(CUT_CONFIRM_MS);
    expect(late).toEqual([[ONE]]);
  });
});
