import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { GrantTerms } from '../../../../src/access/grant.ts';
import { CUT_CONFIRM_MS, TERMINATE_CONFIRM_MS } from '../../../../src/gateway/limits.ts';
import { printable } from '../../../../src/gateway/words/refusals.ts';
import {
  engagementId,
  fingerprint,
  grant,
  grantId,
  later,
  login,
  NOON,
  personId,
  scope,
  targetPin,
} from '../../../support/samples/samples.ts';
import { SupervisedWorker } from '../../../support/worlds/hosted-worker.ts';
import { FROM_WORKER, TO_WORKER } from '../../../support/worlds/pipe-messages.ts';
import { sessionId } from '../../../support/worlds/world.ts';

beforeEach(() => void vi.useFakeTimers({ now: NOON }));
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const [ONE, TWO, THREE] = [sessionId(1), sessionId(2), sessionId(3)];
const ORDER = { why: 'revoked', message: 'ended \u001b[31m' } as const;
const SHUTDOWN = { why: 'shutdown', message: 'restart' } as const;
const INTERRUPTED = { how: 'interrupted' };
const { opened, cut, closed } = FROM_WORKER;

type Act = (made: SupervisedWorker) => void;
const says =
  (...messages: readonly object[]): Act =>
  ({ worker }) =>
    worker.says(...messages);
const exits: Act = ({ worker }) => worker.exits();

describe('of a session that a worker reports', () => {
  it.each<[string, object[], { opened?: unknown[]; closed?: unknown[]; carried: boolean }]>([
    ['the beginning is passed on', [opened], { opened: [[ONE, opened.head]], carried: true }],
    ['the beginning is ignored if the worker does not carry it', [{ ...opened, session: TWO }], { carried: true }],
    ['the beginning is ignored after its end', [closed, opened], { closed: [[ONE, closed.ending]], carried: false }],
    ['the cut leaves it with the worker', [cut, cut], { carried: true }],
    ['the cut is ignored if the worker does not carry it', [{ ...cut, session: TWO }], { carried: true }],
    ['the end is passed on', [closed], { closed: [[ONE, closed.ending]], carried: false }],
    ['the end is passed on once', [closed, closed], { closed: [[ONE, closed.ending]], carried: false }],
    ['the end is ignored if the worker does not carry it', [{ ...closed, session: TWO }], { carried: true }],
    ['the cut is ignored after its end', [closed, cut], { closed: [[ONE, closed.ending]], carried: false }],
  ])('%s', async (_name, messages, expected) => {
    const made = await SupervisedWorker.carrying(1);
    made.worker.says(...messages);
    await pass(0);
    expect([made.opened, made.closed]).toEqual([expected.opened ?? [], expected.closed ?? []]);
    expect([made.process.carries(ONE), made.process.isIdle]).toEqual([expected.carried, !expected.carried]);
    expect([made.process.carries(TWO), made.worker.kills]).toEqual([false, 0]);
  });

  it('the end leaves other sessions with the worker', async () => {
    const made = await SupervisedWorker.carrying(1, 2);
    made.worker.says({ ...closed, session: TWO });
    expect(made.process.carried).toEqual([
      { session: ONE, grantId: grantId(9), personId: personId(1), keyFingerprint: fingerprint(1) },
    ]);
  });
});

describe('a worker that is ordered to end a session', () => {
  const SOON = TERMINATE_CONFIRM_MS / 2;
  const told = (sessions: readonly string[]) => [
    { type: 'terminate', sessions, why: ORDER.why, message: printable(ORDER.message) },
  ];

  it.each<[string, Act[], Act, 'told' | 'not told', number | null]>([
    ['is killed if it does not answer', [], () => {}, 'told', TERMINATE_CONFIRM_MS],
    ['lives on if it says in time that both connections are dead', [], says(cut), 'told', null],
    ['lives on if it reports the session as closed in time', [], says(closed), 'told', null],
    ['is killed if it answers for another session', [], says({ ...cut, session: TWO }), 'told', TERMINATE_CONFIRM_MS],
    [
      'gets longer to report a session whose connections were dead before',
      [says(cut)],
      () => {},
      'told',
      CUT_CONFIRM_MS,
    ],
    ['gains no time by saying again that they are dead', [says(cut)], says(cut), 'told', CUT_CONFIRM_MS],
    ['lives on if it reports that session as closed in time', [says(cut)], says(closed), 'told', null],
    ['is not told of a session that it reported as closed', [says(closed)], () => {}, 'not told', null],
    ['is not killed after it exits by itself', [], exits, 'told', null],
    ['is told nothing after it has exited', [exits], () => {}, 'not told', null],
  ])('%s', async (_name, before, then, isTold, killedAfter) => {
    const made = await SupervisedWorker.carrying(1);
    for (const act of before) act(made);
    made.process.terminate([ONE, THREE], ORDER);
    expect(made.worker.toldOf('terminate')).toEqual(isTold === 'told' ? told([ONE]) : []);
    await pass(SOON);
    then(made);
    await pass((killedAfter ?? 3 * CUT_CONFIRM_MS) - SOON - 1);
    expect(made.worker.kills).toBe(0);
    if (killedAfter === null) return;
    await pass(1);
    expect(made.worker.kills).toBe(1);
    // Its connections were dead before the order came: the order did not end it.
    const ending = before.length > 0 ? INTERRUPTED : { how: 'terminated', why: ORDER.why };
    expect(made.closed).toEqual([[ONE, ending]]);
  });

  it.each([[[]], [[TWO, THREE]]])('is not told of sessions that it does not carry: %j', async (ids) => {
    const made = await SupervisedWorker.carrying(1);
    made.process.terminate(ids, ORDER);
    await pass(CUT_CONFIRM_MS);
    expect([made.worker.toldOf('terminate'), made.worker.kills]).toEqual([[], 0]);
  });

  it('is killed if it ends only one of two, and all its sessions end with it', async () => {
    const made = await SupervisedWorker.carrying(1, 2, 3);
    made.process.terminate([ONE, TWO], ORDER);
    expect(made.worker.toldOf('terminate')).toEqual(told([ONE, TWO]));
    made.worker.says(cut);
    await pass(TERMINATE_CONFIRM_MS);
    expect(made.worker.kills).toBe(1);
    const terminated = { how: 'terminated', why: ORDER.why };
    expect(made.closed).toEqual([
      [ONE, terminated],
      [TWO, terminated],
      [THREE, INTERRUPTED],
    ]);
  });
});

