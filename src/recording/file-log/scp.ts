import type { Coverage, FileCounts } from '../../access/session.ts';
import { ContentDigest } from './content-digest.ts';
import { asInto, asPath, clause, type FileOperation, type OnOperation, PATH_MAX, showPath } from './operation.ts';
import { parseWords, programOf } from './words.ts';

const LINE_MAX = 16_384;
const DEPTH_MAX = 256;
const NEWLINE = 0x0a;

type CopiedFile = {
  readonly path: Buffer;
  readonly mode: number;
  readonly size: number;
  readonly digest: ContentDigest;
  readonly startedMicros: number;
  passed: number;
  /** Zero bytes of the receiver since its line: one for the line, one for the content, which PuTTY's gives before the verdict. */
  answers: number;
};

/** What the sender says next: a line, a file's bytes, or the byte behind them that says whether they are good. */
type Sending = 'line' | 'content' | 'verdict';

/**
 * scp's old protocol, which nobody wrote down but its source: the sender's lines C (a file), D and E (a folder, and out of it), T
 * (times), and content; the receiver answers each with a zero byte, or with \x01 (a warning) or \x02 (an error) and a line.
 */
export class ScpLog {
  readonly #onOperation: OnOperation;
  readonly #isFromTarget: boolean;
  /** A destination of which only the target knows whether it is a folder. */
  readonly #into: Buffer | null;
  readonly #folders: Buffer[];
  #sending: Sending = 'line';
  #line: number[] = [];
  #answer: number[] = [];
  #file: CopiedFile | null = null;
  /** Sent whole, until the receiver has answered. */
  #unanswered: { readonly file: CopiedFile; readonly isGood: boolean } | null = null;
  #isLost = false;
  #micros = 0;
  readonly #counts = { read: 0, written: 0, changed: 0, refused: 0, hashed: 0 };

  constructor(command: string, onOperation: OnOperation) {
    const words = programOf(parseWords(command) ?? [])?.words ?? [];
    const options = words.filter((word) => /^-[a-zA-Z]+$/.test(word)).join('');
    this.#onOperation = onOperation;
    this.#isFromTarget = options.includes('f');
    const path = words.at(-1) ?? '';
    // A source names only the last part of what it was asked for.
    const base = this.#isFromTarget ? path.slice(0, path.lastIndexOf('/') + 1) : path;
    const isFolder = this.#isFromTarget || options.includes('d') || /(?:^|\/)\.{0,2}$/.test(path);
    this.#into = isFolder ? null : Buffer.from(path, 'utf8');
    this.#folders = [Buffer.from(isFolder ? base : '', 'utf8')];
  }

  fromClient(bytes: Buffer, micros: number): void {
    this.#take(bytes, micros, !this.#isFromTarget);
  }

  fromTarget(bytes: Buffer, micros: number): void {
    this.#take(bytes, micros, this.#isFromTarget);
  }

  end(micros: number): { readonly counts: FileCounts; readonly coverage: Coverage; readonly label: string } {
    this.#micros = micros;
    this.#leave('the channel ended first');
    return { counts: { ...this.#counts }, coverage: this.#isLost ? 'opaque' : 'metadata', label: 'scp' };
  }

  #take(bytes: Buffer, micros: number, isSender: boolean): void {
    this.#micros = micros;
    if (isSender) this.#sent(bytes);
    else for (const byte of bytes) this.#received(byte);
  }

  #sent(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#isLost) {
      if (this.#sending === 'content') at = this.#content(bytes, at);
      else {
        this.#sentByte(bytes[at] ?? 0);
        at += 1;
      }
    }
  }

