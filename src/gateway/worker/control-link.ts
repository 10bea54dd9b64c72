import type { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SessionId } from '../../access/ids.ts';
import type { RegistryEntry } from '../../access/registry-entry.ts';
import type { SessionReport } from '../../access/session-report.ts';
import type { Shown } from '../../access/shown.ts';
import type { Whose } from '../../access/whose.ts';
import {
  AUTHORIZE_MS,
  CARRIED_TOLD_MAX,
  DEFAULT_LIMITS,
  HEARTBEAT_MS,
  type Limits,
  REFUSALS_PER_SECOND,
} from '../limits.ts';
import { MessagePipe, WORKER_PIPE_FD } from '../pipe/message-pipe.ts';
import {
  type Answer,
  type Ask,
  type AtDoor,
  type FromWorker,
  Handed,
  type Served,
  ToWorker,
} from '../pipe/worker-messages.ts';
import { closedMessage } from './closed-message.ts';

export type Start = Extract<ToWorker, { type: 'start' }>;
export type Terminate = Extract<ToWorker, { type: 'terminate' }>;
export type Extend = Extract<ToWorker, { type: 'extend' }>;
export type Watch = Extract<ToWorker, { type: 'watch' | 'unwatch' }>;

const NOT_SERVED: Served = {
  stdout: '',
  stderr: 'daypass: Daypass did not answer in time. Try again in a minute.\n',
  exit: 1,
};

export type Listeners = {
  readonly registry: (entries: readonly RegistryEntry[]) => void;
  readonly start: (start: Start) => void;
  readonly socket: (socket: Socket, handed: Handed) => void;
  readonly turnAway: (connection: number, message: string) => void;
  readonly terminate: (order: Terminate) => void;
  readonly extend: (order: Extend) => void;
  readonly drain: (ms: number) => void;
  readonly watch: (order: Watch) => void;
  readonly sessions: () => number;
  /** What of these it carries. */
  readonly carries: (whose: Whose) => readonly SessionId[];
  readonly leaseLost: () => void;
};

/** What a worker's process gives it. */
export type Surroundings = {
  /** To control. */
  readonly pipe: Duplex;
  /** Where connections are handed over: Node's own channel. */
  readonly sockets: Pick<EventEmitter, 'on'>;
  readonly exit: (code: number) => void;
};

const ownProcess = (): Surroundings => ({
  pipe: new Socket({ fd: WORKER_PIPE_FD }),
  sockets: process,
  exit: (code) => process.exit(code),
});

/** The worker's end of the pipe to control, and of the channel over which it is handed connections. A message that is not of the schema ends the worker: nothing else is safe. */
export class ControlLink {
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #asks = new Map<number, (served: Served) => void>();
  readonly #listeners: Listeners;
  readonly #pipe: MessagePipe;
  #limits: Pick<Limits, 'leaseNewMs' | 'leaseLiveMs'> = DEFAULT_LIMITS;
  #next = 0;
  #refusals = { second: 0, count: 0 };
  /** When control last knew what was revoked, by its last word. */
  #renewedAt = process.hrtime.bigint();

