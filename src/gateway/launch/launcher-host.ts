import { Socket } from 'node:net';
import type { SessionId } from '../../access/ids.ts';
import { LAUNCHER_MESSAGE_MAX } from '../limits.ts';
import { MessagePipe } from '../pipe/message-pipe.ts';
import { type Answer, FromLauncher, type ToLauncher } from './launcher-messages.ts';
import type { HostedWorker, WorkerEvents, WorkerHost } from './worker-host.ts';

/** Where control finds its pipe to the launcher. */
export const LAUNCHER_PIPE_FD = 3;

type Remote = { readonly events: WorkerEvents; pid: number | undefined };

/** Control's end of its launcher, which runs the workers and listens. */
export class LauncherHost implements WorkerHost {
  readonly #socket = new Socket({ fd: LAUNCHER_PIPE_FD });
  readonly #pipe: MessagePipe;
  readonly #workers = new Map<number, Remote>();
  readonly #calls = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  #next = 0;

  /** `gone` is told when the launcher has ended: control is of no use without it. */
  constructor(gone: () => void) {
    const listeners = { message: (message: object) => this.#hear(message), broken: gone, end: gone };
    const limits = {
      messageMax: 2 * LAUNCHER_MESSAGE_MAX,
      messagesPerSecond: Number.POSITIVE_INFINITY,
      bytesPerSecond: Number.POSITIVE_INFINITY,
    };
    this.#pipe = new MessagePipe(this.#socket, listeners, limits);
  }

  async listen(): Promise<{ address: string; port: number }> {
    const answer = await this.#ask('listen');
    if (answer.to !== 'listen') throw new Error('the launcher sent the wrong answer');
    return { address: answer.address, port: answer.port };
  }

  close(): void {
    this.#say({ do: 'close' });
  }

  favour(remoteAddress: string): void {
    this.#say({ do: 'favour', remoteAddress });
  }

  spawn(events: WorkerEvents): HostedWorker {
    const worker = this.#next++;
    const remote: Remote = { events, pid: undefined };
    this.#workers.set(worker, remote);
    this.#say({ do: 'spawn', worker });
    return {
      get pid() {
        return remote.pid;
      },
      send: (text) => this.#say({ do: 'send', worker, text }),
      open: () => this.#say({ do: 'open', worker }),
      kill: () => this.#say({ do: 'kill', worker }),
    };
  }

  async collect(session: SessionId): Promise<boolean> {
    const answer = await this.#ask('collect', { session });
    return answer.to === 'collect' && answer.found;
  }

  async left(): Promise<readonly SessionId[]> {
    const answer = await this.#ask('left');
    return answer.to === 'left' ? answer.left : [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    for (const worker of this.#workers.keys()) this.#say({ do: 'kill', worker });
    // A control that could not start ends then; otherwise its launcher would take it for one that runs.
    this.#socket.unref();
  }

  #ask(what: 'left' | 'listen'): Promise<Answer>;
  #ask(what: 'collect', of: { session: SessionId }): Promise<Answer>;
  #ask(what: 'left' | 'listen' | 'collect', of?: { session: SessionId }): Promise<Answer> {
    const call = this.#next++;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject });
      this.#say({ do: what, call, ...of } as ToLauncher);
    });
  }

  #say(message: ToLauncher): void {
    this.#pipe.send(message);
  }

  #hear(raw: object): void {
    const message = FromLauncher.parse(raw);
    if (message.tell === 'answer') return void this.#answered(message.call, message.answer);
    const remote = this.#workers.get(message.worker);
    if (!remote) return;
    switch (message.tell) {
      case 'started':
        remote.pid = message.pid;
        return;
      case 'message':
        return void remote.events.message(JSON.parse(message.text) as object, message.text);
      case 'connection':
        return void remote.events.connection(message.remoteAddress);
      case 'broken':
        return void remote.events.broken(message.why);
      case 'exit':
        this.#workers.delete(message.worker);
        return void remote.events.exit({ code: message.code, signal: message.signal });
      default:
        message satisfies never;
    }
  }

  #answered(id: number, answer: Answer): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (answer.to === 'failed') call?.reject(new Error(answer.why));
    else call?.resolve(answer);
  }
}
