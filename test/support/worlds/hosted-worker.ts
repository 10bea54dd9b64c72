import type { Duplex } from 'node:stream';
import pino from 'pino';
import type { SessionId } from '../../../src/access/ids.ts';
import { ok, type Result } from '../../../src/access/result.ts';
import type { SessionReport } from '../../../src/access/session-report.ts';
import { type Deferred, deferred } from '../../../src/gateway/deferred.ts';
import type { HostedWorker, WorkerEvents, WorkerHost } from '../../../src/gateway/launch/worker-host.ts';
import { HEARTBEAT_MS } from '../../../src/gateway/limits.ts';
import { MessagePipe } from '../../../src/gateway/pipe/message-pipe.ts';
import { type FromWorker, ToWorker } from '../../../src/gateway/pipe/worker-messages.ts';
import { type WorkerOptions, WorkerProcess } from '../../../src/gateway/supervisor/worker-process.ts';
import type { WordedOrder } from '../../../src/gateway/words/session-words.ts';
import type {
  Authorization,
  AuthorizeAsk,
  ConnectionRefusal,
  ConnectionRejection,
} from '../../../src/use-cases/sessions/gateway-control.ts';
import type { SelfServiceAnswer } from '../../../src/use-cases/sessions/self-service.ts';
import { streamPair, turn } from '../peers/stream-pair.ts';
import { NOON } from '../samples/samples.ts';
import { ADDRESS, ASK, authorizedSession, FROM_WORKER, TO_WORKER } from './pipe-messages.ts';

/** A worker process with nothing in it but its end of the pipe: the test says what it sends, and when it exits. */
export class Hollow {
  readonly hosted: HostedWorker;
  /** What control sent to it. */
  readonly told: ToWorker[] = [];
  isOpen = false;
  kills = 0;
  /** It does not exit when it is killed, but later: when the test says so. */
  isTenacious = false;
  readonly #events: WorkerEvents;
  readonly #far: Duplex;
  #isGone = false;
  #beat: NodeJS.Timeout | undefined;

  constructor(pid: number, events: WorkerEvents) {
    this.#events = events;
    const [near, far] = streamPair();
    this.#far = far;
    const kill = (): void => this.#kill();
    const broken = (why: string): void => {
      kill();
      events.broken(why);
    };
    const pipe = new MessagePipe(near, { message: events.message, broken, end: () => {} });
    new MessagePipe(far, {
      message: (message) => void this.told.push(ToWorker.parse(message)),
      ...{ broken: () => {}, end: () => {} },
    });
    const open = (): void => {
      this.isOpen = true;
    };
    this.hosted = { pid, send: (text) => pipe.sendText(text), open, kill };
  }

  says(...messages: readonly (FromWorker | object)[]): void {
    for (const message of messages) this.saysText(`${JSON.stringify(message)}\n`);
  }

  saysText(text: string): void {
    if (!this.#far.destroyed) this.#far.write(text);
  }

  /** A connection from there is handed over to it. */
  isHanded(remoteAddress: string = ADDRESS): void {
    this.#events.connection(remoteAddress);
  }

  /** It sends heartbeats from now on. */
  beats(): void {
    this.says(FROM_WORKER.heartbeat);
    this.#beat = setInterval(() => this.says(FROM_WORKER.heartbeat), HEARTBEAT_MS);
  }

  /** It sends no more heartbeats. */
  hangs(): void {
    clearInterval(this.#beat);
  }

  exits(code: number | null = 1, signal: string | null = null): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.isOpen = false;
    this.hangs();
    this.#events.exit({ code, signal });
  }

  toldOf<Type extends ToWorker['type']>(type: Type): Extract<ToWorker, { type: Type }>[] {
    return this.told.filter((each): each is Extract<ToWorker, { type: Type }> => each.type === type);
  }

  #kill(): void {
    this.kills += 1;
    this.isOpen = false;
    if (!this.isTenacious) queueMicrotask(() => this.exits(null, 'SIGKILL'));
  }
}

/** Runs hollow workers, and nothing else of a host. */
export class HollowHost implements Pick<WorkerHost, 'spawn'> {
  readonly workers: Hollow[] = [];

  spawn(events: WorkerEvents): HostedWorker {
    const worker = new Hollow(this.workers.length + 1, events);
    this.workers.push(worker);
    return worker.hosted;
  }
}

export const FACTS = { site: 'acme', host: 'ssh.example.com', port: 22, hostKey: 'ssh-ed25519 AAAA' };

