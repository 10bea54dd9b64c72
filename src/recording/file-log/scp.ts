import type { FileCounts } from '../../access/session.ts';
import { ContentDigest } from './content-digest.ts';
import type { Followed, FollowedHost, Side } from './observe.ts';
import { asInto, asPath, clause, type FileOperation, PATH_MAX, showPath } from './operation.ts';
import { scpWords } from './words.ts';

const LINE_MAX = 16_384;
const DEPTH_MAX = 256;
const NEWLINE = 0x0a;

type CopiedFile = {
  readonly path: Buffer;
  readonly mode: number;
  readonly size: number;
  readonly digest: ContentDigest;
  readonly startedMicros: number;
  /** Where its content stands in what the sender sent. */
  offset: number;
  passed: number;
};

/**
 * Whose turn it is. `line`: the sender says a line. `answer`: the receiver answers it. `content`: the sender gives a file. `verdict`:
 * the sender says whether that was good. `taken`: the receiver answers that.
 */
type Turn = 'start' | 'line' | 'answer' | 'content' | 'verdict' | 'taken';

/**
 * scp's old protocol, which nobody wrote down but its source: the sender's lines C (a file), D and E (a folder, and out of it), T
 * (times), and content; the receiver answers each with a zero byte, or with \x01 (a warning) or \x02 (an error) and a line. Sender and
 * receiver take turns, and whoever speaks out of turn speaks something else. Only content is left out of the recording: as many bytes
 * as its line said, once the receiver has taken that line. Everything else is kept.
 */
export class ScpLog implements Followed {
  readonly label = 'scp';
  readonly #host: FollowedHost;
  readonly #sender: Side;
  /** A destination of which only the target knows whether it is a folder. */
  readonly #into: Buffer | null;
  readonly #folders: Buffer[];
  #turn: Turn = 'start';
  /** What has come of a line of either. */
  #said: number[] = [];
  #answer: number[] = [];
  #file: CopiedFile | null = null;
  /** What the sender says of the content that it gave. */
  #isGood = true;
  /** The line that waits for an answer opened a folder. */
  #hasEntered = false;
  /** PuTTY's receiver answers the content before the verdict. */
  #hasTaken = false;
  #isLost = false;
  #micros = 0;
  readonly #counts = { read: 0, written: 0, changed: 0, refused: 0, hashed: 0 };

