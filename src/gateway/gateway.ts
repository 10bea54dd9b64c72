import { once } from 'node:events';
import { chown, mkdir } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { SessionId } from '../access/ids.ts';
import type { Log } from '../log.ts';
import type { GatewayControl, SessionReport } from '../use-cases/gateway-control.ts';
import type { Gateways, TerminationOrder } from '../use-cases/ports.ts';
import type { ToWorker } from './ipc.ts';
import {
  DEFAULT_LIMITS,
  DRAIN_MS,
  EARLY_TERMINATIONS_MAX,
  type Limits,
  REPORT_RETRY_MS,
  REPORT_TRIES_MAX,
  WORKER_RESTART_MS,
} from './limits.ts';
import { fileRecording, leftInSpool } from './recordings.ts';
import { WorkerProcess } from './worker-process.ts';

export type GatewayOptions = {
  readonly listen: { readonly host: string; readonly port: number };
  readonly workers: number;
  readonly site: string;
  /** OpenSSH PEM. */
  readonly hostKey: string;
  /** `<type> <base64>`. */
  readonly userCa: string;
  /** Where workers write; finished recordings are moved from here. */
  readonly spool: string;
  readonly recordings: string;
  readonly minFreeMiB: number;
  /** How contractors reach the gateway; the listening address when left out. */
  readonly publicPlace?: { readonly hosts: readonly string[]; readonly port: number };
  readonly log: Log;
  readonly workerUid?: number;
  readonly workerGid?: number;
  readonly limits?: Partial<Limits>;
};

export type Gateway = Gateways &
  AsyncDisposable & {
    readonly address: string;
    readonly port: number;
    /** Process ids, for operators. */
    readonly workers: readonly number[];
  };

const SHUTDOWN: TerminationOrder = { why: 'shutdown', message: 'the gateway is being restarted; session ended.' };

/** Listens for contractors, hands each TCP connection to a worker, and keeps as many workers alive as configured. */
export async function startGateway(options: GatewayOptions, control: GatewayControl): Promise<Gateway> {
  const supervisor = new Supervisor(options, control);
  try {
    await supervisor.start();
  } catch (error) {
    await supervisor[Symbol.asyncDispose]();
    throw error;
  }
  return supervisor;
}

class Supervisor implements Gateway {
  readonly #options: GatewayOptions;
  readonly #control: GatewayControl;
  readonly #server: Server;
  readonly #workers: WorkerProcess[] = [];
  /** What is still to be told of each session, in order. */
  readonly #reports = new Map<SessionId, Promise<void>>();
  /** Orders for sessions that no worker carries: authorised in this moment, perhaps. */
  readonly #early = new Map<SessionId, TerminationOrder>();
  #next = 0;
  #isStopping = false;

  constructor(options: GatewayOptions, control: GatewayControl) {
    this.#options = options;
    this.#control = control;
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#assign(socket));
    this.#server.on('error', (error) => options.log.error({ err: error }, 'gateway listener error'));
  }

