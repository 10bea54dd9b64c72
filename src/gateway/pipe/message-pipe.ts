import type { Duplex } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { MESSAGE_MAX, PIPE_BACKLOG_MAX, PIPE_BYTES_PER_SECOND, PIPE_MESSAGES_PER_SECOND } from '../limits.ts';

/** Where a worker finds its pipe to control; its sockets come over Node's own channel. */
export const WORKER_PIPE_FD = 4;

export type PipeListeners = {
  /** With the line that it came in. */
  readonly message: (message: object, line: string) => void;
  /** The other side sent what is no JSON object or too large, or reads nothing; nothing more of it is heard. */
  readonly broken: (why: string) => void;
  readonly end: () => void;
};

export type PipeLimits = {
  readonly messageMax: number;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
};

const DEFAULTS: PipeLimits = {
  messageMax: MESSAGE_MAX,
  messagesPerSecond: PIPE_MESSAGES_PER_SECOND,
  bytesPerSecond: PIPE_BYTES_PER_SECOND,
};

/**
 * JSON objects, one a line, between two processes that need not trust each other. Node's own channel between parent and child is
 * not for that: a child that writes half a line fills its parent's memory, and one that writes no JSON ends it.
 */
export class MessagePipe {
  readonly #stream: Duplex;
  readonly #listeners: PipeListeners;
  readonly #limits: PipeLimits;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #second = 0;
  #messages = 0;
  #bytes = 0;
  #isOver = false;

  constructor(stream: Duplex, listeners: PipeListeners, limits: Partial<PipeLimits> = {}) {
    this.#limits = { ...DEFAULTS, ...limits };
    this.#stream = stream;
    this.#listeners = listeners;
    stream.on('data', (bytes: Buffer) => this.#take(bytes));
    stream.on('error', () => stream.destroy());
    stream.once('close', () => this.#end());
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  send(message: object): void {
    this.sendText(JSON.stringify(message));
  }

  /** A message that is JSON already; a line break in it would make it two. */
  sendText(text: string): void {
    if (this.#isOver || this.#stream.destroyed) return;
    this.#stream.write(`${text.replaceAll('\n', ' ')}\n`);
    if (this.#stream.writableLength > PIPE_BACKLOG_MAX) this.#break('it does not read its messages');
  }

  /** What has been sent still arrives. */
  end(): void {
    this.#stream.end();
  }

  #take(bytes: Buffer): void {
    if (this.#isOver) return;
    const lines = (this.#rest + this.#decoder.write(bytes)).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > this.#limits.messageMax) return void this.#break('a message that is too large');
    for (const line of lines) {
      const message = line.length > this.#limits.messageMax ? null : parseObject(line);
      if (!message) return void this.#break('a message that is not a JSON object, or is too large');
      this.#listeners.message(message, line);
      if (this.#isOver) return;
    }
    this.#pace(lines.length, bytes.length);
  }

  /** Who says more in a second than it may is not read until the next one. */
  #pace(messages: number, bytes: number): void {
    const now = performance.now();
    if (now - this.#second >= 1_000) [this.#second, this.#messages, this.#bytes] = [now, 0, 0];
    this.#messages += messages;
    this.#bytes += bytes;
    if (this.#messages <= this.#limits.messagesPerSecond && this.#bytes <= this.#limits.bytesPerSecond) return;
    this.#stream.pause();
    setTimeout(() => this.#stream.resume(), this.#second + 1_000 - now);
  }

  #break(why: string): void {
    this.#isOver = true;
    this.#rest = '';
    this.#stream.destroy();
    this.#listeners.broken(why);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listeners.end();
  }
}

function parseObject(line: string): object | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
