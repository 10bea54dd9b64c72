import { existsSync } from 'node:fs';
import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { StoreFault } from './fault.ts';

/**
 * What was ended or closed, in a file that the database knows nothing of. That something is over is written once and can be taken out
 * of a row again; here it stays until it could not matter any more. Each line is on the disk before its transaction commits.
 */

const Key = z.string().min(1).max(100);
const End = z.strictObject({
  how: z.enum(['revoked', 'returned']),
  at: z.iso.datetime(),
  by: z.uuid().nullable(),
});
const Over = z.strictObject({ key: Key, until: z.iso.datetime(), end: End.nullable() });
/** `until` is when it would be over by itself; `end` is how a grant ended. */
export type Over = z.infer<typeof Over>;

const SUSPENSIONS = ['older_database', 'older_file', 'no_file', 'copied_file', 'head_changed'] as const;
const Suspension = z.strictObject({ why: z.enum(SUSPENSIONS), at: z.iso.datetime() });
export type Suspension = z.infer<typeof Suspension>;

const Heading = z.strictObject({
  v: z.literal(1),
  /** Of this very file: one that was copied back has another. */
  inode: z.string(),
  written: z.int().nonnegative(),
  done: z.int().nonnegative(),
  suspended: Suspension.nullable(),
});
const Line = z.union([
  z.strictObject({ over: Over }),
  z.strictObject({ n: z.int().positive(), over: z.array(Over), confirmed: z.literal(true).optional() }),
  z.strictObject({ done: z.int().positive() }),
  z.strictObject({ suspended: Suspension }),
]);
type Line = z.infer<typeof Line>;

/** Beyond the time when it would be over by itself, for a clock that was set back. */
const KEPT_MS = 7 * 86_400_000;
const LINES_MAX = 20_000;
const FILE_BYTES_MAX = 64 * 1024 * 1024;

type State = {
  /** Of the last change that may have been committed, and of the last one that was. */
  written: number;
  done: number;
  suspended: Suspension | null;
  readonly over: Map<string, Over>;
};

export class Decisions implements AsyncDisposable {
  readonly #path: string;
  readonly #state: State;
  #file: FileHandle | null = null;
  #lines = 0;
  #last: Promise<void> = Promise.resolve();
  /** By which change something was written to be over; what was read from the file was by none that is under way. */
  readonly #by = new Map<string, number>();
  #settled: number;

  private constructor(path: string, state: State) {
    this.#path = path;
    this.#state = state;
    this.#settled = state.written;
  }

  static isThere(path: string): boolean {
    return existsSync(path);
  }

  /** Begins at the number that the database has. */
  static async create(path: string, number: number, suspended: Suspension | null): Promise<Decisions> {
    const decisions = new Decisions(path, { written: number, done: number, suspended, over: new Map() });
    await decisions.#rewrite();
    return decisions;
  }

  static async open(path: string, now: Date): Promise<Decisions> {
    const decisions = await Decisions.read(path, now);
    await decisions.#rewrite();
    return decisions;
  }

  /** For who only looks: nothing is written. */
  static async read(path: string, now: Date): Promise<Decisions> {
    const state = await stateOf(path);
    for (const [key, { until }] of state.over) if (Date.parse(until) + KEPT_MS < now.getTime()) state.over.delete(key);
    return new Decisions(path, state);
  }

  get suspended(): Suspension | null {
    return this.#state.suspended;
  }

  /** Of the last change whose transaction is finished, however it ended. */
  get settled(): number {
    return this.#settled;
  }

