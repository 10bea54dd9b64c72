import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { SessionId } from '../../access/ids.ts';
import type { Log } from '../../log.ts';
import {
  CONTROL_RESTART_MAX_MS,
  CONTROL_RESTART_MS,
  CONTROL_STEADY_MS,
  CONTROL_STOP_MS,
  WORKERS_MAX,
} from '../limits.ts';
import { MessagePipe } from '../pipe/message-pipe.ts';
import { ForkHost, type Listen } from './fork-host.ts';
import { LAUNCHER_PIPE_FD } from './launcher-host.ts';
import { type Answer, type FromLauncher, ToLauncher } from './launcher-messages.ts';
import { type Account, filedWithoutCopy, Spool } from './spool.ts';
import type { HostedWorker } from './worker-host.ts';

export type LauncherOptions = {
  /** The program of control and its arguments; it gets this process's environment. */
  readonly command: readonly [string, ...string[]];
  readonly listen: Listen;
  readonly spool: string;
  readonly recordings: string;
  readonly control: Account;
  readonly worker: Account;
  readonly workers: number;
  /** How long live sessions may go on once control is told to stop. */
  readonly drainMs: number;
  /** Once contractors can connect, at each start of control. */
  readonly listening?: () => void;
  /** Control reads its configuration again at each. */
  readonly hangups?: Hangups;
  readonly log: Log;
};

/** Whoever is told to act is told of a SIGHUP that came before, too. */
export type Hangups = { act(reload: () => void): void };

/**
 * Runs as root what has to: the listener, control and the workers each under an account of their own, and the way of a finished
 * recording from one to the other. Neither is believed: what they say to each other goes through as text, and one that breaks the
 * rules of this is killed. Resolves with the exit code, when it was told to stop or when control could not start.
 */
export async function launch(options: LauncherOptions, stopping: AbortSignal): Promise<number> {
  let wait = CONTROL_RESTART_MS;
  let hasListened = false;
  for (;;) {
    const start = performance.now();
    const run = new ControlRun(options);
    const stop = (): void => run.stop();
    options.hangups?.act(() => run.hangUp());
    stopping.addEventListener('abort', stop);
    if (stopping.aborted) stop();
    const code = await run.over;
    stopping.removeEventListener('abort', stop);
    hasListened ||= run.hasListened;
    if (stopping.aborted) return 0;
    if (!hasListened) return code ?? 1;
    if (performance.now() - start > CONTROL_STEADY_MS) wait = CONTROL_RESTART_MS;
    options.log.error({ code, wait }, 'control ended; starting it again');
    await pause(wait, undefined, { signal: stopping }).catch(() => {});
    if (stopping.aborted) return 0;
    wait = Math.min(2 * wait, CONTROL_RESTART_MAX_MS);
  }
}

/** One life of control, and of the workers that it asked for. */
class ControlRun {
  /** With control's exit code, once it and its workers are gone. */
  readonly over: Promise<number | null>;
  hasListened = false;
  #isHungUp = false;
  readonly #options: LauncherOptions;
  readonly #child: ChildProcess;
  readonly #pipe: MessagePipe;
  readonly #workers = new Map<number, HostedWorker>();
  #spool: Spool | null = null;
  #host: ForkHost | null = null;
  #opening: Promise<ForkHost> | null = null;

