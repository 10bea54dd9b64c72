import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { SessionId } from '../access/ids.ts';
import type { Log } from '../log.ts';
import type { Authorization, GatewayControl, SessionReport } from '../use-cases/gateway-control.ts';
import type { TerminationOrder } from '../use-cases/ports.ts';
import { deferred } from './deferred.ts';
import { FromWorker, type ToWorker } from './ipc.ts';
import {
  AUTHORIZE_OUTSTANDING_MAX,
  HEARTBEAT_MS,
  SILENT_WORKER_MS,
  SOCKETS_IN_FLIGHT_MAX,
  TERMINATE_CONFIRM_MS,
  WORKER_START_MS,
} from './limits.ts';
import { printable, wordForTerminal } from './refusals.ts';

export type WorkerOptions = {
  readonly start: Extract<ToWorker, { type: 'start' }>;
  readonly control: Pick<GatewayControl, 'authorize'>;
  readonly log: Log;
  /** Its working folder: the only one that it needs to reach. */
  readonly cwd: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Why a session that control has just authorised must not begin: it was ended meanwhile. */
  readonly endedEarly: (id: SessionId) => TerminationOrder | null;
  readonly opened: (id: SessionId) => void;
  /** The worker has done with a session, or has died with it. */
  readonly closed: (id: SessionId, report: SessionReport) => void;
  readonly gone: (worker: WorkerProcess) => void;
};

type Carried = { isCut: boolean; order: TerminationOrder | null };
type Heard<Type extends FromWorker['type']> = Extract<FromWorker, { type: Type }>;

const BUSY = 'Daypass is busy. Connect again in a minute.';
const FAULT = 'Daypass could not decide this login. Connect again in a minute; if it stays so, tell whoever runs it.';

