import { EventEmitter, once } from 'node:events';
import type { HostedWorker, WorkerEvents, WorkerHost } from '../../../src/gateway/launch/worker-host.ts';
import { ToWorker } from '../../../src/gateway/pipe/worker-messages.ts';

/** A host whose first worker is in an attacker's hands; the others are what `inner` runs. */
export class InfiltratedHost implements WorkerHost {
  readonly owned = new OwnedWorker();
  readonly #inner: WorkerHost;

  constructor(inner: WorkerHost) {
    this.#inner = inner;
  }

  listen() {
    return this.#inner.listen();
  }
  close(): void {
    this.#inner.close();
  }
  favour: WorkerHost['favour'] = (address) => this.#inner.favour(address);
  spawn(events: WorkerEvents): HostedWorker {
    return this.owned.isTaken ? this.#inner.spawn(events) : this.owned.take(events);
  }
  collect: WorkerHost['collect'] = (id) => this.#inner.collect(id);
  left: WorkerHost['left'] = () => this.#inner.left();
  [Symbol.asyncDispose]() {
    this.owned.kill();
    return this.#inner[Symbol.asyncDispose]();
  }
}

type Heard = ToWorker;

/** What an attacker who owns a worker can do: say anything to control, at any time. */
export class OwnedWorker implements HostedWorker {
  readonly pid = 0x7fff_fff0;
  readonly heard: Heard[] = [];
  isTaken = false;
  isKilled = false;
  readonly #emitter = new EventEmitter().setMaxListeners(0);
  #events: WorkerEvents | null = null;
  #beat: NodeJS.Timeout | null = null;
  #call = 0;

  take(events: WorkerEvents): this {
    this.isTaken = true;
    this.#events = events;
    this.#beat = setInterval(() => this.say({ type: 'heartbeat', sessions: 0 }), 500);
    // It was handed a connection once, as every worker is.
    events.connection('127.0.0.1');
    setImmediate(() => this.say({ type: 'ready' }));
    return this;
  }

  say(message: object): void {
    const text = JSON.stringify(message);
    if (!this.isKilled) this.#events?.message(JSON.parse(text) as object, text);
  }

  /** Asks control to let somebody in; resolves with its answer. */
  async authorize(ask: object): Promise<Extract<Heard, { type: 'authorized' }>['answer']> {
    const id = this.#call++;
    this.say({
      type: 'authorize',
      id,
      remoteAddress: '127.0.0.1',
      route: { kind: 'direct' },
      sessionKey: null,
      ...ask,
    });
    for (;;) {
      const found = this.heard.find((each) => each.type === 'authorized' && each.id === id);
      if (found?.type === 'authorized') return found.answer;
      await once(this.#emitter, 'heard', { signal: AbortSignal.timeout(10_000) });
    }
  }

  send(text: string): void {
    this.heard.push(ToWorker.parse(JSON.parse(text)));
    this.#emitter.emit('heard');
  }
  // It keeps the connections that it gets for itself.
  open(): void {}
  kill(): void {
    if (this.isKilled) return;
    this.isKilled = true;
    if (this.#beat) clearInterval(this.#beat);
    setImmediate(() => this.#events?.exit({ code: null, signal: 'SIGKILL' }));
  }
}
