import { close, constants, fdatasync, open, write } from 'node:fs';
import { promisify } from 'node:util';

const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fdatasync);

/** What a writer may hold in memory before it refuses more. */
export const BACKLOG_MAX = 8 * 1024 * 1024;

/**
 * Appends to one file in order, with a bounded backlog: whoever finds it full waits for `room`. A failed write ends the writer for
 * good: `failed` is called once and nothing is accepted any more.
 */
export class FileWriter {
  readonly #fd: number;
  readonly #failed: (error: Error) => void;
  #queue: Buffer[] = [];
  #queued = 0;
  #writing: Promise<void> | null = null;
  #error: Error | null = null;
  #waiting: (() => void)[] = [];

  private constructor(fd: number, failed: (error: Error) => void) {
    this.#fd = fd;
    this.#failed = failed;
  }

  /** Creates the file, 0600; an existing one or a link is refused. */
  static async create(path: string, failed: (error: Error) => void): Promise<FileWriter> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    return new FileWriter(await openFile(path, flags, 0o600), failed);
  }

  /** Nothing more is to be appended for now; never again where writing has failed. */
  get isFull(): boolean {
    return this.#error !== null || this.#queued >= BACKLOG_MAX;
  }

  /** Takes the bytes; throws where writing has failed. */
  append(bytes: Buffer): void {
    if (this.#error) throw this.#error;
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    this.#writing ??= this.#drain();
  }

  /** Resolves when there is room again. */
  room(): Promise<void> {
    return this.isFull ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }

  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const batch = Buffer.concat(this.#queue.splice(0));
        await writeAll(this.#fd, batch);
        this.#queued -= batch.length;
        this.#wake();
      }
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
      this.#queue = [];
      this.#failed(this.#error);
    } finally {
      this.#writing = null;
    }
  }

  #wake(): void {
    if (this.isFull) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Writes what is queued, flushes it to the disk and closes. Throws where writing has failed. */
  async finish(): Promise<void> {
    while (this.#writing) await this.#writing;
    try {
      if (this.#error) throw this.#error;
      await syncFile(this.#fd);
    } finally {
      await closeFile(this.#fd);
    }
  }
}

function writeAll(fd: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const step = (offset: number): void => {
      write(fd, bytes, offset, bytes.length - offset, null, (error, written) => {
        if (error) reject(error);
        else if (offset + written < bytes.length) step(offset + written);
        else resolve();
      });
    };
    step(0);
  });
}
