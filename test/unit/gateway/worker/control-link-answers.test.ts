import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AUTHORIZE_MS, DEFAULT_LIMITS, HEARTBEAT_MS, REFUSALS_PER_SECOND } from '../../../../src/gateway/limits.ts';
import type { Answer, ToWorker } from '../../../../src/gateway/pipe/worker-messages.ts';
import { later, NOON } from '../../../support/samples/samples.ts';
import { LinkedWorker } from '../../../support/worlds/linked-worker.ts';
import {
  ASK,
  FROM_WORKER,
  JUMP,
  REFUSED,
  REGISTERED,
  SSH_SESSION,
  sessionAnswer,
  TO_WORKER,
} from '../../../support/worlds/pipe-messages.ts';

beforeEach(() => void vi.useFakeTimers({ now: NOON }));
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const TIMEOUT = { kind: 'refused', code: 'timeout' };

/** The value of a promise, if it has one by now. */
async function settled<T>(promise: Promise<T>): Promise<T | 'pending'> {
  await pass(0);
  return Promise.race([promise, Promise.resolve('pending' as const)]);
}

describe('a login that a worker asks control about', () => {
  const SESSION = sessionAnswer(1);
  const ANSWERS: [string, Answer][] = [
    ['a refusal', REFUSED],
    ['a jump', JUMP],
    ['a registered key', REGISTERED],
    ['a session', SESSION],
  ];
  const asking = async () => {
    const worker = await LinkedWorker.start();
    worker.hears(TO_WORKER.start);
    const answer = worker.link.authorize(ASK);
    const answered = (to: Answer, id = 0): void => worker.hears({ type: 'authorized', id, answer: to });
    return { worker, answer, answered };
  };

  it.each(ANSWERS)('gets the answer of control: %s', async (_name, given) => {
    const { worker, answer, answered } = await asking();
    expect(await settled(answer)).toBe('pending');
    answered(given);
    expect(await settled(answer)).toEqual(given);
    await pass(2 * AUTHORIZE_MS);
    expect(worker.saidOf('closed')).toEqual([]);
    expect(worker.exits).toEqual([]);
  });

  it.each(ANSWERS)('gets an answer that arrives at the last moment: %s', async (_name, given) => {
    const { answer, answered } = await asking();
    await pass(AUTHORIZE_MS - 1);
    answered(given);
    expect(await settled(answer)).toEqual(given);
  });

  it('is refused if control does not answer in time', async () => {
    const { answer } = await asking();
    await pass(AUTHORIZE_MS - 1);
    expect(await settled(answer)).toBe('pending');
    await pass(1);
    expect(await settled(answer)).toMatchObject(TIMEOUT);
  });

  it.each(ANSWERS)(
    'stays refused if the answer comes late, and a late session is reported as closed: %s',
    async (_name, given) => {
      const { worker, answer, answered } = await asking();
      await pass(AUTHORIZE_MS);
      answered(given);
      expect(await settled(answer)).toMatchObject(TIMEOUT);
      const ending = { how: 'failed', why: 'login_abandoned' };
      const ended = { ...FROM_WORKER.closed, session: SESSION.session.id, ending };
      expect(worker.saidOf('closed')).toEqual(given.kind === 'session' ? [ended] : []);
      expect(worker.exits).toEqual([]);
    },
  );

  it.each(ANSWERS)(
    'ignores an answer with an unknown id, and an unknown session is reported as closed: %s',
    async (_name, given) => {
      const { worker, answer, answered } = await asking();
      answered(given, 77);
      expect(await settled(answer)).toBe('pending');
      expect(worker.saidOf('closed').map(({ session }) => session)).toEqual(
        given.kind === 'session' ? [SESSION.session.id] : [],
      );
      answered(REGISTERED);
      expect(await settled(answer)).toEqual(REGISTERED);
    },
  );

  it.each(ANSWERS)(
    'keeps the first of two answers, and a session that comes second is reported as closed: %s',
    async (_name, given) => {
      const { worker, answer, answered } = await asking();
      answered(REFUSED);
      answered(given);
      expect(await settled(answer)).toEqual(REFUSED);
      expect(worker.saidOf('closed').map(({ session }) => session)).toEqual(
        given.kind === 'session' ? [SESSION.session.id] : [],
      );
      expect(worker.exits).toEqual([]);
    },
  );

  it('gets its own answer when several are answered in another order', async () => {
    const { worker, answer, answered } = await asking();
    const second = worker.link.authorize(ASK);
    const third = worker.link.authorize(ASK);
    expect(worker.saidOf('authorize').map(({ id }) => id)).toEqual([0, 1, 2]);
    answered(sessionAnswer(3), 2);
    answered(REFUSED, 0);
    answered(sessionAnswer(2), 1);
    expect(await settled(Promise.all([answer, second, third]))).toEqual([REFUSED, sessionAnswer(2), sessionAnswer(3)]);
    expect(worker.saidOf('closed')).toEqual([]);
  });

  it('is refused after the same time if control is gone', async () => {
    const { worker, answer } = await asking();
    await worker.loses();
    await pass(AUTHORIZE_MS);
    expect(await settled(answer)).toMatchObject(TIMEOUT);
  });

  it('does not take the answer to a self-service command for its own', async () => {
    const { worker, answer } = await asking();
    worker.hears({ ...TO_WORKER.served, id: 0 });
    expect(await settled(answer)).toBe('pending');
  });
});

