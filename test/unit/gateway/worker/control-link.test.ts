import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ZodError } from 'zod';
import { HEARTBEAT_MS, MESSAGE_MAX } from '../../../../src/gateway/limits.ts';
import type { ToWorker } from '../../../../src/gateway/pipe/worker-messages.ts';
import type { ControlLink } from '../../../../src/gateway/worker/control-link.ts';
import { fingerprint } from '../../../support/samples/samples.ts';
import { LinkedWorker } from '../../../support/worlds/linked-worker.ts';
import {
  ASK,
  FROM_WORKER,
  misshapen,
  REPORT,
  SHOWN,
  SSH_SESSION,
  TO_WORKER,
} from '../../../support/worlds/pipe-messages.ts';
import { sessionId } from '../../../support/worlds/world.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** The states in which a worker listens to control. */
const STATES: [string, (worker: LinkedWorker) => void][] = [
  ['before it is started', () => {}],
  ['after it was started', (worker) => worker.hears(TO_WORKER.start)],
  [
    'while it drains',
    (worker) => {
      worker.hears(TO_WORKER.start);
      worker.hears(TO_WORKER.drain);
    },
  ],
];

async function workerIn(enter: (worker: LinkedWorker) => void): Promise<LinkedWorker> {
  const worker = await LinkedWorker.start();
  enter(worker);
  worker.told.length = 0;
  worker.said.length = 0;
  return worker;
}

const { start, terminate, extend, watch, unwatch, registry, drain, turn_away: turnAway } = TO_WORKER;

describe.each(STATES)('a worker, %s,', (_state, enter) => {
  it.each<[ToWorker['type'], LinkedWorker['told']]>([
    ['start', [['start', start]]],
    ['registry', [['registry', registry.entries]]],
    ['terminate', [['terminate', terminate]]],
    ['extend', [['extend', extend]]],
    ['drain', [['drain', drain.ms]]],
    ['turn_away', [['turnAway', turnAway.connection, turnAway.message]]],
    ['watch', [['watch', watch]]],
    ['unwatch', [['watch', unwatch]]],
    ['carries', []],
    ['heartbeat', []],
    ['authorized', []],
    ['served', []],
  ])('passes a message of type %s to its listener and to no other', async (type, expected) => {
    const worker = await workerIn(enter);
    worker.hears(TO_WORKER[type]);
    expect(worker.told).toEqual(expected);
    const answers = { registry: [FROM_WORKER.registry_taken], carries: [{ ...FROM_WORKER.carrying, sessions: [] }] };
    expect(worker.said).toEqual(answers[type as keyof typeof answers] ?? []);
    expect(worker.exits).toEqual([]);
  });

  // The exception is meant to end the process: nothing catches it.
  it.each<[string, object]>([
    ...Object.values(TO_WORKER).map((each): [string, object] => [
      `${each.type} with an unknown field`,
      misshapen(each),
    ]),
    ['an unknown type', { type: 'shell', command: 'id' }],
    ['no type', {}],
    ['a message that only workers send', FROM_WORKER.ready],
    ['an unknown reason', { ...terminate, why: 'because' }],
    ['a session id that is a path', { ...extend, session: '../../keys' }],
    ['a negative time', { ...drain, ms: -1 }],
  ])('throws on %s and does nothing', async (_name, message) => {
    const worker = await workerIn(enter);
    expect(() => worker.hears(message)).toThrow(ZodError);
    expect([worker.told, worker.said]).toEqual([[], []]);
  });

  it.each([
    ['no JSON', '{"type":\n'],
    ['no object', '[1]\n'],
    ['a line that never ends', 'x'.repeat(MESSAGE_MAX + 1)],
    ['a line that is too long', `${JSON.stringify({ ...turnAway, message: 'x'.repeat(MESSAGE_MAX) })}\n`],
  ])('exits with 1 on %s, and ignores what follows', async (_name, text) => {
    const worker = await workerIn(enter);
    worker.hearsText(text);
    worker.hearsText(`\n${JSON.stringify(drain)}\n`);
    await vi.advanceTimersByTimeAsync(0);
    expect([worker.told, worker.exits]).toEqual([[], [1]]);
  });

  it('exits with 0 when control closes the pipe', async () => {
    const worker = await workerIn(enter);
    await worker.loses();
    expect([worker.told, worker.exits]).toEqual([[], [0]]);
  });

  it('exits with 0 when the channel for sockets is closed', async () => {
    const worker = await workerIn(enter);
    worker.disconnect();
    expect(worker.exits).toEqual([0]);
  });
});

