import { expiresAt, type Grant, goesOnUnder } from '../../access/grant.ts';
import type { GrantId, SessionId } from '../../access/ids.ts';
import type { Carried, RegistryEntry, TerminationOrder, Watcher } from '../../use-cases/ports.ts';
import {
  type AuthorizedSession,
  type GatewayControl,
  runningOf,
  type SessionReport,
} from '../../use-cases/sessions/gateway-control.ts';
import { deferred } from '../deferred.ts';
import type { HostedWorker, WorkerEvents, WorkerHost } from '../launch/worker-host.ts';
import {
  CUT_CONFIRM_MS,
  HEARTBEAT_MS,
  SILENT_WORKER_MS,
  SUSPECT_WORKER_MS,
  TERMINATE_CONFIRM_MS,
  WORKER_ADDRESSES_MAX,
  WORKER_START_MS,
} from '../limits.ts';
import { Briefing } from '../pipe/registry.ts';
import { FromWorker, type ToWorker } from '../pipe/worker-messages.ts';
import { printable } from '../words/refusals.ts';
import { FAULT, type Questioned, WorkerQuestions } from './worker-questions.ts';

export type WorkerOptions = Questioned & {
  readonly start: Extract<ToWorker, { type: 'start' }>;
  /** What it is told of the registry before it starts. */
  readonly registry: readonly RegistryEntry[];
  readonly control: Questioned['control'] & Pick<GatewayControl, 'refused'>;
  readonly host: Pick<WorkerHost, 'spawn'>;
  /** How long ago control knew what was revoked: a worker's lease begins there. */
  readonly knownMsAgo: () => number;
  /** Why a session that control has just authorised must not begin: it was ended meanwhile. */
  readonly endedEarly: (id: SessionId) => TerminationOrder | null;
  readonly opened: (id: SessionId, head: string) => void;
  /** The worker has done with a session, or has died with it. */
  readonly closed: (id: SessionId, report: SessionReport) => void;
  /** It is silent for longer than workers are, or speaks again. */
  readonly suspected: (worker: WorkerProcess, isSilent: boolean) => void;
  readonly gone: (worker: WorkerProcess) => void;
};

type Running = {
  readonly session: AuthorizedSession;
  /** Under which it runs now. */
  grantId: GrantId;
  endsAt: Date;
  isCut: boolean;
  order: TerminationOrder | null;
};
type Heard<Type extends FromWorker['type']> = Extract<FromWorker, { type: Type }>;

