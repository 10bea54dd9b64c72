import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MessagePipe } from '../../../../src/gateway/pipe/message-pipe.ts';
import type { FromWorker, ToWorker } from '../../../../src/gateway/pipe/worker-messages.ts';
import { GatewayWorker } from '../../../../src/gateway/worker/gateway-worker.ts';
import { streamPair, turn } from '../../../support/peers/stream-pair.ts';
import { ADDRESS, TO_WORKER } from '../../../support/worlds/pipe-messages.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A worker that control has not started. */
function idleWorker() {
  const [near, far] = streamPair();
  const sockets = new EventEmitter();
  const said: object[] = [];
  const exits: number[] = [];
  const control = new MessagePipe(far, { message: (each) => void said.push(each), broken: () => {}, end: () => {} });
  const worker = new GatewayWorker(pino({ level: 'silent' }), {
    ...{ pipe: near, sockets, exit: (code) => void exits.push(code) },
  });
  const hears = (message: ToWorker): void => control.send(message);
  return { worker, sockets, said, exits, hears };
}

describe('a worker that carries no session', () => {
  const { terminate, extend, watch, unwatch, registry, drain, turn_away: turnAway, heartbeat } = TO_WORKER;
  it.each<[ToWorker, FromWorker[]]>([
    [registry, [{ type: 'registry_taken' }]],
    [terminate, []],
    [extend, []],
    [watch, [{ type: 'watch_over', watch: 0 }]],
    [unwatch, []],
    [turnAway, []],
    [drain, []],
    [{ ...drain, ms: 0 }, []],
    [heartbeat, []],
  ])('hears %j, and lives on', async (message, answers) => {
    const { worker, said, exits, hears } = idleWorker();
    hears(message);
    await turn();
    await vi.advanceTimersByTimeAsync(0);
    expect([said, exits, worker.sessions()]).toEqual([answers, [], 0]);
  });

  it.each<[string, ToWorker[]]>([
    ['', []],
    [', nor while it drains', [drain]],
    [', nor one that is to be turned away', [turnAway]],
  ])('takes no connection before it is started%s', async (_name, messages) => {
    const { sockets, said, hears } = idleWorker();
    for (const message of messages) hears(message);
    const socket = new Socket();
    sockets.emit('message', { connection: 4, remoteAddress: ADDRESS, head: '' }, socket);
    expect(socket.destroyed).toBe(true);
    await turn();
    await turn();
    expect(said).toEqual([{ type: 'at_door', connection: 4, reached: 'gone', key: null }]);
  });
});
