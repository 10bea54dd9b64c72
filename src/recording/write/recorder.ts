import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { FRAME_HEADER_BYTES, type FrameType, writeFrame } from '../format/format.ts';
import {
  type Answers,
  type Failure,
  type FromThread,
  failureOf,
  type Order,
  RecordingError,
  SESSION_BYTES,
  type ToThread,
} from './recorder-messages.ts';

/** What one session may have on its way to the disk before nothing more is accepted from it, and all of a worker's together. */
export const BACKLOG_MAX = 8 * 1024 * 1024;
const BACKLOGS_MAX = 128 * 1024 * 1024;
/** Records gather so long, or until so much has come. */
const GATHER_MS = 15;
const BATCH_BYTES = 256 * 1024;
const RECORD_BYTES = SESSION_BYTES + FRAME_HEADER_BYTES;
/** A piece is not split for less. */
const PIECE_MIN = 1_024;
const SPARE_MAX = 8;
const RESTART_MS = 500;
const GONE: Failure = { code: 'recorder_gone', message: 'the recorder has ended' };

/** One who records: told once when that is over. */
export type Client = { failed(error: RecordingError): void; roomAgain(): void; overrun(channel: number): void };

type Batch = { readonly bytes: Buffer; at: number; readonly sizes: Map<number, number> };
type Call = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void };

/**
 * The recorder of a worker: what passes is copied into batches that a thread of its own turns into recordings. One batch at a time
 * gathers, for all sessions together, so that idle ones cost nothing.
 */
export class Recorder implements AsyncDisposable {
  readonly #startThread: () => Promise<Worker>;
  readonly #clients = new Map<number, Client>();
  readonly #backlogs = new Map<number, number>();
  readonly #calls = new Map<number, Call>();
  readonly #waiting = new Set<number>();
  /** Null after one has died, until the next stands. */
  #thread: Worker | null = null;
  /** What each session has in the batches that were given to the thread and are not yet written, oldest first. */
  #sent: Batch['sizes'][] = [];
  #batch: Batch | null = null;
  #spare: Buffer[] = [];
  #timer: NodeJS.Timeout | null = null;
  #backlog = 0;
  #next = 0;
  #isOver = false;

  private constructor(start: () => Promise<Worker>) {
    this.#startThread = start;
  }

  /** Throws where the thread cannot start, or a recipient is none. */
  static async start(recipients: readonly string[], start = startThread): Promise<Recorder> {
    const recorder = new Recorder(() => start(recipients));
    recorder.#use(await recorder.#startThread());
    return recorder;
  }

  /** Takes a client in under a number of its own. */
  enter(client: Client): number {
    const session = this.#next++;
    this.#clients.set(session, client);
    this.#backlogs.set(session, 0);
    return session;
  }

  leave(session: number): void {
    this.#clients.delete(session);
    this.#waiting.delete(session);
  }

  /** Copies what passes; it is on its way to the disk within a moment. */
  add(session: number, type: FrameType, channel: number, micros: number, bytes: Buffer): void {
    for (let from = 0; from < bytes.length; ) {
      const batch = this.#gathering();
      const room = BATCH_BYTES - batch.at - RECORD_BYTES;
      const left = bytes.length - from;
      if (room < left && room < PIECE_MIN) {
        this.#send();
        continue;
      }
      const payload = from === 0 && left <= room ? bytes : bytes.subarray(from, from + Math.min(left, room));
      batch.bytes.writeUInt32BE(session, batch.at);
      const before = batch.at;
      batch.at = writeFrame(batch.bytes, before + SESSION_BYTES, { type, channel, micros, payload });
      this.#grow(batch, session, batch.at - before);
      from += payload.length;
    }
  }

  isFull(session: number): boolean {
    return (this.#backlogs.get(session) ?? 0) >= BACKLOG_MAX || this.#backlog >= BACKLOGS_MAX;
  }

  /** `roomAgain` is called once there is room. */
  awaitRoom(session: number): void {
    this.#waiting.add(session);
  }

  /** After all that was added before. */
  post(message: Extract<ToThread, { do: 'journal' }>): void {
    this.#send();
    this.#thread?.postMessage(message);
  }

  /** The same, for an answer. */
  ask<Asked extends Order>(session: number, order: Asked): Promise<Answers[Asked['do']]> {
    this.#send();
    const thread = this.#thread;
    if (!thread) return Promise.reject(new RecordingError(GONE));
    const call = this.#next++;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve: resolve as Call['resolve'], reject });
      thread.postMessage({ session, call, ...order } satisfies ToThread);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#thread?.terminate();
  }

  #gathering(): Batch {
    if (this.#batch) return this.#batch;
    const bytes = this.#spare.pop() ?? Buffer.allocUnsafeSlow(BATCH_BYTES);
    this.#batch = { bytes, at: 0, sizes: new Map() };
    this.#timer ??= setTimeout(() => this.#send(), GATHER_MS);
    return this.#batch;
  }

  #grow(batch: Batch, session: number, size: number): void {
    batch.sizes.set(session, (batch.sizes.get(session) ?? 0) + size);
    this.#backlogs.set(session, (this.#backlogs.get(session) ?? 0) + size);
    this.#backlog += size;
  }