/** Control's end of one worker: what it says is checked, what it carries is known, and its silence ends it. */
export class WorkerProcess {
  readonly #options: WorkerOptions;
  readonly #child: ChildProcess;
  readonly #sessions = new Map<SessionId, Carried>();
  readonly #ready = deferred<void>();
  readonly #beat: NodeJS.Timeout;
  #isReady = false;
  #outstanding = 0;
  #socketsInFlight = 0;
  #heardAt = process.hrtime.bigint();
  #isGone = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#child = forkWorker(options);
    this.#child.on('message', (message) => this.#hear(message));
    this.#child.on('error', (error) => options.log.error({ err: error }, 'gateway worker error'));
    this.#child.once('exit', (code, signal) => this.#exited(code, signal));
    this.#send(options.start);
    this.#beat = setInterval(() => this.#heartbeat(), HEARTBEAT_MS);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Rejects where the worker ends before it could take connections. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get isReady(): boolean {
    return this.#isReady && !this.#isGone;
  }

  /** Hands a connection over; control keeps nothing of it. */
  take(socket: Socket, remoteAddress: string): void {
    if (this.#socketsInFlight >= SOCKETS_IN_FLIGHT_MAX || !this.#child.connected) return void socket.destroy();
    this.#socketsInFlight += 1;
    this.#child.send({ type: 'socket', remoteAddress } satisfies ToWorker, socket, (error) => {
      this.#socketsInFlight -= 1;
      if (error) socket.destroy();
    });
  }

  carries(id: SessionId): boolean {
    return this.#sessions.has(id);
  }

  /** Ends sessions that it carries; where both their connections are not dead within a second, the whole worker ends. */
  terminate(ids: readonly SessionId[], order: TerminationOrder): void {
    const live = ids.filter((id) => this.#sessions.get(id)?.isCut === false);
    for (const id of live) this.#setOrder(id, order);
    if (live.length === 0) return;
    this.#send({ type: 'terminate', sessions: live, why: order.why, message: printable(order.message) });
    setTimeout(() => {
      if (this.#isGone || !live.some((id) => this.#sessions.get(id)?.isCut === false)) return;
      this.#options.log.error({ worker: this.pid, sessions: live }, 'worker did not end its sessions and is killed');
      this.kill();
    }, TERMINATE_CONFIRM_MS);
  }

  drain(order: TerminationOrder): void {
    for (const id of this.#sessions.keys()) this.#setOrder(id, order);
    this.#send({ type: 'drain' });
  }

  get isIdle(): boolean {
    return this.#isGone || this.#sessions.size === 0;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  exited(): Promise<void> {
    if (this.#isGone) return Promise.resolve();
    return new Promise((resolve) => this.#child.once('exit', () => resolve()));
  }

  #setOrder(id: SessionId, order: TerminationOrder): void {
    const carried = this.#sessions.get(id);
    if (carried) carried.order ??= order;
  }

  #hear(raw: unknown): void {
    if (this.#isGone) return;
    const message = FromWorker.safeParse(raw);
    this.#heardAt = process.hrtime.bigint();
    if (!message.success) {
      this.#options.log.error({ worker: this.pid, err: message.error }, 'worker broke its protocol and is killed');
      this.kill();
      return;
    }
    this.#act(message.data);
  }

  #act(heard: FromWorker): void {
    switch (heard.type) {
      case 'ready':
        this.#isReady = true;
        this.#ready.resolve();
        break;
      case 'heartbeat':
        break;
      case 'authorize':
        this.#authorize(heard);
        break;
      case 'opened':
        if (this.#sessions.has(heard.session)) this.#options.opened(heard.session);
        break;
      case 'cut': {
        const carried = this.#sessions.get(heard.session);
        if (carried) carried.isCut = true;
        break;
      }
      case 'closed': {
        const { session, ending, channels, refusals } = heard;
        if (this.#sessions.delete(session)) this.#options.closed(session, { ending, channels, refusals });
        break;
      }
      default:
        heard satisfies never;
    }
  }

  #authorize(ask: Heard<'authorize'>): void {
    const refused = (code: string, message: string): void =>
      this.#send({ type: 'authorized', id: ask.id, answer: { kind: 'refused', code, message } });
    if (this.#outstanding >= AUTHORIZE_OUTSTANDING_MAX) {
      refused('busy', BUSY);
      return;
    }
    this.#outstanding += 1;
    const { route, remoteAddress } = ask;
    this.#options.control
      .authorize({
        proof: { signed: Buffer.from(ask.signed, 'base64'), signature: Buffer.from(ask.signature, 'base64') },
        ...{ route, remoteAddress },
        sessionKey: ask.sessionKey === null ? null : Buffer.from(ask.sessionKey, 'base64'),
      })
      .then((answer) => {
        if (answer.ok) return this.#grant(ask.id, answer.value);
        const { code } = answer.rejection;
        this.#options.log.info({ code, client: remoteAddress, route: route.kind }, 'connection refused');
        refused(code, wordForTerminal(answer.rejection));
      })
      .catch((error: unknown) => {
        this.#options.log.error({ err: error }, 'a login could not be decided');
        refused('fault', FAULT);
      })
      .finally(() => {
        this.#outstanding -= 1;
      });
  }

  #grant(id: number, value: Authorization): void {
    if (value.kind === 'session') {
      this.#grantSession(id, value.session);
    } else if (value.kind === 'jump') {
      const { personId, endsAt, targetIds } = value;
      const answer = { kind: 'jump' as const, personId, endsAt: endsAt.getTime(), targetIds: [...targetIds] };
      this.#send({ type: 'authorized', id, answer });
    } else {
      this.#send({ type: 'authorized', id, answer: { kind: 'registered', lines: [...value.lines] } });
    }
  }

  #grantSession(id: number, session: Extract<Authorization, { kind: 'session' }>['session']): void {
    const early = this.#options.endedEarly(session.id);
    if (early || this.#isGone) {
      const ending = early ? ({ how: 'terminated', why: early.why } as const) : ({ how: 'interrupted' } as const);
      this.#options.closed(session.id, { ending, channels: [], refusals: [] });
      const message = printable(early?.message ?? FAULT);
      this.#send({ type: 'authorized', id, answer: { kind: 'refused', code: 'ended', message } });
      return;
    }
    this.#sessions.set(session.id, { isCut: false, order: null });
    const { hostKeys, endsAt } = session;
    const answer = { ...session, hostKeys: [...hostKeys], endsAt: endsAt.getTime() };
    this.#send({ type: 'authorized', id, answer: { kind: 'session', session: answer } });
  }

  #heartbeat(): void {
    this.#send({ type: 'heartbeat' });
    const silentMs = Number(process.hrtime.bigint() - this.#heardAt) / 1e6;
    if (silentMs < (this.#isReady ? SILENT_WORKER_MS : WORKER_START_MS)) return;
    this.#options.log.error({ worker: this.pid, silentMs }, 'worker is silent and is killed');
    this.kill();
  }

  #exited(code: number | null, signal: string | null): void {
    this.#isGone = true;
    clearInterval(this.#beat);
    this.#ready.reject(new Error(`a gateway worker ended (${signal ?? code}) before it could take connections`));
    const carried = [...this.#sessions];
    this.#sessions.clear();
    this.#options.log.info({ worker: this.pid, code, signal, sessions: carried.length }, 'worker exited');
    for (const [id, { order }] of carried) {
      const ending = order ? ({ how: 'terminated', why: order.why } as const) : ({ how: 'interrupted' } as const);
      this.#options.closed(id, { ending, channels: [], refusals: [] });
    }
    this.#options.gone(this);
  }

  #send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }
}

function forkWorker({ cwd, uid, gid }: WorkerOptions): ChildProcess {
  const isSource = import.meta.url.endsWith('.ts');
  const file = fileURLToPath(new URL(isSource ? './worker.ts' : './worker.js', import.meta.url));
  return fork(file, [], {
    cwd,
    // Nothing of control's environment goes along: it holds the Slack tokens and the database's password.
    env: workerEnvironment(),
    execArgv: isSource ? ['--import', typeScriptLoader()] : [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'json',
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
}

const typeScriptLoader = (): string => pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

function workerEnvironment(): NodeJS.ProcessEnv {
  const names = ['PATH', 'TZ', 'DAYPASS_LOG_LEVEL'];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
