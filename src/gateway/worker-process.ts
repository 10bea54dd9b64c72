import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { SessionId } from '../access/ids.ts';
import type { Log } from '../log.ts';
import type { GatewayControl, SessionReport } from '../use-cases/gateway-control.ts';
import type { TerminationOrder } from '../use-cases/ports.ts';
import { FromWorker, type ToWorker } from './ipc.ts';
import { AUTHORIZE_OUTSTANDING_MAX, HEARTBEAT_MS, SILENT_WORKER_MS, TERMINATE_CONFIRM_MS } from './limits.ts';
import { wordForTerminal } from './refusals.ts';

export type WorkerOptions = {
  readonly start: Extract<ToWorker, { type: 'start' }>;
  readonly control: GatewayControl;
  readonly log: Log;
  readonly uid?: number;
  readonly gid?: number;
  /** The recording of a session is complete, or as complete as it will be. */
  closed(id: SessionId, report: SessionReport): Promise<void>;
  gone(worker: WorkerProcess): void;
};

const INTERRUPTED: SessionReport = { ending: { how: 'interrupted' }, channels: [], refusals: [] };

/** Control's end of one worker: what it says is checked, what it carries is known, and its silence ends it. */
export class WorkerProcess {
  readonly #options: WorkerOptions;
  readonly #child: ChildProcess;
  readonly #sessions = new Set<SessionId>();
  readonly #ready: Promise<void>;
  readonly #beat: NodeJS.Timeout;
  #becomeReady: () => void = () => {};
  #outstanding = 0;
  #heardAt = process.hrtime.bigint();
  #isGone = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#ready = new Promise((resolve) => {
      this.#becomeReady = resolve;
    });
    const file = fileURLToPath(
      new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url),
    );
    this.#child = fork(file, [], {
      // Nothing of control's environment goes along: it holds the Slack tokens and the database's password.
      env: workerEnvironment(),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'json',
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    });
    this.#child.on('message', (message) => this.#hear(message));
    this.#child.on('error', (error) => options.log.error({ err: error }, 'gateway worker error'));
    this.#child.once('exit', (code, signal) => this.#exited(code, signal));
    this.#send(options.start);
    this.#beat = setInterval(() => this.#heartbeat(), HEARTBEAT_MS);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get ready(): Promise<void> {
    return this.#ready;
  }

  carries(id: SessionId): boolean {
    return this.#sessions.has(id);
  }

  /** Hands a connection over; control keeps nothing of it. */
  take(socket: Socket, remoteAddress: string): void {
    const message: ToWorker = { type: 'socket', remoteAddress };
    this.#child.send(message, socket, (error) => {
      if (error) socket.destroy();
    });
  }

  terminate(sessions: readonly SessionId[], order: TerminationOrder): void {
    this.#send({ type: 'terminate', sessions: [...sessions], ...order });
    const carried = sessions.filter((id) => this.#sessions.has(id));
    if (carried.length === 0) return;
    setTimeout(() => {
      if (!carried.some((id) => this.#sessions.has(id))) return;
      this.#options.log.error({ worker: this.pid, sessions: carried }, 'worker did not end its sessions and is killed');
      this.kill();
    }, TERMINATE_CONFIRM_MS);
  }

  drain(): void {
    this.#send({ type: 'drain' });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  get isIdle(): boolean {
    return this.#sessions.size === 0;
  }

  exited(): Promise<void> {
    if (this.#isGone) return Promise.resolve();
    return new Promise((resolve) => this.#child.once('exit', () => resolve()));
  }

  #hear(raw: unknown): void {
    const message = FromWorker.safeParse(raw);
    this.#heardAt = process.hrtime.bigint();
    if (!message.success) {
      this.#options.log.error({ worker: this.pid, err: message.error }, 'worker broke its protocol and is killed');
      this.kill();
      return;
    }
    const heard = message.data;
    switch (heard.type) {
      case 'ready':
        this.#becomeReady();
        return;
      case 'heartbeat':
        return;
      case 'authorize':
        void this.#authorize(heard);
        return;
      case 'opened':
        if (this.#sessions.has(heard.session)) this.#record(this.#options.control.opened(heard.session));
        return;
      case 'closed':
        if (!this.#sessions.delete(heard.session)) return;
        this.#record(this.#options.closed(heard.session, heard));
    }
  }

  async #authorize(ask: Extract<FromWorker, { type: 'authorize' }>): Promise<void> {
    const refused = (code: string, message: string): void =>
      this.#send({ type: 'authorized', id: ask.id, answer: { kind: 'refused', code, message } });
    if (this.#outstanding >= AUTHORIZE_OUTSTANDING_MAX)
      return refused('busy', 'Daypass is busy. Try again in a moment.');
    this.#outstanding += 1;
    try {
      const answer = await this.#options.control.authorize({
        proof: { signed: Buffer.from(ask.signed, 'base64'), signature: Buffer.from(ask.signature, 'base64') },
        remoteAddress: ask.remoteAddress,
        route: ask.route,
        sessionKey: ask.sessionKey === null ? null : Buffer.from(ask.sessionKey, 'base64'),
      });
      if (!answer.ok) {
        this.#options.log.info({ code: answer.rejection.code, client: ask.remoteAddress }, 'connection refused');
        return refused(answer.rejection.code, wordForTerminal(answer.rejection));
      }
      this.#grant(ask.id, answer.value);
    } catch (error) {
      this.#options.log.error({ err: error }, 'a login could not be decided');
      refused(
        'fault',
        'Daypass could not decide this login. Try again in a moment; if it stays so, tell whoever runs it.',
      );
    } finally {
      this.#outstanding -= 1;
    }
  }

  #grant(id: number, value: Extract<Awaited<ReturnType<GatewayControl['authorize']>>, { ok: true }>['value']): void {
    if (value.kind === 'registered') {
      this.#send({ type: 'authorized', id, answer: { kind: 'registered', lines: [...value.lines] } });
      return;
    }
    if (value.kind === 'jump') {
      this.#send({ type: 'authorized', id, answer: { ...value, endsAt: value.endsAt.getTime() } });
      return;
    }
    const { session } = value;
    if (this.#isGone) {
      this.#record(this.#options.closed(session.id, INTERRUPTED));
      return;
    }
    this.#sessions.add(session.id);
    const hostKeys = [...session.hostKeys];
    this.#send({
      type: 'authorized',
      id,
      answer: { kind: 'session', session: { ...session, hostKeys, endsAt: session.endsAt.getTime() } },
    });
  }

  #heartbeat(): void {
    this.#send({ type: 'heartbeat' });
    const silentMs = Number(process.hrtime.bigint() - this.#heardAt) / 1e6;
    if (silentMs < SILENT_WORKER_MS) return;
    this.#options.log.error({ worker: this.pid, silentMs }, 'worker is silent and is killed');
    this.kill();
  }

  #exited(code: number | null, signal: string | null): void {
    this.#isGone = true;
    clearInterval(this.#beat);
    const interrupted = [...this.#sessions];
    this.#sessions.clear();
    this.#options.log.info({ worker: this.pid, code, signal, interrupted: interrupted.length }, 'worker exited');
    for (const id of interrupted) this.#record(this.#options.closed(id, INTERRUPTED));
    this.#options.gone(this);
  }

  #record(work: Promise<void>): void {
    work.catch((error: unknown) => this.#options.log.error({ err: error }, 'a session report could not be recorded'));
  }

  #send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }
}

function workerEnvironment(): NodeJS.ProcessEnv {
  const { PATH, DAYPASS_LOG_LEVEL, NODE_ENV } = process.env;
  return Object.fromEntries(
    Object.entries({ PATH, DAYPASS_LOG_LEVEL, NODE_ENV }).filter(([, value]) => value !== undefined),
  );
}
