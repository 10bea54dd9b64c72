import type { Grant } from '../../access/grant.ts';
import type { SessionId } from '../../access/ids.ts';
import type { RegistryEntry } from '../../access/registry-entry.ts';
import type { Whose } from '../../access/whose.ts';
import type { Carried, Watcher } from '../../use-cases/ports/gateways.ts';
import type { GatewayControl } from '../../use-cases/sessions/gateway-control.ts';
import type { HostedWorker, WorkerEvents, WorkerHost } from '../launch/worker-host.ts';
import { Briefing } from '../pipe/registry.ts';
import { FromWorker, type ToWorker } from '../pipe/worker-messages.ts';
import type { WordedOrder } from '../words/session-words.ts';
import { CarriedQuestions } from './carried-questions.ts';
import { CarriedSessions, type CarriedSessionsDeps } from './carried-sessions.ts';
import { HandedAddresses } from './handed-addresses.ts';
import { Liveness } from './liveness.ts';
import { Watchers } from './watchers.ts';
import { type Questioned, WorkerQuestions } from './worker-questions.ts';

export type WorkerOptions = Questioned &
  Pick<CarriedSessionsDeps, 'endedEarly' | 'opened' | 'closed'> & {
    readonly start: Extract<ToWorker, { type: 'start' }>;
    /** What it is told of the registry before it starts. */
    readonly registry: readonly RegistryEntry[];
    readonly control: Questioned['control'] & Pick<GatewayControl, 'refused'>;
    readonly host: Pick<WorkerHost, 'spawn'>;
    /** How long ago control knew what was revoked: a worker's lease begins there. */
    readonly knownMsAgo: () => number;
    /** It is silent for longer than workers are, or speaks again. */
    readonly suspected: (worker: WorkerProcess, isSilent: boolean) => void;
    readonly gone: (worker: WorkerProcess) => void;
  };

type Heard<Type extends FromWorker['type']> = Extract<FromWorker, { type: Type }>;