/** Options of a worker whose questions stay without answers, and whose events nobody listens to. */
export const idleOptions = (host: HollowHost): WorkerOptions => ({
  ...{ host, start: TO_WORKER.start, registry: [], log: pino({ level: 'silent' }), facts: () => FACTS },
  control: {
    authorize: () => deferred<Decision>().promise,
    serve: () => deferred<SelfServiceAnswer>().promise,
    sign: () => deferred<never>().promise,
    refused: () => {},
  },
  ...{ favour: () => {}, knownMsAgo: () => 0, endedEarly: () => null },
  ...{ opened: () => {}, closed: () => {}, suspected: () => {}, gone: () => {} },
});

type Decision = Result<Authorization, ConnectionRejection>;
type Closed = readonly [SessionId, SessionReport['ending']];

/** Control's end of one hollow worker, and everything that the rest of control hears of it. */
export class SupervisedWorker {
  readonly process: WorkerProcess;
  readonly worker: Hollow;
  /** Logins that control was asked about and that `decide` has not decided yet. */
  readonly asks: { readonly ask: AuthorizeAsk; readonly decision: Deferred<Decision> }[] = [];
  readonly favoured: string[] = [];
  readonly refused: ConnectionRefusal[] = [];
  readonly opened: (readonly [SessionId, string])[] = [];
  readonly closed: Closed[] = [];
  readonly suspected: boolean[] = [];
  gone = 0;
  knownMsAgo = 0;
  /** Sessions that control ended before the worker could hear of them. */
  readonly early = new Map<SessionId, WordedOrder>();
  serve: () => Promise<SelfServiceAnswer> = async () => ({
    kind: 'list',
    grants: [],
    pending: [],
    notes: [],
    at: NOON,
  });

  static async start(change: Partial<WorkerOptions> = {}): Promise<SupervisedWorker> {
    const made = new SupervisedWorker(change);
    await turn();
    return made;
  }

  private constructor(change: Partial<WorkerOptions>) {
    const host = new HollowHost();
    this.process = new WorkerProcess({
      ...idleOptions(host),
      control: {
        authorize: (ask) => {
          const decision = deferred<Decision>();
          this.asks.push({ ask, decision });
          return decision.promise;
        },
        serve: () => this.serve(),
        sign: () => deferred<never>().promise,
        refused: (refusal) => void this.refused.push(refusal),
      },
      favour: (remoteAddress) => void this.favoured.push(remoteAddress),
      knownMsAgo: () => this.knownMsAgo,
      endedEarly: (id) => this.early.get(id) ?? null,
      opened: (id, head) => void this.opened.push([id, head]),
      closed: (id, { ending }) => void this.closed.push([id, ending]),
      suspected: (_worker, isSilent) => void this.suspected.push(isSilent),
      gone: () => {
        this.gone += 1;
      },
      ...change,
    });
    this.worker = host.workers[0] as Hollow;
  }

  /** One that is ready, and was handed a connection. */
  static async ready(change: Partial<WorkerOptions> = {}): Promise<SupervisedWorker> {
    const made = await SupervisedWorker.start(change);
    made.worker.isHanded();
    made.worker.says(FROM_WORKER.ready);
    return made;
  }

  /** One that carries these sessions, and sends heartbeats. */
  static async carrying(...sessions: readonly number[]): Promise<SupervisedWorker> {
    const made = await SupervisedWorker.ready();
    made.worker.beats();
    for (const n of sessions) await made.carry(n);
    made.worker.told.length = 0;
    return made;
  }

  async carry(n: number): Promise<void> {
    this.worker.says({ type: 'authorize', id: n, ...ASK });
    await this.decide(ok({ kind: 'session', session: authorizedSession(n) }));
  }

  /** Control's decision on the login that has waited longest. */
  async decide(decision: Decision | Error): Promise<void> {
    const waiting = this.asks.shift()?.decision;
    if (decision instanceof Error) waiting?.reject(decision);
    else waiting?.resolve(decision);
    await turn();
  }
}

export const SHUTDOWN: WordedOrder = { why: 'shutdown', message: 'restart' };
export const DRAINING = 'while it drains';

/** The states in which control listens to a worker. */
export const STATES: readonly (readonly [string, () => Promise<SupervisedWorker>])[] = [
  [
    'while it starts',
    async () => {
      const made = await SupervisedWorker.start();
      made.worker.isHanded();
      return made;
    },
  ],
  ['once it is ready', () => SupervisedWorker.ready()],
  ['while it carries a session', () => SupervisedWorker.carrying(1)],
  [
    DRAINING,
    async () => {
      const made = await SupervisedWorker.carrying(1);
      made.process.drain(SHUTDOWN, 1_000);
      return made;
    },
  ],
];