describe('when its worker exits, a session', () => {
  it.each<[string, Act, object[]]>([
    ['counts as interrupted', () => {}, [INTERRUPTED]],
    [
      'counts as terminated if that was ordered',
      ({ process }) => process.terminate([ONE], ORDER),
      [{ how: 'terminated', why: 'revoked' }],
    ],
    [
      'counts as terminated by the shutdown if the worker was draining',
      ({ process }) => process.drain(SHUTDOWN, 1_000),
      [{ how: 'terminated', why: 'shutdown' }],
    ],
    [
      'counts as terminated by the first of several orders',
      ({ process }) => {
        process.terminate([ONE], ORDER);
        process.drain(SHUTDOWN, 1_000);
        process.terminate([ONE], { ...ORDER, why: 'expired' });
      },
      [{ how: 'terminated', why: 'revoked' }],
    ],
    [
      'counts as interrupted if its connections were dead before the order',
      (made) => {
        made.worker.says(cut);
        made.process.terminate([ONE], ORDER);
      },
      [INTERRUPTED],
    ],
    ['is not reported again if it was reported as closed before', says(closed), [closed.ending]],
  ])('%s', async (_name, act, endings) => {
    const made = await SupervisedWorker.carrying(1);
    act(made);
    made.worker.exits(null, 'SIGKILL');
    expect(made.closed).toEqual(endings.map((ending) => [ONE, ending]));
    expect(made.process.carries(ONE)).toBe(false);
  });
});

describe('a session', () => {
  const OTHER: [string, Partial<GrantTerms>][] = [
    ['that ends no later', { notAfter: later(1_800).toISOString() }],
    ['of another person', { personId: personId(2) }],
    ['of another engagement', { engagementId: engagementId(2) }],
    ['for another target', { targets: [targetPin('db-01')] }],
    ['for the target at another address', { targets: [targetPin('web-01', '192.0.2.99')] }],
    ['for another login', { login: login('root') }],
    ['for another key', { keyFingerprints: [fingerprint(2)] }],
    ['with another scope', { scope: scope('files-rw') }],
  ];
  it.each(OTHER)('is not extended by a grant %s', async (_name, terms) => {
    const made = await SupervisedWorker.carrying(1);
    expect(made.process.extend(ONE, grant(1, terms))).toBe(false);
    expect(made.worker.told).toEqual([]);
    expect(made.process.carried).toMatchObject([{ grantId: grantId(9) }]);
  });

  it.each<[string, Act]>([
    ['was closed', says(closed)],
    ['was cut', says(cut)],
    ['was ordered to end', ({ process }) => process.terminate([ONE], ORDER)],
    ['belongs to a draining worker', ({ process }) => process.drain(SHUTDOWN, 1_000)],
    ['ended with its worker', exits],
  ])('is not extended by any grant once it %s', async (_name, act) => {
    const made = await SupervisedWorker.carrying(1);
    act(made);
    made.worker.told.length = 0;
    expect(made.process.extend(ONE, grant(1))).toBe(false);
    expect(made.worker.told).toEqual([]);
  });

  it('is extended, and its worker is told once, by a grant that allows it and ends later', async () => {
    const made = await SupervisedWorker.carrying(1);
    expect(made.process.extend(TWO, grant(1))).toBe(false);
    for (let n = 0; n < 2; n += 1) expect(made.process.extend(ONE, grant(1))).toBe(true);
    expect(made.worker.told).toEqual([TO_WORKER.extend]);
    expect(made.process.carried).toMatchObject([{ session: ONE, grantId: grantId(1) }]);
    // Another grant would have to end later still.
    expect(made.process.extend(ONE, grant(2, { notAfter: later(3_600).toISOString() }))).toBe(false);
  });
});

it('a draining worker is told how long its sessions may last, and is idle after the last one', async () => {
  const made = await SupervisedWorker.carrying(1, 2);
  made.process.drain(SHUTDOWN, 1_000);
  expect(made.worker.told).toEqual([TO_WORKER.drain]);
  made.worker.says(closed);
  expect(made.process.isIdle).toBe(false);
  made.worker.says({ ...closed, session: TWO });
  expect([made.process.isIdle, made.closed.length, made.worker.kills]).toEqual([true, 2, 0]);
});
