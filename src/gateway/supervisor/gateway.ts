import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import ssh2 from 'ssh2';
import type { Grant } from '../../access/grant.ts';
import type { SessionId } from '../../access/ids.ts';
import type { ReportedRecording, SessionReport } from '../../access/session-report.ts';
import type { Whose } from '../../access/whose.ts';
import type { Log } from '../../log.ts';
import type { Carried, Gateways, GatewaysAnswer, TerminationOrder, Watcher } from '../../use-cases/ports/gateways.ts';
import type { GatewayControl, SealOutcome } from '../../use-cases/sessions/gateway-control.ts';
import type { Listen } from '../launch/fork-host.ts';
import { localHost } from '../launch/local-host.ts';
import type { WorkerHost } from '../launch/worker-host.ts';
import {
  DEFAULT_LIMITS,
  DRAIN_MS,
  EARLY_TERMINATIONS_MAX,
  type Limits,
  REPORT_RETRY_MAX_MS,
  REPORT_RETRY_MS,
} from '../limits.ts';
import type { ToWorker } from '../pipe/worker-messages.ts';
import { type Cipher, DEFAULT_KEX, DEFAULT_MACS, type Kex, type Mac } from '../ssh/algorithms.ts';
import type { ConfigFacts } from '../words/client-config.ts';
import { RESTARTING, type WordedOrder, wordedOrder } from '../words/session-words.ts';
import { Crew, type CrewEvents } from './crew.ts';
import { fileRecording } from './filing.ts';
import { RegistryKeeper } from './registry-keeper.ts';
import { WorkerProcess } from './worker-process.ts';

export type GatewayOptions = {
  readonly listen: Listen;
  readonly workers: number;
  readonly site: string;
  /** OpenSSH PEM. */
  readonly hostKey: string;
  /** `<type> <base64>`. */
  readonly userCa: string;
  /** Where workers write; finished recordings are moved from here. */
  readonly spool: string;
  readonly recordings: string;
  /** Seals the recording of a session that is over, out of its worker's reach; recordings stay unsealed when left out. */
  readonly seal?: (folder: string, reported: ReportedRecording | null) => Promise<SealOutcome>;
  /** The same for one that an earlier run left, and tells whom it concerns. */
  readonly sealLate?: (folder: string) => Promise<void>;
  /** What contractors' clients may choose from. */
  readonly kex?: readonly Kex[];
  readonly macs?: readonly Mac[];
  readonly ciphers?: readonly Cipher[] | undefined;
  readonly minFreeMiB: number;
  /** To whom recordings are readable: age recipients, at least one. */
  readonly recipients: readonly string[];
  /** How contractors reach the gateway, its first name first; the listening address and port when left out. */
  readonly publicPlace?: { readonly hosts: readonly string[]; readonly port: number | null };
  readonly log: Log;
  /** What runs the workers; this process when left out. */
  readonly host?: WorkerHost;
  /** Of the workers, where this process runs them and is root. */
  readonly workerUid?: number;
  readonly workerGid?: number;
  readonly limits?: Partial<Limits>;
  /** How long ago control knew what was revoked; at this moment when left out. */
  readonly knownMsAgo?: () => number;
  /** How long live sessions may go on once the gateway is told to stop. */
  readonly drainMs?: number;
};

export type Gateway = Gateways &
  AsyncDisposable & {
    readonly address: string;
    readonly port: number;
    /** Process ids, for operators. */
    readonly workers: readonly number[];
  };

/** Listens for contractors, hands each TCP connection to a worker, and keeps as many workers alive as configured. */
export async function startGateway(options: GatewayOptions, control: GatewayControl): Promise<Gateway> {
  const supervisor = new Supervisor(options, options.host ?? (await localHost(options)), control);
  try {
    await supervisor.start();
  } catch (error) {
    await supervisor[Symbol.asyncDispose]();
    throw error;
  }
  return supervisor;
}

/** `<type> <base64>` of a private key. */
function publicHostKey(pem: string): string {
  const key = ssh2.utils.parseKey(pem);
  if (key instanceof Error) throw key;
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
}

class Supervisor implements Gateway {
  readonly #options: GatewayOptions;
  readonly #host: WorkerHost;
  readonly #control: GatewayControl;
  readonly #crew = new Crew((events) => this.#worker(events));
  readonly #registry: RegistryKeeper;
  /** What is still to be told of each session, in order. */
  readonly #reports = new Map<SessionId, Promise<void>>();
  /** Orders for sessions that no worker carries: authorised in this moment, perhaps. */
  readonly #early = new Map<SessionId, WordedOrder>();
  #place: { readonly address: string; readonly port: number };
  readonly #stopping = new AbortController();

