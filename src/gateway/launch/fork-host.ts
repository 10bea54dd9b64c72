import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { SessionId } from '../../access/ids.ts';
import type { Log } from '../../log.ts';
import { type Arrival, Doorway } from '../door/doorway.ts';
import { DEFAULT_DOOR, type DoorLimits } from '../limits.ts';
import { MessagePipe, WORKER_PIPE_FD } from '../pipe/message-pipe.ts';
import { AtDoor, type Handed, type ToWorker } from '../pipe/worker-messages.ts';
import { guardSocketChannel } from './socket-channel.ts';
import type { HostedWorker, WorkerEvents, WorkerHost } from './worker-host.ts';
import { WorkerWords } from './worker-output.ts';

export type Listen = {
  readonly host: string;
  readonly port: number;
  /** Who may wait there; the defaults where left out. */
  readonly door?: Partial<DoorLimits>;
  /** Addresses and ranges, separated by commas, of balancers that speak the PROXY protocol. */
  readonly balancers?: string;
};

export type ForkHostOptions = {
  readonly listen: Listen;
  /** Where workers start: the only folder that they need to reach. */
  readonly cwd: string;
  /** Other than this process's own, where it is root. */
  readonly account: { readonly uid: number; readonly gid: number } | null;
  readonly log: Log;
  /** What a worker runs, and its arguments; a gateway worker when left out. */
  readonly program?: string;
  readonly args?: readonly string[];
  readonly files: {
    collect(id: SessionId): Promise<boolean>;
    left(): Promise<readonly SessionId[]>;
  };
};

/** Runs workers as children of this process, and listens in it. */
export class ForkHost implements WorkerHost {
  readonly #options: ForkHostOptions;
  readonly #server: Server;
  readonly #doorway: Doorway;
  readonly #workers = new Set<ForkedWorker>();
  readonly #prepared: ChildProcess[] = [];
  #next = 0;

