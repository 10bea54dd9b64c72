import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ok, refuse } from '../../../../src/access/result.ts';
import { AUTHORIZE_OUTSTANDING_MAX, WORKER_ADDRESSES_MAX } from '../../../../src/gateway/limits.ts';
import type { Answer } from '../../../../src/gateway/pipe/worker-messages.ts';
import { FAULT } from '../../../../src/gateway/supervisor/worker-questions.ts';
import { registeredLines } from '../../../../src/gateway/words/client-config.ts';
import { gatewayAddress, printable, wordForTerminal } from '../../../../src/gateway/words/refusals.ts';
import type { WordedOrder } from '../../../../src/gateway/words/session-words.ts';
import { fingerprint, later, NOON, personId, targetId } from '../../../support/samples/samples.ts';
import { DRAINING, FACTS, SHUTDOWN, STATES, SupervisedWorker } from '../../../support/worlds/hosted-worker.ts';
import {
  ADDRESS,
  ASK,
  authorizedSession,
  FROM_WORKER,
  JUMP,
  SSH_SESSION,
  sessionAnswer,
} from '../../../support/worlds/pipe-messages.ts';
import { sessionId } from '../../../support/worlds/world.ts';

beforeEach(() => void vi.useFakeTimers({ now: NOON }));
afterEach(() => void vi.useRealTimers());

const settle = () => vi.advanceTimersByTimeAsync(0);
/** The second session, which no state of a worker begins with. */
const SESSION = ok({ kind: 'session', session: authorizedSession(2) } as const);
const caller = { personId: personId(1), fingerprint: fingerprint(1), sshSessionId: SSH_SESSION };
const jump = { kind: 'jump', caller, endsAt: later(60), targetIds: [targetId('web-01')], noTargets: null } as const;
const NONE = { code: 'no_live_grant' } as const;
const REFUSAL = refuse(NONE);
const WORD = wordForTerminal(NONE, gatewayAddress(FACTS.host, FACTS.port));
const ORDER = { why: 'revoked', message: 'ended \u001b[31m' } as const;

type Decided = Parameters<SupervisedWorker['decide']>[0];
const DECISIONS: [string, Decided, Answer][] = [
  ['a jump', ok(jump), JUMP],
  [
    'a jump without targets',
    ok({ ...jump, targetIds: [], noTargets: NONE }),
    { ...JUMP, targetIds: [], noTargets: WORD } as Answer,
  ],
  [
    'a registered key',
    ok({ kind: 'registered', fingerprint: fingerprint(1) }),
    { kind: 'registered', lines: [...registeredLines(fingerprint(1), FACTS)] },
  ],
  ['a refusal', REFUSAL, { kind: 'refused', code: 'no_live_grant', message: WORD }],
  ['a fault', new Error('no database'), { kind: 'refused', code: 'fault', message: FAULT }],
];

const asks = (made: SupervisedWorker, id: number): void => made.worker.says({ type: 'authorize', id, ...ASK });

describe.each(STATES)('a login that a worker asks about, %s,', (state, enter) => {
  it.each(DECISIONS)('gets the decision of control: %s', async (_name, decision, answer) => {
    const made = await enter();
    made.favoured.length = 0;
    asks(made, 9);
    await settle();
    expect(made.worker.toldOf('authorized')).toEqual([]);
    await made.decide(decision);
    expect(made.worker.toldOf('authorized')).toEqual([{ type: 'authorized', id: 9, answer }]);
    expect(made.favoured).toEqual(answer.kind === 'refused' ? [] : [ADDRESS]);
    expect([made.process.carries(sessionId(2)), made.closed, made.worker.kills]).toEqual([false, [], 0]);
  });

  it.each<[string, WordedOrder | null]>([
    ['', null],
    [' that control ended meanwhile', ORDER],
  ])('begins a session%s only if nothing ended it before', async (_name, early) => {
    const made = await enter();
    if (early) made.early.set(sessionId(2), early);
    asks(made, 9);
    await made.decide(SESSION);
    const order = early ?? (state === DRAINING ? SHUTDOWN : null);
    const refused = order && { kind: 'refused', code: 'ended', message: printable(order.message) };
    expect(made.worker.toldOf('authorized')).toEqual([
      { type: 'authorized', id: 9, answer: refused ?? sessionAnswer(2) },
    ]);
    expect(made.process.carries(sessionId(2))).toBe(order === null);
    expect(made.closed).toEqual(order ? [[sessionId(2), { how: 'terminated', why: order.why }]] : []);
  });

  it.each<[string, WordedOrder | null]>([
    ['', null],
    [', by the order that ended it', ORDER],
  ])('ends with the worker, if that exits before control decides%s', async (_name, early) => {
    const made = await enter();
    if (early) made.early.set(sessionId(2), early);
    asks(made, 9);
    made.worker.exits();
    made.worker.told.length = 0;
    made.closed.length = 0;
    await made.decide(SESSION);
    const order = early ?? (state === DRAINING ? SHUTDOWN : null);
    const ending = order ? { how: 'terminated', why: order.why } : { how: 'interrupted' };
    expect([made.worker.told, made.process.carried]).toEqual([[], []]);
    expect(made.closed).toEqual([[sessionId(2), ending]]);
  });
});