  /** By a change up to this one: a row that was read before a later one committed does not show it yet. */
  over(key: string, upTo: number): Over | null {
    return (this.#by.get(key) ?? 0) > upTo ? null : (this.#state.over.get(key) ?? null);
  }

  /** Whether a database at this number is the one that was last written to. */
  misfit(number: number): Suspension['why'] | null {
    if (number < this.#state.done) return 'older_database';
    return number > this.#state.written ? 'older_file' : null;
  }

  next(number: number): number {
    return Math.max(number, this.#state.written) + 1;
  }

  /** Resolves once the disk has it; it counts once the transaction is finished, whatever becomes of it. */
  async write(n: number, over: readonly Over[], isConfirmed: boolean): Promise<void> {
    await this.#append({ n, over: [...over], ...(isConfirmed && { confirmed: true }) }, true);
    this.#state.written = n;
    for (const each of over) {
      this.#state.over.set(each.key, each);
      this.#by.set(each.key, n);
    }
    if (isConfirmed) this.#state.suspended = null;
  }

  settle(n: number): void {
    this.#settled = Math.max(this.#settled, n);
  }

  async committed(n: number): Promise<void> {
    this.#state.done = Math.max(this.#state.done, n);
    await this.#append({ done: n }, false);
  }

  async suspend(why: Suspension['why'], at: Date): Promise<void> {
    if (this.#state.suspended) return;
    this.#state.suspended = { why, at: at.toISOString() };
    if (this.#file) await this.#append({ suspended: this.#state.suspended }, true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last.catch(() => {});
    await this.#file?.close();
    this.#file = null;
  }

  #append(line: Line, isSynced: boolean): Promise<void> {
    const turn = this.#last.then(async () => {
      if (!this.#file) throw new StoreFault('store_closed', 'the store was closed');
      if (this.#lines >= LINES_MAX) await this.#rewrite();
      await this.#file.appendFile(`${JSON.stringify(line)}\n`);
      if (isSynced) await this.#file.datasync();
      this.#lines += 1;
    });
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Anew, with what still matters; the old one stays until the new one is whole. */
  async #rewrite(): Promise<void> {
    const growing = `${this.#path}.new`;
    const file = await open(growing, 'w', 0o600);
    const { written, done, suspended, over } = this.#state;
    const heading = { v: 1, inode: await inodeOf(file), written, done, suspended } satisfies z.infer<typeof Heading>;
    const lines = [heading, ...[...over.values()].map((each) => ({ over: each }))];
    await file.writeFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await file.sync();
    await rename(growing, this.#path);
    await syncFolder(dirname(this.#path));
    await this.#file?.close();
    this.#file = file;
    this.#lines = 0;
  }
}

const inodeOf = async (file: FileHandle): Promise<string> => String((await file.stat({ bigint: true })).ino);

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function stateOf(path: string): Promise<State> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > FILE_BYTES_MAX) throw unreadable(path, 'it is too large');
    const lines = (await readFile(file, 'utf8')).split('\n');
    // What stands behind the last newline was cut off while it was written: its transaction never committed.
    lines.pop();
    const heading = parsed(Heading, path, lines.shift() ?? '', 1);
    const state: State = { ...heading, over: new Map() };
    if (heading.inode !== (await inodeOf(file))) {
      state.suspended ??= { why: 'copied_file', at: new Date().toISOString() };
    }
    for (const [index, text] of lines.entries()) take(state, parsed(Line, path, text, index + 2));
    return state;
  } finally {
    await file.close();
  }
}

function take(state: State, line: Line): void {
  if ('done' in line) state.done = Math.max(state.done, line.done);
  else if ('suspended' in line) state.suspended = line.suspended;
  else if ('n' in line) {
    state.written = line.n;
    for (const each of line.over) state.over.set(each.key, each);
    if (line.confirmed) state.suspended = null;
  } else state.over.set(line.over.key, line.over);
}

function parsed<Schema extends z.ZodType>(
  schema: Schema,
  path: string,
  text: string,
  number: number,
): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable(path, `line ${number} is damaged`);
  }
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw unreadable(path, `line ${number} is not what Daypass writes`);
}

const unreadable = (path: string, why: string): StoreFault =>
  new StoreFault(
    'decisions_unreadable',
    `${path} cannot be read: ${why}. It remembers what was ended, so nothing is valid without it. Move it somewhere else: access is then paused until you run \`daypass grants confirm\`.`,
  );
