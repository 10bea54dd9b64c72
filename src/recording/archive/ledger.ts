import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { sha256, syncFolder } from '../format/folder.ts';
import type { RecordingChecker, RecordingSigner } from '../format/signing.ts';

/**
 * recordings/ledger.jsonl: one line for each recording that was sealed and each that was erased. Every line holds the digest of the
 * line before it and is signed, so that none can be taken away, put in, moved or edited unseen.
 */

export const LEDGER_FILE = 'ledger.jsonl';
export const LEDGER_LINE_MAX = 4_096;
export const NO_LINE = '0'.repeat(64);

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const base = { n: z.int().positive(), at: z.iso.datetime(), session: z.uuid(), prev: Hash };
const Entry = z.discriminatedUnion('what', [
  z.strictObject({
    ...base,
    what: z.literal('sealed'),
    state: z.enum(['closed', 'interrupted']),
    /** SHA-256 of manifest.json. */
    manifest: Hash,
    head: Hash.nullable(),
  }),
  z.strictObject({
    ...base,
    what: z.literal('erased'),
    rule: z.string().max(200),
    /** SHA-256 of erased.json. */
    erasure: Hash,
  }),
]);
export type LedgerEntry = z.infer<typeof Entry>;
type Without<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never;
export type LedgerNote = Without<LedgerEntry, 'n' | 'prev'>;

/** The signature is the last field; what it signs is the line without it. */
const LINE = /^(\{.*),"signature":"([A-Za-z0-9+/]+={0,2})"\}$/s;

const ledgerLine = (entry: LedgerEntry, signer: Pick<RecordingSigner, 'line'>): string => {
  const body = JSON.stringify(entry);
  return `${body.slice(0, -1)},"signature":"${signer.line(Buffer.from(body))}"}`;
};

export type LedgerLine = { readonly entry: LedgerEntry; readonly isSigned: boolean };

/** What a line (its bytes as latin1) says, and whether the recording key signed exactly that; null where it says nothing. */
export function readLedgerLine(line: string, checker: Pick<RecordingChecker, 'line'>): LedgerLine | null {
  const parts = LINE.exec(line);
  const [, body, signature] = parts ?? [];
  if (body === undefined || signature === undefined) return null;
  const signed = Buffer.from(`${body}}`, 'latin1');
  try {
    const entry = Entry.safeParse(JSON.parse(signed.toString('utf8')));
    if (!entry.success) return null;
    return { entry: entry.data, isSigned: checker.line(signed, signature) };
  } catch {
    return null;
  }
}

/** The lines of a ledger, one after the other; `whole` is false for a last one that its line feed does not end. */
export async function* ledgerLines(
  file: FileHandle,
): AsyncGenerator<{ readonly line: string; readonly offset: number; readonly whole: boolean }> {
  const piece = Buffer.allocUnsafe(64 * 1024);
  let held = Buffer.alloc(0);
  let at = 0;
  for (let read = 0; ; ) {
    const { bytesRead } = await file.read(piece, 0, piece.length, read);
    read += bytesRead;
    held = Buffer.concat([held, piece.subarray(0, bytesRead)]);
    for (let end = held.indexOf(0x0a); end !== -1; end = held.indexOf(0x0a)) {
      yield { line: held.toString('latin1', 0, end), offset: at, whole: true };
      held = held.subarray(end + 1);
      at += end + 1;
    }
    if (bytesRead === 0 || held.length > LEDGER_LINE_MAX) break;
  }
  if (held.length > 0) yield { line: held.toString('latin1', 0, LEDGER_LINE_MAX), offset: at, whole: false };
}

/** The only writer of a ledger. */
export class Ledger implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #signer: RecordingSigner;
  /** Each with the moment of its sealing. */
  readonly #sealed = new Map<string, number>();
  readonly #erased = new Set<string>();
  #n = 0;
  #prev = NO_LINE;
  #size = 0;
  #last: Promise<unknown> = Promise.resolve();
  /** Lines that nobody with the recording key wrote, at the moment of opening. */
  #doubtful = 0;

  private constructor(file: FileHandle, signer: RecordingSigner) {
    this.#file = file;
    this.#signer = signer;
  }

  /** A last line that a crash left half written is cut; lines that cannot be believed stay, for `verify` to name. */
  static async open(path: string, signer: RecordingSigner, checker: RecordingChecker): Promise<Ledger> {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await open(path, flags, 0o600);
    try {
      if (!(await file.stat()).isFile()) throw new Error(`${path} is not a file`);
      const ledger = new Ledger(file, signer);
      await ledger.#load(checker);
      await syncFolder(dirname(path));
      return ledger;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get doubtful(): number {
    return this.#doubtful;
  }

  isSealed(session: string): boolean {
    return this.#sealed.has(session);
  }

  isErased(session: string): boolean {
    return this.#erased.has(session);
  }

  /** What was sealed before an instant and not erased since, oldest first. */
  sealedBefore(instant: Date): readonly string[] {
    return [...this.#sealed]
      .filter(([session, at]) => at < instant.getTime() && !this.#erased.has(session))
      .sort(([, a], [, b]) => a - b)
      .map(([session]) => session);
  }

  /** Resolves once the disk has the line; one after the other, whoever calls. */
  append(note: LedgerNote): Promise<LedgerEntry> {
    const written = this.#last.then(() => this.#write(note));
    this.#last = written.catch(() => {});
    return written;
  }

  async #load(checker: RecordingChecker): Promise<void> {
    for await (const { line, offset, whole } of ledgerLines(this.#file)) {
      if (!whole) break;
      const read = readLedgerLine(line, checker);
      this.#size = offset + line.length + 1;
      this.#prev = sha256(Buffer.from(line, 'latin1'));
      this.#n = read ? read.entry.n : this.#n + 1;
      if (read?.isSigned) this.#note(read.entry);
      else this.#doubtful += 1;
    }
    const torn = (await this.#file.stat()).size - this.#size;
    if (torn > LEDGER_LINE_MAX) throw new Error(`the ledger has a line of more than ${LEDGER_LINE_MAX} bytes`);
    await this.#file.truncate(this.#size);
    await this.#file.sync();
  }

  #note({ what, session, at }: LedgerEntry): void {
    if (what === 'sealed') this.#sealed.set(session, Date.parse(at));
    else this.#erased.add(session);
  }

  async #write(note: LedgerNote): Promise<LedgerEntry> {
    const entry = Entry.parse({ n: this.#n + 1, ...note, prev: this.#prev });
    const line = Buffer.from(ledgerLine(entry, this.#signer));
    if (line.length > LEDGER_LINE_MAX) throw new Error('a line of the ledger would be too long');
    // What an append that failed left behind is no line: it is cut before the next one.
    await this.#file.truncate(this.#size);
    const { bytesWritten } = await this.#file.write(
      Buffer.concat([line, Buffer.from('\n')]),
      0,
      line.length + 1,
      this.#size,
    );
    if (bytesWritten !== line.length + 1) throw new Error('the ledger could not be written whole');
    await this.#file.sync();
    this.#n = entry.n;
    this.#prev = sha256(line);
    this.#size += line.length + 1;
    this.#note(entry);
    return entry;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    await this.#file.close();
  }
}