  /** The exec line says nothing but where paths begin. */
  constructor(sender: Side, command: string, host: FollowedHost) {
    this.#host = host;
    this.#sender = sender;
    const words = scpWords(command);
    const options = words.filter((word) => /^-[a-zA-Z]+$/.test(word)).join('');
    const path = words.at(-1) ?? '';
    // A source names only the last part of what it was asked for.
    const isSource = sender === 'target';
    const base = isSource ? path.slice(0, path.lastIndexOf('/') + 1) : path;
    const isFolder = isSource || options.includes('d') || /(?:^|\/)\.{0,2}$/.test(path);
    this.#into = isFolder ? null : Buffer.from(path, 'utf8');
    this.#folders = [Buffer.from(isFolder ? base : '', 'utf8')];
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  held(): Buffer {
    return NOTHING;
  }

  take(from: Side, bytes: Buffer, micros: number): number {
    this.#micros = micros;
    let kept = 0;
    let at = 0;
    while (at < bytes.length && !this.#isLost) {
      if (this.#turn === 'content' && from === this.#sender) {
        this.#keep(from, bytes.subarray(kept, at));
        at = this.#content(bytes, at);
        kept = at;
      } else {
        this.#byte(from, bytes[at] ?? 0);
        // Whoever broke the protocol is content from that byte on.
        if (!this.#isLost) at += 1;
      }
    }
    this.#keep(from, bytes.subarray(kept, at));
    return at;
  }

  end(micros: number): FileCounts {
    this.#micros = micros;
    this.#leave('the channel ended first');
    return { ...this.#counts };
  }

  #keep(from: Side, bytes: Buffer): void {
    if (bytes.length > 0) this.#host.keep(from, bytes, this.#micros);
  }

  #byte(from: Side, byte: number): void {
    if (from !== this.#sender) this.#received(byte);
    else if (this.#turn === 'verdict') this.#judged(byte);
    else if (this.#turn === 'line') this.#sent(byte);
    else this.#lose('the sender spoke before it was answered');
  }

  // The sender.

  #content(bytes: Buffer, at: number): number {
    const file = this.#file;
    if (!file) return bytes.length;
    const end = Math.min(bytes.length, at + file.size - file.passed);
    const offset = this.#host.skip(this.#sender, end - at, this.#micros);
    if (file.passed === 0) file.offset = offset;
    file.digest.put(file.passed, bytes.subarray(at, end));
    file.passed += end - at;
    if (file.passed === file.size) this.#turn = 'verdict';
    return end;
  }

  /** A zero byte, or the beginning of a warning or an error. */
  #judged(byte: number): void {
    if (this.#said.length > 0 || byte === 1 || byte === 2) return void this.#sent(byte);
    if (byte !== 0) return void this.#lose('no verdict follows the content');
    this.#verdictOver(true);
  }

  #verdictOver(isGood: boolean): void {
    this.#isGood = isGood;
    this.#turn = 'taken';
    if (this.#hasTaken) this.#settle(null);
  }

  #sent(byte: number): void {
    if (byte !== NEWLINE) {
      if (this.#said.push(byte) > LINE_MAX) this.#lose('a line is too long');
      return;
    }
    const line = Buffer.from(this.#said);
    this.#said = [];
    if (line[0] === 1 || line[0] === 2) {
      this.#warn(line.subarray(1), 'sender');
      // Nobody answers a warning, unless it stands for the verdict.
      if (this.#turn === 'verdict') this.#verdictOver(false);
    } else this.#line(line);
  }

  #line(line: Buffer): void {
    const text = line.toString('latin1');
    const named = /^([CD])([0-7]{4,5}) (\d{1,15}) ([^/]+)$/.exec(text);
    if (named) {
      const name = line.subarray(line.length - (named[4] ?? '').length);
      if (named[1] === 'C') this.#file = this.#newFile(named, name);
      else this.#folders.push(this.#join(name));
      this.#hasEntered = named[1] === 'D';
      if (this.#folders.length > DEPTH_MAX) return void this.#lose('folders are too deep');
    } else if (text === 'E' && this.#folders.length > 1) this.#folders.pop();
    else if (!/^T\d+ \d+ \d+ \d+$/.test(text)) return void this.#lose('a line is not part of the protocol');
    this.#turn = 'answer';
  }

  #newFile([, , mode, size]: readonly string[], name: Buffer): CopiedFile {
    return {
      path: this.#join(name),
      mode: Number.parseInt(mode ?? '0', 8),
      size: Number(size),
      digest: new ContentDigest({ bytes: 0 }),
      startedMicros: this.#micros,
      offset: 0,
      passed: 0,
    };
  }

  #join(name: Buffer): Buffer {
    const folder = this.#folders.at(-1) ?? NOTHING;
    const isOpen = folder.length === 0 || folder.at(-1) === 0x2f;
    return Buffer.concat([folder, Buffer.from(isOpen ? '' : '/'), name]).subarray(0, PATH_MAX + 1);
  }

  // The receiver.

  #received(byte: number): void {
    if (this.#turn === 'content') return void this.#lose('the receiver spoke while content passed');
    if (this.#answer.length === 0 && byte === 0) return void this.#accepted();
    if (byte !== NEWLINE) {
      if (this.#answer.push(byte) > LINE_MAX) this.#lose('an answer is too long');
      else if (this.#answer[0] !== 1 && this.#answer[0] !== 2) this.#lose('an answer is not part of the protocol');
      return;
    }
    const line = Buffer.from(this.#answer);
    this.#answer = [];
    this.#refused(line.subarray(1));
  }

  #accepted(): void {
    switch (this.#turn) {
      case 'start':
        this.#turn = 'line';
        return;
      case 'answer':
        this.#hasEntered = false;
        this.#turn = this.#file === null ? 'line' : this.#file.size === 0 ? 'verdict' : 'content';
        return;
      case 'verdict':
        if (this.#hasTaken) this.#lose('the receiver answered twice');
        this.#hasTaken = true;
        return;
      case 'taken':
        return void this.#settle(null);
      default:
        this.#lose('the receiver answered something that was not sent');
    }
  }

  /** A warning or an error, in the place of an answer or of its own accord. */
  #refused(message: Buffer): void {
    const { text } = showPath(message);
    if (this.#turn === 'answer' && this.#file) {
      this.#logFile(this.#file, 'failed', text);
      this.#file = null;
      this.#turn = 'line';
    } else if (this.#turn === 'taken') this.#settle(text);
    else {
      this.#warn(message, 'receiver');
      // The sender does not go into a folder that was refused.
      if (this.#hasEntered) this.#folders.pop();
      this.#hasEntered = false;
      if (this.#turn === 'answer' || this.#turn === 'start') this.#turn = 'line';
    }
  }

  #settle(refusal: string | null): void {
    const file = this.#file;
    this.#file = null;
    this.#hasTaken = false;
    this.#turn = 'line';
    if (!file) return;
    const why = refusal ?? (this.#isGood ? null : 'the sender could not read all of it');
    this.#logFile(file, why === null ? 'ok' : 'failed', why);
  }

  // The log.

  #logFile(file: CopiedFile, result: FileOperation['result'], why: string | null): void {
    const isSource = this.#sender === 'target';
    const { digest } = file.digest.finish();
    const isHashed = file.passed === file.size && result === 'ok' && digest !== null;
    if (!isHashed && digest !== null && file.passed > 0)
      this.#host.leftOut(this.#sender, { offset: file.offset, bytes: file.passed, sha256: digest }, this.#micros);
    const bytes = isSource ? { bytesRead: file.passed } : { bytesWritten: file.passed };
    const sha256 = !isHashed ? {} : isSource ? { readSha256: digest } : { writtenSha256: digest };
    if (isHashed) this.#counts.hashed += 1;
    if (result === 'ok') this.#counts[isSource ? 'read' : 'written'] += 1;
    if (why !== null && /permission denied/i.test(why)) this.#counts.refused += 1;
    this.#host.onOperation({
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
    this.#host.onOperation({
      protocol: 'scp',
      operation: 'warning',
      path: '',
      result: 'failed',
      why: clause(`the ${from} reports: ${showPath(message).text}`),
      startedMicros: this.#micros,
      endedMicros: this.#micros,
    });
  }

  #leave(why: string): void {
    if (this.#file) this.#logFile(this.#file, 'unanswered', why);
    this.#file = null;
  }

  #lose(why: string): void {
    if (this.#isLost) return;
    this.#leave('the protocol could not be followed');
    this.#isLost = true;
    const frame = { path: '', result: 'failed', startedMicros: this.#micros, endedMicros: this.#micros } as const;
    this.#host.onOperation({
      protocol: 'scp',
      operation: 'unparsed',
      ...frame,
      why: clause(`unparsed from here: ${why}`),
    });
  }
}

const NOTHING = Buffer.alloc(0);