/** Control's end of one worker: what it says is checked, what it carries is known, and its silence ends it. */
export class WorkerProcess {
  readonly #options: WorkerOptions;
  readonly #worker: HostedWorker;
  readonly #liveness: Liveness;
  readonly #sessions: CarriedSessions;
  readonly #watchers: Watchers;
  readonly #carried: CarriedQuestions;
  readonly #addresses = new HandedAddresses();
  readonly #questions: WorkerQuestions;
  readonly #briefing: Briefing;
  #isServing = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { control, facts, favour, log, endedEarly, opened, closed, knownMsAgo } = options;
    const send = (message: ToWorker): void => this.#send(message);
    this.#sessions = new CarriedSessions({
      ...{ send, log, endedEarly, opened, closed },
      late: (sessions) => this.#killFor('worker did not end its sessions', { sessions }),
    });
    this.#watchers = new Watchers(send);
    this.#carried = new CarriedQuestions(send);
    const [sessions, addresses] = [this.#sessions, this.#addresses];
    this.#questions = new WorkerQuestions({ control, facts, favour, log, worker: this, send, sessions, addresses });
    this.#worker = options.host.spawn(this.#events());
    this.#liveness = new Liveness({
      beat: () => send({ type: 'heartbeat', knownMsAgo: knownMsAgo() }),
      suspected: (isSilent) => options.suspected(this, isSilent),
      hangs: (silentMs) => this.#killFor('worker is silent', { silentMs }),
    });
    this.#briefing = new Briefing(
      options.registry,
      (entries) => send({ type: 'registry', entries }),
      () => send(options.start),
    );
  }

  get pid(): number | undefined {
    return this.#worker.pid;
  }

  /** Rejects where the worker ends before it could take connections. */
  get ready(): Promise<void> {
    return this.#liveness.ready;
  }

  get isReady(): boolean {
    return this.#liveness.wasReady && !this.#liveness.isGone;
  }

  /** Something was registered or retired. */
  know(entry: RegistryEntry): void {
    this.#briefing.know(entry);
  }

  /** Takes connections from now on, or as soon as it can. */
  serve(): void {
    this.#isServing = true;
    if (this.#liveness.wasReady) this.#worker.open();
  }

  /** Whether it ever took connections. */
  get hasServed(): boolean {
    return this.#isServing && this.#liveness.wasReady;
  }

  carries(id: SessionId): boolean {
    return this.#sessions.has(id);
  }

  get carried(): readonly Carried[] {
    return this.#sessions.all;
  }

  /** What the worker says that it carries of these; null where it does not answer. */
  carrying(whose: Whose): Promise<readonly SessionId[] | null> {
    return this.#carried.ask(whose);
  }

  /** What control knows that it carries of these. */
  knownOf(whose: Whose): readonly SessionId[] {
    return this.#sessions.of(whose);
  }

  /** Ends sessions that it carries; where it does not end them in time, the whole worker ends. */
  terminate(ids: readonly SessionId[], order: WordedOrder): void {
    this.#sessions.terminate(ids, order);
  }

  extend(id: SessionId, under: Grant): boolean {
    return this.#sessions.extend(id, under);
  }

  /** Shows what passes in a session that it carries; the answer stops that. */
  watch(session: SessionId, watcher: Watcher): () => void {
    return this.#watchers.watch(session, watcher);
  }

  /** No new sessions, and an end of those that still live after `ms`. */
  drain(order: WordedOrder, ms: number): void {
    this.#sessions.drain(order, ms);
  }

  get isIdle(): boolean {
    return this.#sessions.count === 0;
  }

  kill(): void {
    this.#worker.kill();
  }

  exited(): Promise<void> {
    return this.#liveness.exit;
  }

  #events(): WorkerEvents {
    return {
      message: (message) => this.#hear(message),
      connection: (remoteAddress) => this.#addresses.add(remoteAddress),
      broken: (why) => this.#options.log.error({ worker: this.pid, why }, 'worker broke its protocol; killing it'),
      exit: ({ code, signal }) => this.#exited(code, signal),
    };
  }

  #hear(raw: unknown): void {
    if (this.#liveness.isGone) return;
    const message = FromWorker.safeParse(raw);
    this.#liveness.heard();
    if (message.success) this.#act(message.data);
    else this.#killFor('worker broke its protocol', { err: message.error });
  }

  #act(heard: FromWorker): void {
    switch (heard.type) {
      case 'ready':
        this.#liveness.becomeReady();
        if (this.#isServing) this.#worker.open();
        break;
      case 'heartbeat':
        break;
      case 'registry_taken':
        this.#briefing.taken();
        break;
      case 'refused':
        this.#refused(heard);
        break;
      case 'authorize':
      case 'ask':
      case 'jump_over':
        this.#questions.hear(heard);
        break;
      case 'opened':
        this.#sessions.opened(heard.session, heard.head);
        break;
      case 'cut':
        this.#sessions.cut(heard.session);
        break;
      case 'closed': {
        const { type: _type, session, ...report } = heard;
        this.#sessions.closed(session, report);
        break;
      }
      case 'carrying':
        this.#carried.answered(heard.id, heard.sessions);
        break;
      case 'watched':
        this.#watchers.see(heard.watch, heard.shown);
        break;
      case 'watch_over':
        this.#watchers.over(heard.watch);
        break;
      default:
        heard satisfies never;
    }
  }

  #refused({ remoteAddress, reason, fingerprint }: Heard<'refused'>): void {
    if (!this.#addresses.has(remoteAddress)) return;
    this.#options.control.refused({ address: remoteAddress, reason, fingerprint });
  }

  #exited(code: number | null, signal: string | null): void {
    this.#liveness.gone(signal ?? code);
    this.#watchers.allOver();
    this.#carried.over();
    this.#options.log.info({ worker: this.pid, code, signal, sessions: this.#sessions.count }, 'worker exited');
    this.#sessions.over();
    this.#options.gone(this);
  }

  #killFor(why: string, facts: object): void {
    this.#options.log.error({ worker: this.pid, ...facts }, `${why}; killing it`);
    this.kill();
  }

  #send(message: ToWorker): void {
    if (!this.#liveness.isGone) this.#worker.send(JSON.stringify(message));
  }
}