describe('a self-service command that a worker asks control about', () => {
  const { id: _id, type: _type, ...SERVED } = TO_WORKER.served;
  const asking = async () => {
    const worker = await LinkedWorker.start();
    return { worker, answer: worker.link.ask(SSH_SESSION, 'list') };
  };

  it.each([0, AUTHORIZE_MS - 1])('gets the answer that comes after %i ms', async (ms) => {
    const { worker, answer } = await asking();
    await pass(ms);
    expect(await settled(answer)).toBe('pending');
    worker.hears(TO_WORKER.served);
    expect(await settled(answer)).toEqual(SERVED);
  });

  it('fails if control does not answer in time, and a late answer changes nothing', async () => {
    const { worker, answer } = await asking();
    await pass(AUTHORIZE_MS);
    expect(await settled(answer)).toMatchObject({ stdout: '', exit: 1 });
    worker.hears(TO_WORKER.served);
    expect(await settled(answer)).toMatchObject({ stdout: '', exit: 1 });
  });

  it('keeps the first of two answers, and ignores answers with another id or to a login', async () => {
    const { worker, answer } = await asking();
    worker.hears({ ...TO_WORKER.served, id: 1 });
    worker.hears({ type: 'authorized', id: 0, answer: REFUSED });
    expect(await settled(answer)).toBe('pending');
    worker.hears(TO_WORKER.served);
    worker.hears({ ...TO_WORKER.served, stdout: 'again' });
    expect(await settled(answer)).toEqual(SERVED);
  });

  it('never shares its id with a login', async () => {
    const { worker } = await asking();
    void worker.link.authorize(ASK);
    void worker.link.ask(SSH_SESSION, 'cert');
    expect(worker.said).toMatchObject([
      { type: 'ask', id: 0 },
      { type: 'authorize', id: 1 },
      { type: 'ask', id: 2 },
    ]);
  });
});

it('a worker reports a limited number of refused connections in each second', async () => {
  const worker = await LinkedWorker.start();
  const { type: _type, ...refusal } = FROM_WORKER.refused;
  const flood = (): void => {
    for (let n = 0; n < 2 * REFUSALS_PER_SECOND; n += 1) worker.link.refused(refusal);
  };
  flood();
  expect(worker.saidOf('refused')).toHaveLength(REFUSALS_PER_SECOND);
  await pass(1_000);
  flood();
  expect(worker.saidOf('refused')).toHaveLength(2 * REFUSALS_PER_SECOND);
});