  constructor(listeners: Listeners, { pipe, sockets, exit }: Surroundings = ownProcess()) {
    this.#listeners = listeners;
    this.#pipe = new MessagePipe(pipe, {
      message: (message) => this.#hear(message),
      broken: () => exit(1),
      end: () => exit(0),
    });
    sockets.on('message', (message: unknown, handle: unknown) => {
      const handed = Handed.parse(message);
      // A socket whose peer has gone already arrives without its handle.
      if (handle instanceof Socket) listeners.socket(handle, handed);
      else this.atDoor(handed.connection, 'gone');
    });
    sockets.on('disconnect', () => exit(0));
    setInterval(() => {
      this.#send({ type: 'heartbeat', sessions: listeners.sessions() });
      if (this.#leasedMs() > this.#limits.leaseLiveMs) listeners.leaseLost();
    }, HEARTBEAT_MS);
  }

  ready(): void {
    this.#send({ type: 'ready' });
  }

  /** Whether the lease is fresh enough to begin sessions. */
  get mayBegin(): boolean {
    return this.#leasedMs() < this.#limits.leaseNewMs;
  }

  authorize(ask: Ask): Promise<Answer> {
    const id = this.#next++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        resolve({
          kind: 'refused',
          code: 'timeout',
          message: 'Daypass did not decide in time. Connect again in a minute.',
        });
      }, AUTHORIZE_MS);
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.#send({ type: 'authorize', id, ...ask });
    });
  }

  /** A connection that this worker turned away by itself. */
  refused(refusal: Omit<Extract<FromWorker, { type: 'refused' }>, 'type'>): void {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#refusals.second) this.#refusals = { second, count: 0 };
    this.#refusals.count += 1;
    if (this.#refusals.count <= REFUSALS_PER_SECOND) this.#send({ type: 'refused', ...refusal });
  }

  /** How far a connection has come that was handed over. */
  atDoor(connection: number, reached: AtDoor['reached'], key: AtDoor['key'] = null): void {
    const message: AtDoor = { type: 'at_door', connection, reached, key };
    this.#pipe.send(message);
  }

  /** What the person of a jump asks of the gateway itself. */
  ask(sshSessionId: string, words: string): Promise<Served> {
    const id = this.#next++;
    return new Promise((resolve) => {
      const answered = (served: Served): void => {
        clearTimeout(timer);
        this.#asks.delete(id);
        resolve(served);
      };
      const timer = setTimeout(() => answered(NOT_SERVED), AUTHORIZE_MS);
      this.#asks.set(id, answered);
      this.#send({ type: 'ask', id, sshSessionId, words });
    });
  }

  jumpOver(sshSessionId: string): void {
    this.#send({ type: 'jump_over', sshSessionId });
  }

  opened(session: SessionId, head: string): void {
    this.#send({ type: 'opened', session, head });
  }

  cut(session: SessionId): void {
    this.#send({ type: 'cut', session });
  }

  watched(watch: number, shown: readonly Shown[]): void {
    this.#send({ type: 'watched', watch, shown: [...shown] });
  }

  watchOver(watch: number): void {
    this.#send({ type: 'watch_over', watch });
  }

  closed(session: SessionId, report: SessionReport): void {
    this.#send(closedMessage(session, report));
  }

  #hear(raw: unknown): void {
    const message = ToWorker.parse(raw);
    switch (message.type) {
      case 'start':
        this.#limits = message.limits;
        this.#listeners.start(message);
        break;
      case 'authorized':
        this.#authorized(message.id, message.answer);
        break;
      case 'registry':
        this.#listeners.registry(message.entries);
        this.#send({ type: 'registry_taken' });
        break;
      case 'served': {
        const { type: _type, id, ...served } = message;
        this.#asks.get(id)?.(served);
        break;
      }
      case 'terminate':
        this.#listeners.terminate(message);
        break;
      case 'extend':
        this.#listeners.extend(message);
        break;
      case 'carries': {
        const sessions = this.#listeners.carries(message).slice(0, CARRIED_TOLD_MAX);
        this.#send({ type: 'carrying', id: message.id, sessions });
        break;
      }
      case 'drain':
        this.#listeners.drain(message.ms);
        break;
      case 'turn_away':
        this.#listeners.turnAway(message.connection, message.message);
        break;
      case 'watch':
      case 'unwatch':
        this.#listeners.watch(message);
        break;
      case 'heartbeat':
        this.#renewedAt = process.hrtime.bigint() - BigInt(Math.ceil(message.knownMsAgo * 1e6));
        break;
    }
  }

  #authorized(id: number, answer: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting) return void waiting(answer);
    // The client was told long ago that it takes too long: for control the session has begun, and nobody else would end it.
    if (answer.kind !== 'session') return;
    const ending = { how: 'failed', why: 'login_abandoned' } as const;
    this.closed(answer.session.id, { ending, channels: [], refusals: [], recording: null });
  }

  #leasedMs(): number {
    return Number(process.hrtime.bigint() - this.#renewedAt) / 1e6;
  }

  #send(message: FromWorker): void {
    this.#pipe.send(message);
  }
}
