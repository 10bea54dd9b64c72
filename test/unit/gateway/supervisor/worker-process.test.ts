import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SessionId } from '../../../../src/access/ids.ts';
import type { WorkerEvents } from '../../../../src/gateway/launch/worker-host.ts';
import { CUT_CONFIRM_MS, HEARTBEAT_MS, TERMINATE_CONFIRM_MS } from '../../../../src/gateway/limits.ts';
import { type WorkerOptions, WorkerProcess } from '../../../../src/gateway/supervisor/worker-process.ts';
import { scope } from '../../../support/samples/samples.ts';

const ORDER = { why: 'revoked', message: 'ended' } as const;

/** Control's end of a worker of which nothing is there but what it says. */
async function worker() {
  const id = randomUUID() as SessionId;
  const session = { id, endsAt: new Date(Date.now() + 3_600_000), hostKeys: [], scope: scope('shell') };
  const hosted = { said: [] as { type: string }[], isKilled: false, closed: 0 };
  const heard: { events?: WorkerEvents } = {};
  const control = {
    authorize: async () => ({ ok: true, value: { kind: 'session', session } }),
    refused: () => {},
  };
  const process = new WorkerProcess({
    start: { type: 'start' },
    registry: [],
    ...{ control, log: pino({ level: 'silent' }), facts: () => null, knownMsAgo: () => 0, favour: () => {} },
    endedEarly: () => null,
    ...{ opened: () => {}, suspected: () => {}, gone: () => {} },
    closed: () => {
      hosted.closed += 1;
    },
    host: {
      spawn: (told: WorkerEvents) => {
        heard.events = told;
        const send = (text: string) => void hosted.said.push(JSON.parse(text) as { type: string });
        const kill = () => {
          hosted.isKilled = true;
          told.exit({ code: null, signal: 'SIGKILL' });
        };
        return { pid: 1, send, open: () => {}, kill };
      },
    },
  } as unknown as WorkerOptions);
  process.ready.catch(() => {});
  const say = (message: object): void => heard.events?.message(message, '');
  heard.events?.connection('127.0.0.1');
  say({ type: 'ready' });
  const ask = { id: 1, route: { kind: 'direct' }, remoteAddress: '127.0.0.1', signed: 'AA==', signature: 'AA==' };
  say({ type: 'authorize', ...ask, sessionKey: 'AA==' });
  await vi.advanceTimersByTimeAsync(1);
  expect(process.carries(id)).toBe(true);
  /** Time passes, in which the worker is heard. */
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += HEARTBEAT_MS) {
      say({ type: 'heartbeat', sessions: 0 });
      await vi.advanceTimersByTimeAsync(Math.min(HEARTBEAT_MS, ms - passed));
    }
  };
  const closed = {
    type: 'closed',
    session: id,
    ending: { how: 'closed' },
    channels: [],
    refusals: [],
    recording: null,
  };
  return { id, process, hosted, say, pass, closed };
}

describe('a worker that is to end a session', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is let be when it says within a second that both connections are dead', async () => {
    const { id, process, hosted, say, pass } = await worker();
    process.terminate([id], ORDER);
    say({ type: 'cut', session: id });
    await pass(TERMINATE_CONFIRM_MS + CUT_CONFIRM_MS);
    expect(hosted.isKilled).toBe(false);
  });

  it('is killed when it does not', async () => {
    const { id, process, hosted, pass } = await worker();
    process.terminate([id], ORDER);
    await pass(TERMINATE_CONFIRM_MS + 1);
    expect(hosted.isKilled).toBe(true);
  });

  it('is told all the same where it said before that they are dead, and killed unless it has done with it soon', async () => {
    const early = await worker();
    early.say({ type: 'cut', session: early.id });
    early.process.terminate([early.id], ORDER);
    expect(early.hosted.said.at(-1)).toMatchObject({ type: 'terminate', sessions: [early.id] });
    await early.pass(CUT_CONFIRM_MS - 1);
    expect(early.hosted.isKilled).toBe(false);
    await early.pass(2);
    expect(early.hosted.isKilled).toBe(true);

    const honest = await worker();
    honest.say({ type: 'cut', session: honest.id });
    honest.process.terminate([honest.id], ORDER);
    honest.say(honest.closed);
    await honest.pass(CUT_CONFIRM_MS + 1);
    expect(honest.hosted).toMatchObject({ isKilled: false, closed: 1 });
  });
});
