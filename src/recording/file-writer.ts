import { close, constants, fdatasync, open, writev } from 'node:fs';
import { promisify } from 'node:util';

const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fdatasync);

/** What a writer may hold in memory before it refuses more. */
export const BACKLOG_MAX = 8 * 1024 * 1024;
/** IOV_MAX. */
const PIECES_MAX = 1_024;

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

  /** Takes pieces to be written one after the other; drops them where writing has failed. */
  append(pieces: readonly Buffer[]): void {
    if (this.#error || pieces.length === 0) return;
    this.#queue.push(...pieces);
    this.#queued += sizeOf(pieces);
    this.#writing ??= this.#drain();
  }

  /** Resolves when there is room again. */
  room(): Promise<void> {
    return this.isFull ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }

  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const batch = this.#queue.splice(0, PIECES_MAX);
        await writeAll(this.#fd, batch);
        this.#queued -= sizeOf(batch);
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

const sizeOf = (pieces: readonly Buffer[]): number => pieces.reduce((sum, piece) => sum + piece.length, 0);

function writeAll(fd: number, pieces: readonly Buffer[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const step = (left: readonly Buffer[]): void => {
      writev(fd, left, (error, written) => {
        if (error) return void reject(error);
        const rest = without(left, written);
        if (rest.length > 0) step(rest);
        else resolve();
      });
    };
    step(pieces);
  });
}

/** What is left of pieces after so many bytes were written. */
function without(pieces: readonly Buffer[], written: number): readonly Buffer[] {
  let left = written;
  for (const [index, piece] of pieces.entries()) {
    if (left < piece.length) return [piece.subarray(left), ...pieces.slice(index + 1)];
    left -= piece.length;
  }
  return [];
}
