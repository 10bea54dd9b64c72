import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { SessionId } from '../access/ids.ts';
import type { Log } from '../log.ts';
import { SOCKETS_IN_FLIGHT_MAX } from './limits.ts';
import { MessagePipe, WORKER_PIPE_FD } from './message-pipe.ts';
import { guardSocketChannel } from './socket-channel.ts';
import type { HostedWorker, WorkerEvents, WorkerHost } from './worker-host.ts';
import { WorkerWords } from './worker-words.ts';

export type ForkHostOptions = {
  readonly listen: { readonly host: string; readonly port: number };
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
  readonly #workers = new Set<ForkedWorker>();
  #next = 0;

  constructor(options: ForkHostOptions) {
    this.#options = options;
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#assign(socket));
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
  }

  spawn(events: WorkerEvents): HostedWorker {
    const worker = new ForkedWorker(this.#options, events);
    this.#workers.add(worker);
    worker.over.then(() => this.#workers.delete(worker));
    return worker;
  }

  collect(id: SessionId): Promise<boolean> {
    return this.#options.files.collect(id);
  }

  left(): Promise<readonly SessionId[]> {
    return this.#options.files.left();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    const workers = [...this.#workers];
    for (const worker of workers) worker.kill();
    await Promise.all(workers.map((worker) => worker.over));
  }

  #assign(socket: Socket): void {
    const { remoteAddress } = socket;
    socket.on('error', () => socket.destroy());
    const open = [...this.#workers].filter((worker) => worker.isOpen);
    const worker = open[this.#next++ % Math.max(1, open.length)];
    if (worker && remoteAddress) worker.take(socket, remoteAddress.replace(/^::ffff:/, ''));
    else socket.destroy();
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
  /** Handed over and perhaps not taken yet. */
  readonly #inFlight = new Set<Socket>();

  constructor(options: ForkHostOptions, events: WorkerEvents) {
    this.#events = events;
    const child = forkWorker(options);
    this.#child = child;
    child.on('error', (error) => options.log.error({ err: error }, 'gateway worker error'));
    const broken = (why: string): void => {
      this.kill();
      events.broken(why);
    };
    guardSocketChannel(child, broken);
    this.#pipe = new MessagePipe(child.stdio[WORKER_PIPE_FD] as Duplex, {
      message: events.message,
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
  }

  kill(): void {
    this.#isOpen = false;
    this.#child.kill('SIGKILL');
  }

  /**
   * Hands a connection over; this process keeps nothing of it. It closes its own end by itself: Node would wait for an answer first,
   * which a worker that dies meanwhile never gives, and the client would wait with it.
   */
  take(socket: Socket, remoteAddress: string): void {
    if (this.#inFlight.size >= SOCKETS_IN_FLIGHT_MAX || !this.#child.connected) return void socket.destroy();
    this.#inFlight.add(socket);
    this.#events.connection(remoteAddress);
    // Else the child tells Node's own code here of each of its sockets' end, once this no longer listens.
    Object.assign(socket, { server: null });
    this.#child.send({ remoteAddress }, socket, { keepOpen: true }, () => {
      this.#inFlight.delete(socket);
      socket.destroy();
    });
  }
}

/**
 * Packets live for a moment: collected while they are young, they cost the relay little. Their buffers count against the old space
 * too, of which V8 gives a small heap so little that it marked all of it several times a second. In MiB.
 */
const MEMORY = ['--min-semi-space-size=16', '--max-semi-space-size=16', '--initial-old-space-size=64'];

function forkWorker({ cwd, account, program, args = [] }: ForkHostOptions): ChildProcess {
  const isSource = import.meta.url.endsWith('.ts');
  const worker = fileURLToPath(new URL(isSource ? './worker.ts' : './worker.js', import.meta.url));
  return fork(program ?? worker, args, {
    cwd,
    // Nothing of this environment goes along: it holds the Slack tokens and the database's password.
    env: workerEnvironment(),
    execArgv: [...MEMORY, ...(isSource ? ['--import', typeScriptLoader()] : [])],
    // Not this process's own stdout and stderr: events and the log go there, line by line.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
    serialization: 'json',
    ...account,
  });
}

const typeScriptLoader = (): string => pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

function workerEnvironment(): NodeJS.ProcessEnv {
  const names = ['PATH', 'TZ', 'DAYPASS_LOG_LEVEL'];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