it('a worker understands messages that arrive split or together', async () => {
  const worker = await LinkedWorker.start();
  const text = [start, registry, drain].map((each) => `${JSON.stringify(each)}\n`).join('');
  worker.hearsText(text.slice(0, 10));
  worker.hearsText(text.slice(10));
  expect(worker.told.map(([name]) => name)).toEqual(['start', 'registry', 'drain']);
});

describe('a worker reports', () => {
  const { remoteAddress, reason } = FROM_WORKER.refused;
  const key = fingerprint(1);
  const WORDS: [string, (link: ControlLink) => void, object][] = [
    ['that it is ready', (link) => link.ready(), FROM_WORKER.ready],
    [
      'a connection that it refused',
      (link) => link.refused({ remoteAddress, reason, fingerprint: null }),
      FROM_WORKER.refused,
    ],
    [
      'how far a connection has come',
      (link) => link.atDoor(4, 'kex'),
      { type: 'at_door', connection: 4, reached: 'kex', key: null },
    ],
    [
      'which key was offered',
      (link) => link.atDoor(4, 'offer', key),
      { type: 'at_door', connection: 4, reached: 'offer', key },
    ],
    ['a login that control has to decide', (link) => void link.authorize(ASK), FROM_WORKER.authorize],
    ['a self-service command', (link) => void link.ask(SSH_SESSION, 'list'), FROM_WORKER.ask],
    ['that a jump is over', (link) => link.jumpOver(SSH_SESSION), FROM_WORKER.jump_over],
    ['that a session began', (link) => link.opened(sessionId(1), FROM_WORKER.opened.head), FROM_WORKER.opened],
    ['that a session is cut', (link) => link.cut(sessionId(1)), FROM_WORKER.cut],
    ['what a watched session shows', (link) => link.watched(0, [SHOWN]), FROM_WORKER.watched],
    ['that a watched session is over', (link) => link.watchOver(0), FROM_WORKER.watch_over],
    ['that a session is closed', (link) => link.closed(sessionId(1), REPORT), FROM_WORKER.closed],
  ];

  it.each(WORDS)('%s, in one message of the schema', async (_name, tell, expected) => {
    const worker = await LinkedWorker.start();
    tell(worker.link);
    expect(worker.said).toEqual([expected]);
  });

  it.each(WORDS)('%s to nobody once control is gone, without an error', async (_name, tell) => {
    const worker = await LinkedWorker.start();
    await worker.loses();
    tell(worker.link);
    await vi.advanceTimersByTimeAsync(0);
    expect([worker.said, worker.exits]).toEqual([[], [0]]);
  });

  it('with every heartbeat how many sessions it carries, also before it is started', async () => {
    const worker = await LinkedWorker.start();
    await vi.advanceTimersByTimeAsync(HEARTBEAT_MS - 1);
    expect(worker.said).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    worker.hears(start);
    worker.sessions = 3;
    await vi.advanceTimersByTimeAsync(2 * HEARTBEAT_MS);
    expect(worker.said).toEqual([0, 3, 3].map((sessions) => ({ type: 'heartbeat', sessions })));
  });
});

describe('a worker that is handed a connection', () => {
  const handed = { connection: 4, remoteAddress: '192.0.2.7', head: 'AAAA' };

  it('passes the socket on together with its description', async () => {
    const worker = await LinkedWorker.start();
    const socket = new Socket();
    worker.isHanded(handed, socket);
    expect(worker.told).toEqual([['socket', socket, handed]]);
    expect(worker.said).toEqual([]);
  });

  it('reports it as gone if the socket did not survive', async () => {
    const worker = await LinkedWorker.start();
    worker.isHanded(handed);
    expect(worker.told).toEqual([]);
    expect(worker.said).toEqual([{ type: 'at_door', connection: 4, reached: 'gone', key: null }]);
  });

  it.each<[string, object]>([
    ['with an unknown field', { ...handed, more: true }],
    ['without an address', { connection: 4, head: '' }],
    ['with first bytes that are not base64', { ...handed, head: '!' }],
    [
      'with more first bytes than are read before a connection is handed over',
      { ...handed, head: 'A'.repeat(32 * 1024) },
    ],
  ])('%s throws and does nothing', async (_name, message) => {
    const worker = await LinkedWorker.start();
    expect(() => worker.isHanded(message, new Socket())).toThrow(ZodError);
    expect([worker.told, worker.said]).toEqual([[], []]);
  });
});
