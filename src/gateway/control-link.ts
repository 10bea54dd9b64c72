import type { Socket } from 'node:net';
import type { SessionId } from '../access/ids.ts';
import type { SessionReport } from '../use-cases/gateway-control.ts';
import { type FromWorker, ToWorker } from './ipc.ts';
import { AUTHORIZE_MS, DEFAULT_LIMITS, HEARTBEAT_MS, type Limits } from './limits.ts';

export type Start = Extract<ToWorker, { type: 'start' }>;
export type Answer = Extract<ToWorker, { type: 'authorized' }>['answer'];
export type Terminate = Extract<ToWorker, { type: 'terminate' }>;
export type Ask = Omit<Extract<FromWorker, { type: 'authorize' }>, 'type' | 'id'>;

export type Listeners = {
  readonly start: (start: Start) => void;
  readonly socket: (socket: Socket, remoteAddress: string) => void;
  readonly terminate: (order: Terminate) => void;
  readonly drain: () => void;
  readonly sessions: () => number;
  readonly leaseLost: () => void;
};

/** The worker's end of the IPC channel to control. A message that is not of the schema ends the worker: nothing else is safe. */
export class ControlLink {
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #listeners: Listeners;
  #limits: Pick<Limits, 'leaseNewMs' | 'leaseLiveMs'> = DEFAULT_LIMITS;
  #next = 0;
  #heardAt = process.hrtime.bigint();

  constructor(listeners: Listeners) {
    this.#listeners = listeners;
    process.on('message', (message, handle) => this.#hear(message, handle as Socket | undefined));
    process.on('disconnect', () => process.exit(0));
    setInterval(() => {
      this.#send({ type: 'heartbeat', sessions: listeners.sessions() });
      if (this.#silentMs() > this.#limits.leaseLiveMs) listeners.leaseLost();
    }, HEARTBEAT_MS);
  }

  ready(): void {
    this.#send({ type: 'ready' });
  }

  /** Whether control was heard of recently enough to begin sessions. */
  get mayBegin(): boolean {
    return this.#silentMs() < this.#limits.leaseNewMs;
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

  opened(session: SessionId): void {
    this.#send({ type: 'opened', session });
  }

  cut(session: SessionId): void {
    this.#send({ type: 'cut', session });
  }

  closed(session: SessionId, report: SessionReport): void {
    const channels = report.channels.map((channel) => ({ ...channel }));
    this.#send({ type: 'closed', session, ending: report.ending, channels, refusals: [...report.refusals] });
  }

  #hear(raw: unknown, handle: Socket | undefined): void {
    const message = ToWorker.parse(raw);
    this.#heardAt = process.hrtime.bigint();
    switch (message.type) {
      case 'start':
        this.#limits = message.limits;
        this.#listeners.start(message);
        break;
      case 'socket':
        // A socket whose peer has gone already arrives without its handle.
        if (handle) this.#listeners.socket(handle, message.remoteAddress);
        break;
      case 'authorized':
        this.#waiting.get(message.id)?.(message.answer);
        this.#waiting.delete(message.id);
        break;
      case 'terminate':
        this.#listeners.terminate(message);
        break;
      case 'drain':
        this.#listeners.drain();
        break;
      case 'heartbeat':
        break;
    }
  }

  #silentMs(): number {
    return Number(process.hrtime.bigint() - this.#heardAt) / 1e6;
  }

  #send(message: FromWorker): void {
    if (process.connected) process.send?.(message);
  }
}
