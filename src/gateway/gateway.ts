import { once } from 'node:events';
import { rename } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { SessionId } from '../access/ids.ts';
import type { Log } from '../log.ts';
import { markInterrupted } from '../recording/manifest.ts';
import type { GatewayControl, SessionReport } from '../use-cases/gateway-control.ts';
import type { Gateways, TerminationOrder } from '../use-cases/ports.ts';
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
  readonly log: Log;
  readonly workerUid?: number;
  readonly workerGid?: number;
};

export type Gateway = Gateways & AsyncDisposable & { readonly address: string; readonly port: number };

const RESTART_MS = 200;
const DRAIN_MS = 3_000;
const TERMINATIONS_KEPT_MAX = 10_000;

/** Listens for contractors, hands each TCP connection to a worker, and keeps as many workers alive as configured. */
export async function startGateway(options: GatewayOptions, control: GatewayControl): Promise<Gateway> {
  const supervisor = new Supervisor(options, control);
  await supervisor.start();
  return supervisor;
}

class Supervisor implements Gateway {
  readonly #options: GatewayOptions;
  readonly #control: GatewayControl;
  readonly #server: Server;
  readonly #workers: WorkerProcess[] = [];
  readonly #reports = new Set<Promise<void>>();
  #next = 0;
  #isStopping = false;

  constructor(options: GatewayOptions, control: GatewayControl) {
    this.#options = options;
    this.#control = control;
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#assign(socket));
    this.#server.on('error', (error) => options.log.error({ err: error }, 'gateway listener error'));
  }

  async start(): Promise<void> {
    for (let index = 0; index < this.#options.workers; index += 1) this.#spawn();
    await Promise.all(this.#workers.map((worker) => worker.ready));
    this.#server.listen(this.#options.listen.port, this.#options.listen.host);
    await once(this.#server, 'listening');
  }

  get address(): string {
    return (this.#server.address() as AddressInfo).address;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  terminate(sessions: readonly SessionId[], order: TerminationOrder): void {
    // A session that was just authorised may be on its way to its worker: every worker hears of every order.
    for (const worker of this.#workers) worker.terminate(sessions.slice(0, TERMINATIONS_KEPT_MAX), order);
  }

  /** Refuses new connections, tells and ends the live sessions, waits a bounded while for their reports. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    this.#server.close();
    for (const worker of this.#workers) worker.drain();
    const deadline = Date.now() + DRAIN_MS;
    while (this.#workers.some((worker) => !worker.isIdle) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const exits = this.#workers.map((worker) => worker.exited());
    for (const worker of this.#workers) worker.kill();
    await Promise.all(exits);
    await Promise.allSettled(this.#reports);
  }

  #spawn(): void {
    const { site, hostKey, userCa, spool, minFreeMiB, log, workerUid: uid, workerGid: gid } = this.#options;
    const worker = new WorkerProcess({
      start: { type: 'start', site, hostKey, userCa, spool, minFreeMiB },
      control: this.#control,
      log,
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      closed: (id, report) => this.#closed(id, report),
      gone: (gone) => this.#replace(gone),
    });
    this.#workers.push(worker);
  }

  #replace(gone: WorkerProcess): void {
    this.#workers.splice(this.#workers.indexOf(gone), 1);
    if (this.#isStopping) return;
    setTimeout(() => {
      if (!this.#isStopping) this.#spawn();
    }, RESTART_MS);
  }

  #assign(socket: Socket): void {
    const { remoteAddress } = socket;
    const worker = this.#workers[this.#next++ % Math.max(1, this.#workers.length)];
    socket.on('error', () => socket.destroy());
    if (!worker || !remoteAddress) return void socket.destroy();
    worker.take(socket, remoteAddress.replace(/^::ffff:/, ''));
  }

  /** Takes the recording out of the worker's reach before anybody is told that the session is over. */
  #closed(id: SessionId, report: SessionReport): Promise<void> {
    const work = this.#file(id, report).finally(() => this.#reports.delete(work));
    this.#reports.add(work);
    return work;
  }

  async #file(id: SessionId, report: SessionReport): Promise<void> {
    const folder = join(this.#options.spool, id);
    try {
      if (report.ending.how === 'interrupted') await markInterrupted(folder);
      await rename(folder, join(this.#options.recordings, id));
    } catch (error) {
      this.#options.log.error({ err: error, session: id }, 'a recording stays in the spool');
    }
    const { ending, channels, refusals } = report;
    await this.#control.closed(id, { ending, channels, refusals });
  }
}