  constructor(options: GatewayOptions, host: WorkerHost, control: GatewayControl) {
    this.#options = options;
    this.#host = host;
    this.#control = control;
    this.#registry = new RegistryKeeper(control.registry, options.log, (entry) => {
      for (const worker of this.#crew.all) worker.know(entry);
    });
    this.#place = { address: options.listen.host, port: options.listen.port };
  }

  async start(): Promise<void> {
    for (const id of await this.#host.left()) await this.#fileLeft(id);
    await this.#registry.start();
    // Workers are told its port. Who connects before they are ready is turned away.
    this.#place = await this.#host.listen();
    for (let index = 0; index < this.#options.workers; index += 1) this.#crew.add();
    await Promise.all(this.#crew.workers.map((worker) => worker.ready));
  }

  get address(): string {
    return this.#place.address;
  }

  get port(): number {
    return this.#place.port;
  }

  get workers(): readonly number[] {
    return this.#crew.workers.flatMap(({ pid, isReady }) => (isReady && pid !== undefined ? [pid] : []));
  }

  terminate(sessions: readonly SessionId[], order: TerminationOrder): void {
    const worded = wordedOrder(order);
    for (const worker of this.#crew.workers) worker.terminate(sessions, worded);
    for (const id of sessions) {
      if (this.#reports.has(id) || this.#crew.workers.some((worker) => worker.carries(id))) continue;
      this.#early.set(id, worded);
      const [oldest] = this.#early.keys();
      if (this.#early.size > EARLY_TERMINATIONS_MAX && oldest) this.#early.delete(oldest);
    }
  }

  carried(): readonly Carried[] {
    return this.#crew.workers.flatMap((worker) => worker.carried);
  }

  /** A worker's own word alone is not believed: what control has let it begin counts too, until it is told that it ended. */
  async ask(whose: Whose): Promise<GatewaysAnswer> {
    const workers = this.#crew.all;
    const answers = await Promise.all(workers.map((worker) => worker.carrying(whose)));
    const known = this.#crew.all.flatMap((worker) => worker.knownOf(whose));
    const said = answers.flatMap((answer) => answer ?? []);
    return {
      workers: workers.length,
      answered: answers.filter((answer) => answer !== null).length,
      sessions: [...new Set([...said, ...known])],
    };
  }

  extend(session: SessionId, under: Grant): boolean {
    return this.#crew.workers.some((worker) => worker.extend(session, under));
  }

  watch(session: SessionId, watcher: Watcher): (() => void) | null {
    return this.#crew.workers.find((worker) => worker.carries(session))?.watch(session, watcher) ?? null;
  }

  /** Refuses new connections, tells who is there, and ends what still lives after a bounded while. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#registry[Symbol.dispose]();
    this.#crew.stop();
    this.#host.close();
    const { drainMs = 0 } = this.#options;
    for (const worker of this.#crew.workers) worker.drain(RESTARTING, drainMs);
    const deadline = process.hrtime.bigint() + BigInt(drainMs + DRAIN_MS) * 1_000_000n;
    while (this.#crew.workers.some((worker) => !worker.isIdle) && process.hrtime.bigint() < deadline) await pause(20);
    await this.#crew.end();
    await Promise.allSettled(this.#reports.values());
    await this.#host[Symbol.asyncDispose]();
  }

  #worker(events: CrewEvents): WorkerProcess {
    const { log } = this.#options;
    return new WorkerProcess({
      ...{ start: this.#startMessage(), control: this.#control, log, host: this.#host },
      registry: this.#registry.entries,
      facts: () => this.#facts(),
      knownMsAgo: () => this.#options.knownMsAgo?.() ?? 0,
      favour: (remoteAddress) => this.#host.favour(remoteAddress),
      endedEarly: (id) => this.#early.get(id) ?? null,
      opened: (id, head) => this.#report(id, () => this.#control.opened(id, head)),
      closed: (id, report) => this.#closed(id, report),
      ...events,
    });
  }

  #facts(): ConfigFacts {
    const { site, hostKey, publicPlace } = this.#options;
    return {
      site,
      host: publicPlace?.hosts[0] ?? this.#place.address,
      port: publicPlace?.port ?? this.#place.port,
      hostKey: publicHostKey(hostKey),
    };
  }

  #startMessage(): Extract<ToWorker, { type: 'start' }> {
    const { site, hostKey, userCa, minFreeMiB, listen, recipients } = this.#options;
    const { kex = DEFAULT_KEX, macs = DEFAULT_MACS, ciphers } = this.#options;
    const { hosts = [listen.host], port } = this.#options.publicPlace ?? {};
    const bound = this.#place.port;
    const limits = { ...DEFAULT_LIMITS, ...this.#options.limits };
    return {
      type: 'start',
      ...{ site, hostKey, userCa, minFreeMiB, recipients: [...recipients] },
      algorithms: { kex: [...kex], macs: [...macs], ciphers: ciphers ? [...ciphers] : null },
      gateway: { hosts: [...hosts], ports: [...new Set([bound, port ?? bound])] },
      // Relative to where it starts: it may lack the right to come there by the absolute path.
      spool: '.',
      limits,
    };
  }

  /** What a worker made of a folder of its own keeps nobody from starting: it stays where it is, and the end of its session is told. */
  async #fileLeft(id: SessionId): Promise<void> {
    const { recordings, sealLate, log } = this.#options;
    try {
      if (!(await fileRecording(this.#host, recordings, id))) return;
    } catch (error) {
      log.error({ err: error, session: id }, 'a recording could not be moved out of the spool');
    }
    await sealLate?.(join(recordings, id));
  }

  /** Takes the recording out of the worker's reach before anybody is told that the session is over. */
  #closed(id: SessionId, report: SessionReport): void {
    this.#report(id, async () => {
      const sealed = await this.#seal(id, report.recording);
      await this.#control.closed(id, report, sealed);
    });
  }

  async #seal(id: SessionId, reported: ReportedRecording | null): Promise<SealOutcome> {
    const { recordings, seal, log } = this.#options;
    try {
      await fileRecording(this.#host, recordings, id);
    } catch (error) {
      log.error({ err: error, session: id }, 'a recording could not be moved out of the spool');
      return { kind: 'failed' };
    }
    return (await seal?.(join(recordings, id), reported)) ?? { kind: 'none' };
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
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await tell();
      } catch (error) {
        this.#options.log.error({ err: error, session: id, attempt }, 'a session report could not be recorded');
        if (this.#stopping.signal.aborted) return;
        const wait = Math.min(REPORT_RETRY_MAX_MS, REPORT_RETRY_MS * 2 ** Math.min(attempt - 1, 10));
        await pause(wait, undefined, { signal: this.#stopping.signal }).catch(() => {});
      }
    }
  }
}