describe('a login that a worker asks about', () => {
  it('reaches control with what was signed, the address and the route', async () => {
    const made = await SupervisedWorker.ready();
    const route = { kind: 'inner', targetName: 'web-01', outerSshSessionId: SSH_SESSION } as const;
    const signed = Buffer.from('signed');
    const said = { ...ASK, route, signed: signed.toString('base64'), signature: '', sessionKey: null };
    made.worker.says({ type: 'authorize', id: 0, ...said });
    expect(made.asks.map(({ ask }) => ask)).toEqual([
      { proof: { signed, signature: Buffer.alloc(0) }, route, remoteAddress: ADDRESS, sessionKey: null },
    ]);
  });

  it('gets its own answer when control decides in another order', async () => {
    const made = await SupervisedWorker.ready();
    for (const id of [5, 6]) asks(made, id);
    made.asks.reverse();
    await made.decide(SESSION);
    await made.decide(REFUSAL);
    expect(made.worker.toldOf('authorized').map(({ id, answer }) => [id, answer.kind])).toEqual([
      [6, 'session'],
      [5, 'refused'],
    ]);
  });

  it.each<[string, Decided]>([
    ['a session', SESSION],
    ['a refusal', REFUSAL],
    ['a fault', new Error('no database')],
  ])('is refused as busy if too many wait, until one of them is decided with %s', async (_name, decision) => {
    const made = await SupervisedWorker.ready();
    for (let id = 0; id <= AUTHORIZE_OUTSTANDING_MAX; id += 1) asks(made, id);
    expect(made.asks).toHaveLength(AUTHORIZE_OUTSTANDING_MAX);
    expect(made.worker.toldOf('authorized')).toMatchObject([
      { id: AUTHORIZE_OUTSTANDING_MAX, answer: { kind: 'refused', code: 'busy' } },
    ]);
    await made.decide(decision);
    asks(made, 1_000);
    expect(made.asks).toHaveLength(AUTHORIZE_OUTSTANDING_MAX);
    asks(made, 1_001);
    expect(made.worker.toldOf('authorized').at(-1)).toMatchObject({ id: 1_001, answer: { code: 'busy' } });
  });
});

describe('an address that a worker names', () => {
  const elsewhere = '198.51.100.1';
  const fault = { kind: 'refused', code: 'fault', message: FAULT };
  const asksFrom = (made: SupervisedWorker, remoteAddress: string): void =>
    made.worker.says({ type: 'authorize', id: 0, ...ASK, remoteAddress });
  const refuses = (made: SupervisedWorker, remoteAddress: string): void =>
    made.worker.says({ ...FROM_WORKER.refused, remoteAddress });

  it('is not believed if the worker was handed no connection from there', async () => {
    const made = await SupervisedWorker.ready();
    asksFrom(made, elsewhere);
    refuses(made, elsewhere);
    expect([made.asks, made.refused]).toEqual([[], []]);
    expect(made.worker.toldOf('authorized')).toEqual([{ type: 'authorized', id: 0, answer: fault }]);
  });

  it('is believed once the worker was handed a connection from there', async () => {
    const made = await SupervisedWorker.ready();
    made.worker.isHanded(elsewhere);
    asksFrom(made, elsewhere);
    refuses(made, elsewhere);
    expect(made.asks.map(({ ask }) => ask.remoteAddress)).toEqual([elsewhere]);
    expect(made.refused).toEqual([{ address: elsewhere, reason: FROM_WORKER.refused.reason, fingerprint: null }]);
  });

  it.each<[string, boolean, boolean]>([
    ['is forgotten after too many others', false, false],
    ['is remembered if it came again since', true, true],
  ])('%s', async (_name, isAgain, isBelieved) => {
    const made = await SupervisedWorker.ready();
    for (let n = 1; n < WORKER_ADDRESSES_MAX; n += 1) made.worker.isHanded(`10.${n}`);
    if (isAgain) made.worker.isHanded(ADDRESS);
    made.worker.isHanded(elsewhere);
    asksFrom(made, ADDRESS);
    expect(made.asks).toHaveLength(isBelieved ? 1 : 0);
  });
});

describe('a self-service command that a worker asks about', () => {
  const { ask, jump_over: over } = FROM_WORKER;
  const letIn = async (): Promise<SupervisedWorker> => {
    const made = await SupervisedWorker.ready();
    made.worker.says(FROM_WORKER.authorize);
    await made.decide(ok(jump));
    return made;
  };
  const answered = async (made: SupervisedWorker) => {
    await settle();
    return made.worker.toldOf('served').map(({ id, exit }) => [id, exit]);
  };

  it('gets its own answer', async () => {
    const made = await letIn();
    for (const id of [8, 7]) made.worker.says({ ...ask, id });
    expect(await answered(made)).toEqual([
      [8, 0],
      [7, 0],
    ]);
  });

  it.each<[string, (made: SupervisedWorker) => void, number, number[][]]>([
    [
      'is refused on a jump that control did not let in',
      ({ worker }) => worker.says({ ...ask, sshSessionId: '6'.repeat(64) }),
      0,
      [[0, 1]],
    ],
    ['is refused on a jump that is over', ({ worker }) => worker.says(over, ask), 0, [[0, 1]]],
    [
      'is answered on a jump when another one is over',
      ({ worker }) => worker.says({ ...over, sshSessionId: '6'.repeat(64) }, ask),
      0,
      [[0, 0]],
    ],
    [
      'is answered with a failure if control fails',
      (made) => {
        made.serve = () => Promise.reject(new Error('no database'));
        made.worker.says(ask);
      },
      0,
      [[0, 1]],
    ],
    [
      'is not answered after the worker has exited',
      ({ worker }) => {
        worker.says(ask);
        worker.exits();
      },
      1,
      [],
    ],
  ])('%s', async (_name, act, gone, expected) => {
    const made = await letIn();
    act(made);
    expect(await answered(made)).toEqual(expected);
    expect([made.gone, made.worker.kills]).toEqual([gone, 0]);
  });
});