  #content(bytes: Buffer, at: number): number {
    const file = this.#file;
    if (!file) return bytes.length;
    const end = Math.min(bytes.length, at + file.size - file.passed);
    file.digest.put(file.passed, bytes.subarray(at, end));
    file.passed += end - at;
    if (file.passed === file.size) this.#sending = 'verdict';
    return end;
  }

  #sentByte(byte: number): void {
    if (this.#line.length === 0 && this.#sending === 'verdict') {
      this.#sending = 'line';
      if (byte === 0 || byte === 1 || byte === 2) this.#contentOver(byte === 0);
      else this.#lose('no verdict follows the content');
      if (byte === 0) return;
    }
    // The sender of a warning or an error, too, ends it as a line.
    if (byte !== NEWLINE) {
      if (this.#line.push(byte) > LINE_MAX) this.#lose('a line is too long');
      return;
    }
    const line = Buffer.from(this.#line);
    this.#line = [];
    this.#command(line);
  }

  #contentOver(isGood: boolean): void {
    const file = this.#file;
    this.#file = null;
    if (!file) return;
    this.#unanswered = { file, isGood };
    if (file.answers >= 2) this.#settle(null, null);
  }

  #command(line: Buffer): void {
    const text = line.toString('latin1');
    if (text[0] === '\x01' || text[0] === '\x02') return void this.#warn(line.subarray(1), 'sender');
    const named = /^([CD])([0-7]{4,5}) (\d{1,15}) ([^/]+)$/.exec(text);
    if (named) {
      const name = line.subarray(line.length - (named[4] ?? '').length);
      if (named[1] === 'C') this.#begins(named, name);
      else this.#enters(name);
      return;
    }
    if (/^T\d+ \d+ \d+ \d+$/.test(text)) return;
    if (text === 'E' && this.#folders.length > 1) this.#folders.pop();
    else if (text !== 'E') this.#lose('a line is none of the protocol');
  }

  #begins([, , mode, size]: readonly string[], name: Buffer): void {
    this.#settle('the receiver did not answer', null);
    this.#file = {
      path: this.#join(name),
      mode: Number.parseInt(mode ?? '0', 8),
      size: Number(size),
      digest: new ContentDigest({ bytes: 0 }),
      startedMicros: this.#micros,
      passed: 0,
      answers: 0,
    };
    this.#sending = this.#file.size === 0 ? 'verdict' : 'content';
  }

  #enters(name: Buffer): void {
    if (this.#folders.length >= DEPTH_MAX) return void this.#lose('folders are too deep');
    this.#folders.push(this.#join(name));
  }

  #join(name: Buffer): Buffer {
    const folder = this.#folders.at(-1) ?? Buffer.alloc(0);
    const isOpen = folder.length === 0 || folder.at(-1) === 0x2f;
    return Buffer.concat([folder, Buffer.from(isOpen ? '' : '/'), name]).subarray(0, PATH_MAX + 1);
  }

  #received(byte: number): void {
    if (this.#isLost) return;
    if (this.#answer.length === 0 && byte === 0) {
      // With a file under way it answers the file's line; only after that, its content.
      if (this.#file) this.#file.answers += 1;
      else this.#settle(null, null);
    } else if (byte !== NEWLINE) {
      if (this.#answer.push(byte) > LINE_MAX) this.#lose('an answer is too long');
    } else {
      const line = Buffer.from(this.#answer);
      this.#answer = [];
      if (line[0] !== 1 && line[0] !== 2) return void this.#lose('an answer is none of the protocol');
      this.#refusedBy(line.subarray(1));
    }
  }

  /** Instead of taking a file's content, or after it. */
  #refusedBy(message: Buffer): void {
    if (this.#file?.passed === 0 && this.#unanswered === null) {
      this.#logFile(this.#file, 'failed', showPath(message).text);
      this.#file = null;
      this.#sending = 'line';
    } else if (this.#unanswered) this.#settle(null, showPath(message).text);
    else this.#warn(message, 'receiver');
  }

  #settle(silence: string | null, refusal: string | null): void {
    const done = this.#unanswered;
    this.#unanswered = null;
    if (!done) return;
    const why = refusal ?? silence ?? (done.isGood ? null : 'the sender could not read all of it');
    this.#logFile(done.file, why === null ? 'ok' : 'failed', why);
  }

  #logFile(file: CopiedFile, result: FileOperation['result'], why: string | null): void {
    const isWhole = file.passed === file.size && result === 'ok';
    const digest = isWhole ? file.digest.finish().digest : null;
    if (digest === null) file.digest.spoil('');
    const bytes = this.#isFromTarget ? { bytesRead: file.passed } : { bytesWritten: file.passed };
    const sha256 = digest === null ? {} : this.#isFromTarget ? { readSha256: digest } : { writtenSha256: digest };
    if (digest !== null) this.#counts.hashed += 1;
    if (result === 'ok') this.#counts[this.#isFromTarget ? 'read' : 'written'] += 1;
    if (why !== null && /permission denied/i.test(why)) this.#counts.refused += 1;
    this.#onOperation({
      protocol: 'scp',
      operation: 'file',
      ...asPath(showPath(file.path)),
      ...(this.#into && asInto(showPath(this.#into))),
      mode: file.mode,
      size: file.size,
      result,
      ...bytes,
      ...sha256,
      ...(why === null ? {} : { why: clause(why) }),
      startedMicros: file.startedMicros,
      endedMicros: this.#micros,
    });
  }

  #warn(message: Buffer, from: 'sender' | 'receiver'): void {
    this.#onOperation({
      protocol: 'scp',
      operation: 'warning',
      path: '',
      result: 'failed',
      why: clause(`the ${from} says: ${showPath(message).text}`),
      startedMicros: this.#micros,
      endedMicros: this.#micros,
    });
  }

  #leave(why: string): void {
    this.#settle('the receiver did not answer', null);
    if (this.#file) this.#logFile(this.#file, 'unanswered', why);
    this.#file = null;
  }

  #lose(why: string): void {
    if (this.#isLost) return;
    this.#leave('the protocol could not be followed');
    this.#isLost = true;
    const frame = { path: '', result: 'failed', startedMicros: this.#micros, endedMicros: this.#micros } as const;
    this.#onOperation({ protocol: 'scp', operation: 'unparsed', ...frame, why: clause(`unparsed from here: ${why}`) });
  }
}