  async start(): Promise<void> {
    const { spool, recordings, workers, listen, workerUid, workerGid } = this.#options;
    for (const folder of [spool, recordings]) await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const id of await leftInSpool(spool)) await fileRecording(spool, recordings, id);
    if (workerUid !== undefined && workerGid !== undefined) await chown(spool, workerUid, workerGid);
    for (let index = 0; index < workers; index += 1) this.#spawn();
    await Promise.all(this.#workers.map((worker) => worker.ready));
    this.#server.listen(listen.port, listen.host);
    await once(this.#server, 'listening');
  }

  get address(): string {
    return (this.#server.address() as AddressInfo).address;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get workers(): readonly number[] {
    return this.#workers.flatMap(({ pid, isReady }) => (isReady && pid !== undefined ? [pid] : []));
  }

  terminate(sessions: readonly SessionId[], order: TerminationOrder): void {
    for (const worker of this.#workers) worker.terminate(sessions, order);
    for (const id of sessions) {
      if (this.#reports.has(id) || this.#workers.some((worker) => worker.carries(id))) continue;
      this.#early.set(id, order);
      const [oldest] = this.#early.keys();
      if (this.#early.size > EARLY_TERMINATIONS_MAX && oldest) this.#early.delete(oldest);
    }
  }

  /** Refuses new connections, ends the live sessions, and waits a bounded while for their reports. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    this.#server.close();
    for (const worker of this.#workers) worker.drain(SHUTDOWN);
    const deadline = process.hrtime.bigint() + BigInt(DRAIN_MS) * 1_000_000n;
    while (this.#workers.some((worker) => !worker.isIdle) && process.hrtime.bigint() < deadline) await pause(20);
    const exits = this.#workers.map((worker) => worker.exited());
    for (const worker of [...this.#workers]) worker.kill();
    await Promise.all(exits);
    await Promise.allSettled(this.#reports.values());
  }

  #spawn(): void {
    const { log, spool, workerUid: uid, workerGid: gid } = this.#options;
    const worker = new WorkerProcess({
      ...{ start: this.#startMessage(), control: this.#control, log, cwd: spool },
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      endedEarly: (id) => this.#early.get(id) ?? null,
      opened: (id) => this.#report(id, () => this.#control.opened(id)),
      closed: (id, report) => this.#closed(id, report),
      gone: (gone) => this.#replace(gone),
    });
    this.#workers.push(worker);
  }

  #startMessage(): Extract<ToWorker, { type: 'start' }> {
    const { site, hostKey, userCa, minFreeMiB, workers, listen } = this.#options;
    const { publicPlace = { hosts: [listen.host], port: listen.port } } = this.#options;
    const limits = { ...DEFAULT_LIMITS, ...this.#options.limits };
    const share = (all: number): number => Math.ceil(all / workers);
    return {
      type: 'start',
      ...{ site, hostKey, userCa, minFreeMiB },
      gateway: { hosts: [...publicPlace.hosts], port: publicPlace.port },
      // Relative to where it starts: it may lack the right to come there by the absolute path.
      spool: '.',
      limits: {
        ...limits,
        unauthenticated: share(limits.unauthenticated),
        unauthenticatedPerAddress: share(limits.unauthenticatedPerAddress),
      },
    };
  }

  #replace(gone: WorkerProcess): void {
    this.#workers.splice(this.#workers.indexOf(gone), 1);
    if (this.#isStopping) return;
    setTimeout(() => {
      if (!this.#isStopping) this.#spawn();
    }, WORKER_RESTART_MS);
  }

  #assign(socket: Socket): void {
    const { remoteAddress } = socket;
    socket.on('error', () => socket.destroy());
    const ready = this.#workers.filter((worker) => worker.isReady);
    const worker = ready[this.#next++ % Math.max(1, ready.length)];
    if (!worker || !remoteAddress || this.#isStopping) return void socket.destroy();
    worker.take(socket, remoteAddress.replace(/^::ffff:/, ''));
  }

  /** Takes the recording out of the worker's reach before anybody is told that the session is over. */
  #closed(id: SessionId, report: SessionReport): void {
    const { spool, recordings, log } = this.#options;
    this.#report(id, async () => {
      await fileRecording(spool, recordings, id).catch((error: unknown) => {
        log.error({ err: error, session: id }, 'a recording stays in the spool');
      });
      await this.#control.closed(id, report);
    });
  }

  /** One after the other for each session; tried again where control cannot take it now. */
  #report(id: SessionId, tell: () => Promise<void>): void {
    const before = this.#reports.get(id) ?? Promise.resolve();
    const told = before.then(() => this.#persist(id, tell));
    this.#reports.set(id, told);
    const forget = (): void => {
      if (this.#reports.get(id) === told) this.#reports.delete(id);
    };
    told.then(forget, forget);
  }

  async #persist(id: SessionId, tell: () => Promise<void>): Promise<void> {
    for (let attempt = 1; attempt <= REPORT_TRIES_MAX; attempt += 1) {
      try {
        return await tell();
      } catch (error) {
        this.#options.log.error({ err: error, session: id, attempt }, 'a session report could not be recorded');
        if (this.#isStopping) return;
        await pause(REPORT_RETRY_MS);
      }
    }
  }
}
