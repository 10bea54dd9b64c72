import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { Recorder } from '../../../src/recording/write/recorder.ts';
import type {
  Answers,
  ChannelRecord,
  Failure,
  FromThread,
  Order,
  ToThread,
} from '../../../src/recording/write/recorder-messages.ts';
import { digest } from '../samples/samples.ts';

type Call = Extract<ToThread, { call: number }>;

export const HEAD = '11'.repeat(32);
export const CHAIN_END = { head: '22'.repeat(32), chunks: 3, bytes: 400 } as const;
const RECORD: ChannelRecord = {
  ...{ coverage: 'full', label: 'command', files: null, bytesFromClient: 0, bytesToClient: 0 },
  ...{ stdoutSha256: digest(1), stderrSha256: digest(2), stdinSha256: digest(3) },
};
const VALUES: Answers = { begin: HEAD, channel: true, finish: RECORD, close: CHAIN_END };

/** The thread of a recorder that has no disk: it takes what it is given, answers at once or when it is told to, and can fail. */
export class MemoryThread extends EventEmitter {
  /** All orders, and the facts of the journal. */
  readonly orders: string[] = [];
  readonly facts: { readonly what: string }[] = [];
  /** What each recording was closed with. */
  readonly closings: Extract<Order, { do: 'close' }>['closing'][] = [];
  /** Orders that are answered when `release` says so. */
  readonly holds = new Set<Order['do']>();
  /** Orders that fail. */
  readonly fails = new Map<Order['do'], Failure>();
  readonly #held: Call[] = [];
  #sessions = new Set<number>();

  postMessage(message: ToThread): void {
    if (message.do === 'write') return void this.#tell({ tell: 'written', bytes: message.bytes });
    if (message.do === 'journal') return void this.facts.push(message.fact);
    this.orders.push(message.do);
    this.#sessions.add(message.session);
    if (message.do === 'close') this.closings.push(message.closing);
    if (this.holds.has(message.do)) this.#held.push(message);
    else this.#answer(message);
  }

  /** Answers what it was told to hold. */
  release(): void {
    this.holds.clear();
    for (const call of this.#held.splice(0)) this.#answer(call);
  }

  /** The disk fails: nothing can be written any more, and nothing is closed. */
  fail(code: string): void {
    const failure = { code, message: `the disk says ${code}` };
    this.fails.set('close', failure).set('finish', failure).set('channel', failure);
    for (const session of this.#sessions) this.#tell({ tell: 'failed', session, failure });
  }

  async terminate(): Promise<number> {
    return 0;
  }

  #answer({ call, ...order }: Call): void {
    const failure = this.fails.get(order.do);
    if (failure) this.#tell({ tell: 'refused', call, failure });
    else this.#tell({ tell: 'done', call, value: VALUES[order.do] });
  }

  #tell(message: FromThread): void {
    queueMicrotask(() => this.emit('message', message));
  }
}

/** A recorder with such a thread. */
export async function memoryRecorder(): Promise<{ readonly recorder: Recorder; readonly thread: MemoryThread }> {
  const thread = new MemoryThread();
  const recorder = await Recorder.start([], async () => thread as unknown as Worker);
  return { recorder, thread };
}