  constructor(options: LauncherOptions) {
    this.#options = options;
    const [program, ...args] = options.command;
    this.#child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'pipe'], ...options.control });
    const broken = (why: string): void => {
      options.log.error({ why }, 'control broke its protocol; killing it');
      this.#child.kill('SIGKILL');
    };
    this.#pipe = new MessagePipe(this.#child.stdio[LAUNCHER_PIPE_FD] as Duplex, {
      message: (raw) => {
        const message = ToLauncher.safeParse(raw);
        if (message.success) this.#act(message.data, broken);
        else broken('an invalid message');
      },
      broken,
      end: () => {},
    });
    this.over = this.#untilOver();
    this.#prepare();
  }

  /** Workers load while control does. At the very first start control makes their folder, and they start when it asks for them. */
  #prepare(): void {
    if (!existsSync(this.#options.spool)) return;
    // What keeps this from working does so again when control asks, and control tells it.
    this.#openHost().then(
      (host) => host.prepare(this.#options.workers),
      () => {},
    );
  }

  #openHost(): Promise<ForkHost> {
    const { spool, recordings, worker, control, listen, log } = this.#options;
    const open = async (): Promise<ForkHost> => {
      const files = await Spool.open({ spool, recordings }, worker, control, filedWithoutCopy(log));
      this.#spool = files;
      this.#host = new ForkHost({ listen, cwd: files.path, account: worker, log, files });
      return this.#host;
    };
    this.#opening ??= open().catch((error: unknown) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  /** One that is still starting is told once it can be: it may have read its configuration already. */
  hangUp(): void {
    if (this.hasListened) this.#child.kill('SIGHUP');
    else this.#isHungUp = true;
  }

  stop(): void {
    this.#child.kill('SIGTERM');
    setTimeout(() => this.#child.kill('SIGKILL'), this.#options.drainMs + CONTROL_STOP_MS).unref();
  }

  async #untilOver(): Promise<number | null> {
    const [code] = (await once(this.#child, 'exit').catch((error: unknown) => {
      this.#options.log.error({ err: error }, 'control could not be started');
      return [1];
    })) as [number | null];
    await this.#opening?.catch(() => {});
    await this.#host?.[Symbol.asyncDispose]();
    await this.#spool?.[Symbol.asyncDispose]();
    return code;
  }

  #tell(message: FromLauncher): void {
    this.#pipe.send(message);
  }

  #act(message: ToLauncher, broken: (why: string) => void): void {
    switch (message.do) {
      case 'left':
        return void this.#answer(message.call, async () => ({ to: 'left', left: await this.#left() }));
      case 'collect':
        return void this.#answer(message.call, async () => ({
          to: 'collect',
          found: await this.#collect(message.session),
        }));
      case 'listen':
        return void this.#answer(message.call, () => this.#listen());
      case 'close':
        return void this.#host?.close();
      case 'favour':
        return void this.#host?.favour(message.remoteAddress);
      case 'spawn':
        if (this.#workers.has(message.worker) || this.#workers.size > WORKERS_MAX)
          return void broken('too many workers');
        return void this.#spawn(message.worker, broken);
      case 'open':
        return void this.#workers.get(message.worker)?.open();
      case 'kill':
        return void this.#workers.get(message.worker)?.kill();
      case 'send':
        return void this.#workers.get(message.worker)?.send(message.text);
      default:
        message satisfies never;
    }
  }

  #answer(call: number, work: () => Promise<Answer>): void {
    work().then(
      (answer) => this.#tell({ tell: 'answer', call, answer }),
      (error: unknown) => {
        const why = (error instanceof Error ? error.message : String(error)).slice(0, 1_000);
        this.#tell({ tell: 'answer', call, answer: { to: 'failed', why } });
      },
    );
  }

  async #left(): Promise<SessionId[]> {
    return [...(await (await this.#openHost()).left())];
  }

  #collect(session: SessionId): Promise<boolean> {
    if (!this.#spool) throw new Error('there is no spool yet');
    return this.#spool.collect(session);
  }

  async #listen(): Promise<Answer> {
    if (!this.#host) throw new Error('there are no workers yet');
    const { address, port } = await this.#host.listen();
    this.hasListened = true;
    if (this.#isHungUp) this.#child.kill('SIGHUP');
    this.#options.listening?.();
    return { to: 'listen', address, port };
  }

  #spawn(worker: number, broken: (why: string) => void): void {
    if (!this.#host) return void broken('a worker before there is a spool');
    const spawned = this.#host.spawn({
      message: (_message, text) => this.#tell({ tell: 'message', worker, text }),
      connection: (remoteAddress) => this.#tell({ tell: 'connection', worker, remoteAddress }),
      broken: (why) => this.#tell({ tell: 'broken', worker, why }),
      exit: ({ code, signal }) => {
        this.#workers.delete(worker);
        this.#tell({ tell: 'exit', worker, code, signal });
      },
    });
    this.#workers.set(worker, spawned);
    if (spawned.pid !== undefined) this.#tell({ tell: 'started', worker, pid: spawned.pid });
  }
}
