import type { SessionId } from '../access/ids.ts';
import type { Log } from '../log.ts';
import type { Authorization, GatewayControl, SessionReport } from '../use-cases/gateway-control.ts';
import type { TerminationOrder, Watcher } from '../use-cases/ports.ts';
import type { ConfigFacts } from './client-config.ts';
import type { Served } from './control-link.ts';
import { deferred } from './deferred.ts';
import { Desk } from './desk.ts';
import { FromWorker, type ToWorker } from './ipc.ts';
import {
  AUTHORIZE_OUTSTANDING_MAX,
  HEARTBEAT_MS,
  SILENT_WORKER_MS,
  TERMINATE_CONFIRM_MS,
  WORKER_ADDRESSES_MAX,
  WORKER_START_MS,
} from './limits.ts';
import { printable, wordForTerminal } from './refusals.ts';
import { failure } from './self-service-words.ts';
import type { HostedWorker, WorkerEvents, WorkerHost } from './worker-host.ts';

export type WorkerOptions = {
  readonly start: Extract<ToWorker, { type: 'start' }>;
  readonly control: Pick<GatewayControl, 'authorize' | 'refused' | 'isRegistered' | 'serve'>;
  /** How people reach the gateway, once it listens. */
  readonly facts: () => ConfigFacts;
  readonly log: Log;
  readonly host: Pick<WorkerHost, 'spawn'>;
  /** Why a session that control has just authorised must not begin: it was ended meanwhile. */
  readonly endedEarly: (id: SessionId) => TerminationOrder | null;
  readonly opened: (id: SessionId, head: string) => void;
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
  readonly #worker: HostedWorker;
  readonly #sessions = new Map<SessionId, Carried>();
  readonly #ready = deferred<void>();
  readonly #exit = deferred<void>();
  readonly #beat: NodeJS.Timeout;
  readonly #addresses = new Set<string>();
  readonly #watchers = new Map<number, Watcher>();
  #nextWatch = 0;
  readonly #desk: Desk;
  #isReady = false;
  #outstanding = 0;
  /** Beats of ours since it was heard. A time would count against it what this process slept itself. */
  #silentBeats = 0;
  #isGone = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#desk = new Desk(options.control, options.facts);
    this.#worker = options.host.spawn(this.#events());
    this.#send(options.start);
    this.#beat = setInterval(() => this.#heartbeat(), HEARTBEAT_MS);
  }

  get pid(): number | undefined {
    return this.#worker.pid;
  }

  /** Rejects where the worker ends before it could take connections. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get isReady(): boolean {
    return this.#isReady && !this.#isGone;
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

  /** Shows what passes in a session that it carries; the answer stops that. */
  watch(session: SessionId, watcher: Watcher): () => void {
    const watch = this.#nextWatch++;
    this.#watchers.set(watch, watcher);
    this.#send({ type: 'watch', session, watch, told: watcher.told });
    return () => {
      if (this.#watchers.delete(watch)) this.#send({ type: 'unwatch', session, watch });
    };
  }

  #watchOver(watch: number): void {
    const watcher = this.#watchers.get(watch);
    this.#watchers.delete(watch);
    watcher?.over();
  }

  /** No new sessions, and an end of those that still live after `ms`. */
  drain(order: TerminationOrder, ms: number): void {
    for (const id of this.#sessions.keys()) this.#setOrder(id, order);
    this.#send({ type: 'drain', ms });
  }

  get isIdle(): boolean {
    return this.#isGone || this.#sessions.size === 0;
  }

  kill(): void {
    this.#worker.kill();
  }

  exited(): Promise<void> {
    return this.#exit.promise;
  }

  #events(): WorkerEvents {
    return {
      message: (message) => this.#hear(message),
      connection: (remoteAddress) => this.#handed(remoteAddress),
      broken: (why) => this.#options.log.error({ worker: this.pid, why }, 'worker broke its protocol and is killed'),
      exit: ({ code, signal }) => this.#exited(code, signal),
    };
  }

  #handed(remoteAddress: string): void {
    this.#addresses.delete(remoteAddress);
    this.#addresses.add(remoteAddress);
    const [oldest] = this.#addresses;
    if (this.#addresses.size > WORKER_ADDRESSES_MAX && oldest !== undefined) this.#addresses.delete(oldest);
  }

  #setOrder(id: SessionId, order: TerminationOrder): void {
    const carried = this.#sessions.get(id);
    if (carried) carried.order ??= order;
  }

  #hear(raw: unknown): void {
    if (this.#isGone) return;
    const message = FromWorker.safeParse(raw);
    this.#silentBeats = 0;
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
        this.#worker.open();
        this.#ready.resolve();
        break;
      case 'heartbeat':
        break;
      case 'authorize':
        this.#authorize(heard);
        break;
      case 'refused':
        this.#refused(heard);
        break;
      case 'offered':
      case 'ask':
      case 'jump_over':
        this.#serve(heard);
        break;
      case 'opened':
        if (this.#sessions.has(heard.session)) this.#options.opened(heard.session, heard.head);
        break;
      case 'cut': {
        const carried = this.#sessions.get(heard.session);
        if (carried) carried.isCut = true;
        break;
      }
      case 'closed': {
        const { session, ending, channels, refusals, recording } = heard;
        if (this.#sessions.delete(session)) this.#options.closed(session, { ending, channels, refusals, recording });
        break;
      }
      case 'watched':
        for (const shown of heard.shown) this.#watchers.get(heard.watch)?.see(shown);
        break;
      case 'watch_over':
        this.#watchOver(heard.watch);
        break;
      default:
        heard satisfies never;
    }
  }

  #refused({ remoteAddress, reason, fingerprint }: Heard<'refused'>): void {
    if (!this.#addresses.has(remoteAddress)) return;
    this.#options.control.refused({ address: remoteAddress, reason, fingerprint });
  }

  #serve(heard: Heard<'offered' | 'ask' | 'jump_over'>): void {
    const failed = (err: unknown): void => this.#options.log.error({ err }, 'a question could not be answered');
    if (heard.type === 'jump_over') {
      this.#desk.over(heard.sshSessionId);
      return;
    }
    const { id } = heard;
    if (heard.type === 'offered') {
      const answer = (isKnown: boolean): void => this.#send({ type: 'offer_answered', id, isKnown });
      this.#desk.isRegistered(heard.fingerprint).then(answer, (error: unknown) => {
        failed(error);
        answer(false);
      });
      return;
    }
    const answer = (served: Served): void => this.#send({ type: 'served', id, ...served });
    this.#desk.ask(heard.sshSessionId, heard.words).then(answer, (error: unknown) => {
      failed(error);
      answer(failure('Daypass could not answer. Try again in a minute.', 1));
    });
  }

  #authorize(ask: Heard<'authorize'>): void {
    const refused = (code: string, message: string): void =>
      this.#send({ type: 'authorized', id: ask.id, answer: { kind: 'refused', code, message } });
    if (this.#outstanding >= AUTHORIZE_OUTSTANDING_MAX) {
      refused('busy', BUSY);
      return;
    }
    const { route, remoteAddress } = ask;
    if (!this.#addresses.has(remoteAddress)) {
      this.#options.log.error(
        { worker: this.pid, client: remoteAddress },
        'worker names an address that it was not handed',
      );
      refused('fault', FAULT);
      return;
    }
    this.#outstanding += 1;
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
      const { caller, endsAt, targetIds } = value;
      const { personId } = caller;
      const noTargets = value.noTargets && wordForTerminal(value.noTargets);
      this.#desk.admit(caller);
      const answer = {
        kind: 'jump' as const,
        personId,
        endsAt: endsAt.getTime(),
        targetIds: [...targetIds],
        noTargets,
      };
      this.#send({ type: 'authorized', id, answer });
    } else {
      this.#send({ type: 'authorized', id, answer: { kind: 'registered', lines: [...value.lines] } });
    }
  }

  #grantSession(id: number, session: Extract<Authorization, { kind: 'session' }>['session']): void {
    const early = this.#options.endedEarly(session.id);
    if (early || this.#isGone) {
      const ending = early ? ({ how: 'terminated', why: early.why } as const) : ({ how: 'interrupted' } as const);
      this.#options.closed(session.id, { ending, channels: [], refusals: [], recording: null });
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
    this.#silentBeats += 1;
    const silentMs = this.#silentBeats * HEARTBEAT_MS;
    if (silentMs < (this.#isReady ? SILENT_WORKER_MS : WORKER_START_MS)) return;
    this.#options.log.error({ worker: this.pid, silentMs }, 'worker is silent and is killed');
    this.kill();
  }

  #exited(code: number | null, signal: string | null): void {
    this.#isGone = true;
    this.#exit.resolve();
    clearInterval(this.#beat);
    this.#ready.reject(new Error(`a gateway worker ended (${signal ?? code}) before it could take connections`));
    const carried = [...this.#sessions];
    this.#sessions.clear();
    for (const watch of [...this.#watchers.keys()]) this.#watchOver(watch);
    this.#options.log.info({ worker: this.pid, code, signal, sessions: carried.length }, 'worker exited');
    for (const [id, { order }] of carried) {
      const ending = order ? ({ how: 'terminated', why: order.why } as const) : ({ how: 'interrupted' } as const);
      this.#options.closed(id, { ending, channels: [], refusals: [], recording: null });
    }
    this.#options.gone(this);
  }

  #send(message: ToWorker): void {
    if (!this.#isGone) this.#worker.send(JSON.stringify(message));
  }
}