  constructor(options: ForkHostOptions) {
    this.#options = options;
    const { door, balancers = '' } = options.listen;
    this.#doorway = new Doorway({
      ...{ limits: { ...DEFAULT_DOOR, ...door }, balancers, log: options.log },
      isServed: () => this.#open.length > 0,
      ready: () => this.#handOver(),
    });
    // The doorway says why it reads one chunk and no more.
    this.#server = createServer({ pauseOnConnect: true, highWaterMark: 0 }, (socket) => this.#doorway.take(socket));
    this.#server.on('error', (error) => options.log.error({ err: error }, 'gateway listener error'));
  }

  async listen(): Promise<{ address: string; port: number }> {
    const { host, port } = this.#options.listen;
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    const bound = this.#server.address() as AddressInfo;
    return { address: bound.address, port: bound.port };
  }

  close(): void {
    this.#server.close();
    this.#doorway[Symbol.dispose]();
  }

  favour(remoteAddress: string): void {
    this.#doorway.favour(remoteAddress);
  }

  /** Starts processes for workers that `spawn` will be asked for: they load while control does. */
  prepare(workers: number): void {
    for (let index = 0; index < workers; index += 1) this.#prepared.push(forkWorker(this.#options));
  }

  spawn(events: WorkerEvents): HostedWorker {
    const child = this.#takePrepared() ?? forkWorker(this.#options);
    const worker = new ForkedWorker(this.#options, child, events, this.#doorway, () => this.#handOver());
    this.#workers.add(worker);
    worker.over.then(() => this.#workers.delete(worker));
    return worker;
  }

  #takePrepared(): ChildProcess | undefined {
    for (;;) {
      const child = this.#prepared.shift();
      if (!child || (child.exitCode === null && child.signalCode === null)) return child;
      this.#options.log.error({ worker: child.pid }, 'a gateway worker ended before it was used');
      new WorkerWords(child.pid, child, this.#options.log).ended();
    }
  }

  collect(id: SessionId): Promise<boolean> {
    return this.#options.files.collect(id);
  }

  left(): Promise<readonly SessionId[]> {
    return this.#options.files.left();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    for (const child of this.#prepared.splice(0)) child.kill('SIGKILL');
    const workers = [...this.#workers];
    for (const worker of workers) worker.kill();
    await Promise.all(workers.map((worker) => worker.over));
  }

  get #open(): readonly ForkedWorker[] {
    return [...this.#workers].filter((worker) => worker.isOpen);
  }

  /** To the workers in turn, one at a time each: what waits stays in the doorway's order, and a worker that hangs holds up one. */
  #handOver(): void {
    while (this.#doorway.isWaitedFor) {
      const open = this.#open;
      const inTurn = open.map((_, index) => open[(this.#next + index) % open.length] as ForkedWorker);
      const worker = inTurn.find((each) => !each.isTaking);
      if (!worker) return;
      this.#next = open.indexOf(worker) + 1;
      const arrival = this.#doorway.next((id, message) => worker.turnAway(id, message));
      if (arrival) worker.take(arrival);
    }
  }
}

class ForkedWorker implements HostedWorker {
  /** Once it has ended and its last words are in the log. */
  readonly over: Promise<void>;
  readonly #child: ChildProcess;
  readonly #pipe: MessagePipe;
  readonly #events: WorkerEvents;
  #isOpen = false;
  #isGone = false;
  readonly #doorway: Doorway;
  /** Handed over and perhaps not taken yet. */
  readonly #inFlight = new Set<Socket>();
  /** It can take a connection, or none any more. */
  readonly #changed: () => void;
  /** Handed over and perhaps not logged in. */
  readonly #connections = new Set<number>();

  constructor(
    options: ForkHostOptions,
    child: ChildProcess,
    events: WorkerEvents,
    doorway: Doorway,
    changed: () => void,
  ) {
    this.#events = events;
    this.#changed = changed;
    this.#doorway = doorway;
    this.#child = child;
    const broken = (why: string): void => {
      this.kill();
      events.broken(why);
    };
    guardSocketChannel(child, broken);
    this.#pipe = new MessagePipe(child.stdio[WORKER_PIPE_FD] as Duplex, {
      message: (message, line) => {
        if (!('type' in message) || message.type !== 'at_door') return events.message(message, line);
        const heard = AtDoor.safeParse(message);
        if (heard.success) this.#hear(heard.data);
        else broken('an invalid message');
      },
      broken,
      end: () => {},
    });
    const words = new WorkerWords(child.pid, child, options.log);
    this.over = new Promise((resolve) => {
      const gone = (code: number | null, signal: string | null): void => {
        if (this.#isGone) return;
        this.#isGone = true;
        words.ended();
        for (const socket of this.#inFlight) socket.destroy();
        for (const id of this.#connections) doorway.leave(id);
        changed();
        events.exit({ code, signal });
        words.over.then(resolve);
      };
      child.once('exit', gone);
      // One that could not be started has no exit.
      child.once('error', () => child.pid === undefined && gone(null, null));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isOpen(): boolean {
    return this.#isOpen && !this.#isGone;
  }

  send(text: string): void {
    this.#pipe.sendText(text);
  }

  open(): void {
    this.#isOpen = true;
    this.#changed();
  }

  kill(): void {
    this.#isOpen = false;
    this.#child.kill('SIGKILL');
  }

  /**
   * Hands a connection over; this process keeps nothing of it. It closes its own end by itself: Node would wait for an answer first,
   * which a worker that dies meanwhile never gives, and the client would wait with it.
   */
  take({ id, socket, address, head }: Arrival): void {
    this.#inFlight.add(socket);
    this.#connections.add(id);
    this.#events.connection(address);
    // Else the child tells Node's own code here of each of its sockets' end, once this no longer listens.
    Object.assign(socket, { server: null });
    const handed: Handed = { connection: id, remoteAddress: address, head: head.toString('base64') };
    this.#child.send(handed, socket, { keepOpen: true }, () => {
      this.#inFlight.delete(socket);
      socket.destroy();
      this.#changed();
    });
  }

  get isTaking(): boolean {
    return this.#inFlight.size > 0;
  }

  turnAway(connection: number, message: string): void {
    this.#connections.delete(connection);
    const order: ToWorker = { type: 'turn_away', connection, message };
    this.#pipe.send(order);
  }

  /** Of connections that it was handed and of no other. */
  #hear(heard: AtDoor): void {
    if (!this.#connections.has(heard.connection)) return;
    if (heard.reached === 'in' || heard.reached === 'gone') this.#connections.delete(heard.connection);
    this.#doorway.hear(heard);
  }
}

/**
 * Packets live for a moment: collected while they are young, they cost the relay little. Their buffers count against the old space
 * too, of which V8 gives a small heap so little that it marked all of it several times a second. In MiB.
 */
const MEMORY = ['--min-semi-space-size=16', '--max-semi-space-size=16', '--initial-old-space-size=64'];

function forkWorker({ cwd, account, log, program, args = [] }: ForkHostOptions): ChildProcess {
  const isSource = import.meta.url.endsWith('.ts');
  const worker = fileURLToPath(new URL(isSource ? '../worker/worker.ts' : '../worker/worker.js', import.meta.url));
  const child = fork(program ?? worker, args, {
    cwd,
    // Nothing of this environment goes along: it holds the Slack tokens and the database's password.
    env: workerEnvironment(),
    execArgv: [...MEMORY, ...(isSource ? ['--import', typeScriptLoader()] : [])],
    // Not this process's own stdout and stderr: events and the log go there, line by line.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
    serialization: 'json',
    ...account,
  });
  return child.on('error', (error) => log.error({ err: error }, 'gateway worker error'));
}

const typeScriptLoader = (): string => pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

function workerEnvironment(): NodeJS.ProcessEnv {
  // The last one is set by whoever measures coverage.
  const names = ['PATH', 'TZ', 'DAYPASS_LOG_LEVEL', 'NODE_V8_COVERAGE'];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