/** Control's end of one worker: what it says is checked, what it carries is known, and its silence ends it. */
export class WorkerProcess {
  readonly #options: WorkerOptions;
  readonly #worker: HostedWorker;
  readonly #sessions = new Map<SessionId, Running>();
  readonly #ready = deferred<void>();
  readonly #exit = deferred<void>();
  readonly #beat: NodeJS.Timeout;
  readonly #addresses = new Set<string>();
  readonly #watchers = new Map<number, Watcher>();
  #nextWatch = 0;
  readonly #questions: WorkerQuestions;
  readonly #briefing: Briefing;
  #isReady = false;
  #isServing = false;
  #isSuspect = false;
  /** Beats of ours since it was heard. A time would count against it what this process slept itself. */
  #silentBeats = 0;
  #isGone = false;
  /** Why no session begins any more. */
  #draining: TerminationOrder | null = null;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { control, facts, favour, log } = options;
    this.#questions = new WorkerQuestions({
      ...{ control, facts, favour, log },
      send: (message) => this.#send(message),
      knows: (remoteAddress) => this.#knows(remoteAddress),
      begin: (session) => this.#begin(session),
    });
    this.#worker = options.host.spawn(this.#events());
    this.#briefing = new Briefing(
      options.registry,
      (entries) => this.#send({ type: 'registry', entries }),
      () => this.#send(options.start),
    );
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

  /** Something was registered or retired. */
  know(entry: RegistryEntry): void {
    this.#briefing.know(entry);
  }

  /** Takes connections from now on, or as soon as it can. */
  serve(): void {
    this.#isServing = true;
    if (this.#isReady) this.#worker.open();
  }

  /** Whether it ever took connections. */
  get hasServed(): boolean {
    return this.#isServing && this.#isReady;
  }

  carries(id: SessionId): boolean {
    return this.#sessions.has(id);
  }

  get carried(): readonly Carried[] {
    return [...this.#sessions].map(
      ([
        id,
        {
          session: { personId, keyFingerprint },
          grantId,
        },
      ]) => {
        return { session: id, grantId, personId, keyFingerprint };
      },
    );
  }

  /**
   * Ends sessions that it carries; where both their connections are not dead within a second, the whole worker ends. Only its word says
   * that a session was dead before, so that it is told all the same, and has to have done with it soon.
   */
  terminate(ids: readonly SessionId[], order: TerminationOrder): void {
    const carried = ids.filter((id) => this.#sessions.has(id));
    const live = carried.filter((id) => this.#sessions.get(id)?.isCut === false);
    const cut = carried.filter((id) => !live.includes(id));
    for (const id of live) this.#setOrder(id, order);
    if (carried.length === 0) return;
    this.#send({ type: 'terminate', sessions: carried, why: order.why, message: printable(order.message) });
    this.#expect(live, TERMINATE_CONFIRM_MS, (session) => session.isCut);
    this.#expect(cut, CUT_CONFIRM_MS, () => false);
  }

  /** What it still carries then has to be so, or it ends. */
  #expect(ids: readonly SessionId[], ms: number, isSo: (running: Running) => boolean): void {
    if (ids.length === 0) return;
    setTimeout(() => {
      const late = ids.filter((id) => {
        const carried = this.#sessions.get(id);
        return carried !== undefined && !isSo(carried);
      });
      if (this.#isGone || late.length === 0) return;
      this.#options.log.error({ worker: this.pid, sessions: late }, 'worker did not end its sessions; killing it');
      this.kill();
    }, ms);
  }

  /** Only what is in memory here says what runs: the grant has to allow exactly that. */
  extend(id: SessionId, under: Grant): boolean {
    const carried = this.#sessions.get(id);
    const endsAt = expiresAt(under);
    if (!carried || carried.isCut || carried.order) return false;
    if (carried.grantId === under.id || endsAt <= carried.endsAt) return carried.grantId === under.id;
    if (!goesOnUnder(under, runningOf(carried.session))) {
      this.#options.log.error(
        { session: id, grant: under.id },
        'a grant does not allow the session that it should extend',
      );
      return false;
    }
    carried.endsAt = endsAt;
    carried.grantId = under.id;
    const { id: grantId, digest: grantDigest } = under;
    this.#send({ type: 'extend', session: id, grantId, grantDigest, endsAt: endsAt.getTime() });
    return true;
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
    this.#draining = order;
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
      broken: (why) => this.#options.log.error({ worker: this.pid, why }, 'worker broke its protocol; killing it'),
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
    this.#suspect(false);
    if (!message.success) {
      this.#options.log.error({ worker: this.pid, err: message.error }, 'worker broke its protocol; killing it');
      this.kill();
      return;
    }
    this.#act(message.data);
  }

  #act(heard: FromWorker): void {
    switch (heard.type) {
      case 'ready':
        this.#isReady = true;
        if (this.#isServing) this.#worker.open();
        this.#ready.resolve();
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

  #knows(client: string): boolean {
    if (this.#addresses.has(client)) return true;
    this.#options.log.error({ worker: this.pid, client }, 'worker named an address that it was not given');
    return false;
  }

  /** Whether the worker may carry it: what control ended meanwhile does not begin, and nothing does while the worker drains. */
  #begin(session: AuthorizedSession): string | null {
    const { id, endsAt } = session;
    const early = this.#options.endedEarly(id) ?? this.#draining;
    if (!early && !this.#isGone) {
      this.#sessions.set(id, { session, grantId: session.grantId, endsAt, isCut: false, order: null });
      return null;
    }
    const ending = early ? ({ how: 'terminated', why: early.why } as const) : ({ how: 'interrupted' } as const);
    this.#options.closed(id, { ending, channels: [], refusals: [], recording: null });
    return printable(early?.message ?? FAULT);
  }

  #heartbeat(): void {
    this.#send({ type: 'heartbeat', knownMsAgo: this.#options.knownMsAgo() });
    this.#silentBeats += 1;
    const silentMs = this.#silentBeats * HEARTBEAT_MS;
    this.#suspect(this.#isReady && silentMs >= SUSPECT_WORKER_MS);
    if (silentMs < (this.#isReady ? SILENT_WORKER_MS : WORKER_START_MS)) return;
    this.#options.log.error({ worker: this.pid, silentMs }, 'worker is silent; killing it');
    this.kill();
  }

  #suspect(isSilent: boolean): void {
    if (isSilent === this.#isSuspect) return;
    this.#isSuspect = isSilent;
    this.#options.suspected(this, isSilent);
  }

  #exited(code: number | null, signal: string | null): void {
    this.#isGone = true;
    this.#exit.resolve();
    clearInterval(this.#beat);
    this.#ready.reject(new Error(`a gateway worker exited (${signal ?? code}) before it could accept connections`));
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
