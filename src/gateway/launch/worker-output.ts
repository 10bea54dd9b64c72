import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Log } from '../../log.ts';
import { LAST_WORDS_MS, WORDS_BYTES_PER_SECOND, WORDS_LINE_MAX, WORDS_LINES_PER_SECOND } from '../limits.ts';

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';
const LEVELS: ReadonlyMap<unknown, Level> = new Map([
  [10, 'trace'],
  [20, 'debug'],
  [30, 'info'],
  [40, 'warn'],
]);

/**
 * What a worker prints, as lines of this process's log that say whose words they are. A worker that somebody else owns may print
 * anything and as much as it can: what it prints never stands at the top of a line, and what is too much is dropped and counted.
 */
export class WorkerWords {
  /** Once all is read that it left; of what still holds its pipes then nothing more is heard. */
  readonly over: Promise<void>;
  readonly #log: Log;
  readonly #worker: number | undefined;
  readonly #streams: readonly Readable[];
  #second = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #bytes = 0;
  #dropped = { lines: 0, bytes: 0 };
  #isWaiting = false;

  constructor(worker: number | undefined, streams: { stdout: Readable | null; stderr: Readable | null }, log: Log) {
    this.#worker = worker;
    this.#log = log;
    const { stdout, stderr } = streams;
    const heard = [this.#hear(stdout, 'info'), this.#hear(stderr, 'error')];
    this.#streams = [stdout, stderr].filter((stream) => stream !== null);
    this.over = Promise.all(heard).then(() => this.#tellDropped());
  }

  /** The worker has ended: a process of its own making may hold its pipes open. */
  ended(): void {
    const late = setTimeout(() => {
      for (const stream of this.#streams) stream.destroy();
    }, LAST_WORDS_MS);
    this.over.then(() => clearTimeout(late));
  }

  #hear(stream: Readable | null, level: Level): Promise<void> {
    if (!stream) return Promise.resolve();
    const decoder = new StringDecoder('utf8');
    let rest = '';
    let isCut = false;
    const take = (text: string): void => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (isCut) this.#drop(0, line.length);
        else this.#say(line, level);
        isCut = false;
      }
      if (!isCut && rest.length <= WORDS_LINE_MAX) return;
      if (isCut) this.#drop(0, rest.length);
      else this.#say(rest, level);
      rest = '';
      isCut = true;
    };
    stream.on('data', (bytes: Buffer) => {
      take(decoder.write(bytes));
      this.#pace(bytes.length);
    });
    stream.on('error', () => stream.destroy());
    return new Promise((resolve) => {
      stream.once('close', () => {
        if (rest !== '') take('\n');
        resolve();
      });
    });
  }

  #say(line: string, level: Level): void {
    if (line === '') return;
    this.#turn();
    this.#lines += 1;
    if (this.#lines > WORDS_LINES_PER_SECOND) {
      this.#drop(1, line.length);
      return;
    }
    const isWhole = line.length <= WORDS_LINE_MAX;
    if (!isWhole) this.#drop(0, line.length - WORDS_LINE_MAX);
    const said = isWhole ? (parseLogLine(line) ?? line) : line.slice(0, WORDS_LINE_MAX);
    const own = typeof said === 'object' && 'level' in said ? (LEVELS.get(said.level) ?? 'error') : level;
    this.#log[own]({ worker: this.#worker, said }, 'worker output');
  }

  #turn(): void {
    const now = performance.now();
    if (now - this.#second >= 1_000) [this.#second, this.#lines, this.#bytes] = [now, 0, 0];
  }

  /** Beyond this nothing is read until the next second: to drop it costs time, too. No worker of ours prints so much. */
  #pace(bytes: number): void {
    this.#turn();
    this.#bytes += bytes;
    if (this.#bytes <= WORDS_BYTES_PER_SECOND || this.#isWaiting) return;
    this.#isWaiting = true;
    for (const stream of this.#streams) stream.pause();
    setTimeout(
      () => {
        this.#isWaiting = false;
        for (const stream of this.#streams) stream.resume();
      },
      this.#second + 1_000 - performance.now(),
    );
  }

  #drop(lines: number, bytes: number): void {
    if (this.#dropped.lines === 0 && this.#dropped.bytes === 0) setTimeout(() => this.#tellDropped(), 1_000).unref();
    this.#dropped.lines += lines;
    this.#dropped.bytes += bytes;
  }

  #tellDropped(): void {
    const { lines, bytes } = this.#dropped;
    this.#dropped = { lines: 0, bytes: 0 };
    if (lines + bytes > 0) {
      this.#log.warn(
        { worker: this.#worker, lines, bytes },
        'worker output exceeded the log limit; this much was dropped',
      );
    }
  }
}

/** What is nested deeper is no line of a log of ours, and writing it takes the square of its depth. */
const DEPTH_MAX = 8;

function parseLogLine(line: string): object | null {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject && isShallow(value, DEPTH_MAX) ? value : null;
  } catch {
    return null;
  }
}

const isShallow = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((each) => isShallow(each, levels - 1)));