  #send(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const batch = this.#batch;
    if (!batch) return;
    this.#batch = null;
    this.#sent.push(batch.sizes);
    const bytes = batch.bytes.buffer as ArrayBuffer;
    this.#thread?.postMessage({ do: 'write', bytes, length: batch.at } satisfies ToThread, [bytes]);
  }

  #use(thread: Worker): void {
    this.#thread = thread;
    thread.on('message', (message: FromThread) => this.#hear(message));
    thread.on('error', (error) => this.#lost(thread, failureOf(error)));
    thread.on('exit', () => this.#lost(thread, GONE));
  }

  #hear(message: FromThread): void {
    switch (message.tell) {
      case 'ready':
        return;
      case 'written':
        this.#written(message.bytes);
        return;
      case 'failed':
        this.#fail(message.session, message.failure);
        return;
      case 'overrun':
        this.#clients.get(message.session)?.overrun(message.channel);
        return;
      case 'done':
      case 'refused': {
        const call = this.#calls.get(message.call);
        this.#calls.delete(message.call);
        if (message.tell === 'done') call?.resolve(message.value);
        else call?.reject(new RecordingError(message.failure));
      }
    }
  }

  #written(bytes: ArrayBuffer): void {
    for (const [session, size] of this.#sent.shift() ?? []) {
      this.#backlog -= size;
      const left = (this.#backlogs.get(session) ?? 0) - size;
      if (left > 0 || this.#clients.has(session)) this.#backlogs.set(session, left);
      else this.#backlogs.delete(session);
    }
    if (this.#spare.length < SPARE_MAX) this.#spare.push(Buffer.from(bytes));
    for (const session of this.#waiting) {
      if (this.isFull(session)) continue;
      this.#waiting.delete(session);
      this.#clients.get(session)?.roomAgain();
    }
  }

  #fail(session: number, failure: Failure): void {
    this.#waiting.delete(session);
    this.#clients.get(session)?.failed(new RecordingError(failure));
  }

  /** The thread has died, and with it all that lived in it. Nothing begins until the next one stands. */
  #lost(thread: Worker, failure: Failure): void {
    if (this.#isOver || thread !== this.#thread) return;
    this.#thread = null;
    this.#sent = [];
    this.#batch = null;
    this.#backlog = 0;
    this.#backlogs.clear();
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { reject } of calls) reject(new RecordingError(failure));
    for (const session of [...this.#clients.keys()]) this.#fail(session, failure);
    this.#startAgain();
  }

  #startAgain(): void {
    setTimeout(() => {
      if (this.#isOver) return;
      this.#startThread().then(
        (thread) => this.#use(thread),
        () => this.#startAgain(),
      );
    }, RESTART_MS).unref();
  }
}

export function startThread(recipients: readonly string[]): Promise<Worker> {
  const thread = threadOf({ workerData: { recipients } });
  return new Promise((resolve, reject) => {
    thread.once('error', reject);
    thread.once('exit', () => reject(new RecordingError(GONE)));
    thread.once('message', () => resolve(thread));
  });
}

function threadOf(options: WorkerOptions): Worker {
  const { url } = import.meta;
  if (!url.endsWith('.ts')) return new Worker(new URL('../thread/recorder-thread.js', url), options);
  // A thread of Node 20 does not take over the loader that the process was started with.
  const loader = new URL('esm/api/index.mjs', pathToFileURL(createRequire(url).resolve('tsx'))).href;
  const file = new URL('../thread/recorder-thread.ts', url).href;
  const source = `import(${JSON.stringify(loader)}).then(({ register }) => { register(); return import(${JSON.stringify(file)}); })`;
  return new Worker(source, { ...options, eval: true, execArgv: [] });
}