describe('the lease of a worker', () => {
  const limits = { ...DEFAULT_LIMITS, leaseNewMs: 10_000, leaseLiveMs: 20_000 };
  const leased = async (): Promise<LinkedWorker> => {
    const worker = await LinkedWorker.start();
    worker.hears({ ...TO_WORKER.start, limits });
    worker.told.length = 0;
    return worker;
  };
  const renew = (worker: LinkedWorker, knownMsAgo = 0): void => worker.hears({ type: 'heartbeat', knownMsAgo });

  it.each<[string, number, number | null, number, boolean, number]>([
    ['allows new sessions from the start', 0, null, 9_999, true, 0],
    ['allows no new sessions once it is too old', 0, null, 10_000, false, 0],
    ['is kept for live sessions a while longer', 0, null, 20_000, false, 0],
    ['is lost after that', 0, null, 20_000 + HEARTBEAT_MS, false, 1],
    ['is reported as lost with every heartbeat', 0, null, 20_000 + 4 * HEARTBEAT_MS, false, 4],
    ['starts again with a heartbeat of control', 8_000, 0, 9_999, true, 0],
    ['is kept as long again after a heartbeat', 8_000, 0, 20_000, false, 0],
    ['allows new sessions again after a heartbeat, when it was too old', 15_000, 0, 0, true, 0],
    ['is younger than the limit just before the moment that control names', 8_000, 4_000, 5_999, true, 0],
    ['counts from the moment when control last knew, not from the heartbeat', 8_000, 4_000, 6_000, false, 0],
    ['is lost by the same count', 8_000, 4_000, 16_000 + HEARTBEAT_MS, false, 1],
    ['is not renewed by a control that knows nothing new', 8_000, 9_999.5, 1, false, 0],
    ['is lost at the next heartbeat if control has known nothing new for long', 8_000, 90_000, HEARTBEAT_MS, false, 1],
  ])('%s', async (_name, before, knownMsAgo, after, mayBegin, lost) => {
    const worker = await leased();
    await pass(before);
    if (knownMsAgo !== null) renew(worker, knownMsAgo);
    await pass(after);
    expect(worker.link.mayBegin).toBe(mayBegin);
    expect(worker.told).toEqual(Array.from({ length: lost }, () => ['leaseLost']));
  });

  it('is kept for as long as control sends heartbeats', async () => {
    const worker = await leased();
    for (let beats = 0; beats < 100; beats += 1) {
      renew(worker);
      await pass(HEARTBEAT_MS);
    }
    expect([worker.link.mayBegin, worker.told]).toEqual([true, []]);
  });

  it.each<[string, ToWorker]>(
    Object.values(TO_WORKER)
      .filter(({ type }) => type !== 'heartbeat')
      .map((message) => [message.type, message]),
  )('is not renewed by any other message: %s', async (_type, message) => {
    const worker = await leased();
    await pass(10_000);
    worker.hears(message.type === 'start' ? { ...TO_WORKER.start, limits } : message);
    expect(worker.link.mayBegin).toBe(false);
  });

  it('has the default limits until control sends its own', async () => {
    const worker = await LinkedWorker.start();
    await pass(DEFAULT_LIMITS.leaseNewMs - 1);
    expect(worker.link.mayBegin).toBe(true);
    await pass(1);
    expect(worker.link.mayBegin).toBe(false);
    worker.hears({ ...TO_WORKER.start, limits: { ...limits, leaseNewMs: DEFAULT_LIMITS.leaseNewMs + 1 } });
    expect(worker.link.mayBegin).toBe(true);
  });

  it('does not depend on the wall clock', async () => {
    const worker = await leased();
    vi.setSystemTime(later(86_400));
    await pass(HEARTBEAT_MS);
    expect([worker.link.mayBegin, worker.told]).toEqual([true, []]);
    vi.setSystemTime(later(-86_400));
    await pass(20_000);
    expect([worker.link.mayBegin, worker.told.length]).toEqual([false, 1]);
  });
});
