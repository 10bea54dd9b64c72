import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Digest } from '../access/ids.ts';
import { headerLine, OutputEvents, resizeLine } from './cast.ts';
import { FileWriter } from './file-writer.ts';

/** How much of a channel a cast holds: all of its output, the beginning of it, or only what its digests say. */
export type Content = 'full' | 'partial' | 'digest';

export type ChannelRecord = {
  readonly cast: string | null;
  readonly content: Content;
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  readonly stdoutSha256: Digest;
  readonly stderrSha256: Digest;
  readonly stdinSha256: Digest;
};

export type ChannelStart = {
  readonly number: number;
  /** Null where the channel carries a file-transfer protocol: its bytes are digested, not kept. */
  readonly terminal: { readonly columns: number; readonly rows: number; readonly term: string | null } | null;
  readonly isFileTransfer: boolean;
  readonly title: string;
};

const FLUSH_MS = 15;
const FLUSH_BYTES = 256 * 1024;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/**
 * Records one channel. Output is accepted before it goes on to the client; a chunk that was accepted is on its way to the disk
 * within 15 ms. Without a terminal, output that turns out to be binary stops being kept and is digested only.
 */
export class ChannelRecorder {
  readonly #castName: string | null;
  readonly #start: bigint;
  readonly #streams = { stdout: new OutputEvents(), stderr: new OutputEvents() };
  readonly #hashes = { stdout: createHash('sha256'), stderr: createHash('sha256'), stdin: createHash('sha256') };
  readonly #isTerminal: boolean;
  #writer: FileWriter | null = null;
  #error: Error | null = null;
  #content: Content;
  #lines: Buffer[] = [];
  #lineBytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #fromClient = 0;
  #toClient = 0;

  private constructor(castName: string | null, isTerminal: boolean) {
    this.#castName = castName;
    this.#isTerminal = isTerminal;
    this.#content = castName ? 'full' : 'digest';
    this.#start = process.hrtime.bigint();
  }

  static async open(
    folder: string,
    channel: ChannelStart,
    startedAt: Date,
    failed: (error: Error) => void,
  ): Promise<ChannelRecorder> {
    if (channel.isFileTransfer) return new ChannelRecorder(null, false);
    const castName = `channel-${channel.number}.cast`;
    const recorder = new ChannelRecorder(castName, channel.terminal !== null);
    const writer = await FileWriter.create(join(folder, castName), (error) => {
      recorder.#error = error;
      failed(error);
    });
    const width = channel.terminal?.columns || DEFAULT_COLUMNS;
    const height = channel.terminal?.rows || DEFAULT_ROWS;
    const term = channel.terminal?.term ?? null;
    writer.append([Buffer.from(headerLine({ width, height, startedAt, term, title: channel.title }))]);
    recorder.#writer = writer;
    return recorder;
  }

  /** Accepts output; throws where the recording has failed: then nothing may go on. */
  output(stream: 'stdout' | 'stderr', bytes: Buffer): void {
    if (this.#error) throw this.#error;
    if (this.#content === 'full') this.#keep(stream, bytes);
    this.#hashes[stream].update(bytes);
    this.#toClient += bytes.length;
  }

  input(bytes: Buffer): void {
    this.#hashes.stdin.update(bytes);
    this.#fromClient += bytes.length;
  }

  resize(columns: number, rows: number): void {
    if (this.#content === 'full') this.#add(resizeLine(this.#seconds(), columns, rows));
  }

  /** Whether nothing more is accepted for the moment; `room` tells when it is again. */
  get isFull(): boolean {
    return this.#writer?.isFull ?? false;
  }

  room(): Promise<void> {
    return this.#writer?.room() ?? Promise.resolve();
  }

  async finish(): Promise<ChannelRecord> {
    if (this.#content === 'full') {
      this.#add(this.#streams.stdout.last(this.#seconds()) + this.#streams.stderr.last(this.#seconds()));
    }
    this.#flush();
    await this.#writer?.finish();
    const digest = (name: 'stdout' | 'stderr' | 'stdin') => this.#hashes[name].digest('hex') as Digest;
    return {
      cast: this.#castName,
      content: this.#content,
      bytesFromClient: this.#fromClient,
      bytesToClient: this.#toClient,
      stdoutSha256: digest('stdout'),
      stderrSha256: digest('stderr'),
      stdinSha256: digest('stdin'),
    };
  }

  #keep(stream: 'stdout' | 'stderr', bytes: Buffer): void {
    // A terminal may print anything; a pipe that carries NUL bytes carries data, not text.
    if (!this.#isTerminal && bytes.includes(0)) {
      this.#content = this.#toClient === 0 ? 'digest' : 'partial';
      return;
    }
    this.#add(this.#streams[stream].line(this.#seconds(), bytes));
  }

  #add(line: string): void {
    if (line === '') return;
    const bytes = Buffer.from(line);
    this.#lines.push(bytes);
    this.#lineBytes += bytes.length;
    if (this.#lineBytes >= FLUSH_BYTES) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  #flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#lineBytes = 0;
    // A writer that has failed has told so already, and the session is being cut.
    this.#writer?.append(this.#lines.splice(0));
  }

  #seconds(): number {
    return Number(process.hrtime.bigint() - this.#start) / 1e9;
  }
}
