import { NOTICE_PROTOCOL_WAIT_MS, NOTICE_SHOWN_MS, NOTICE_WAIT_MS, NOTICES_WAITING_MAX } from '../limits.ts';
import type { Channel, Stream } from '../ssh/channel.ts';
import { type Terminal, writeSize } from '../ssh/channel-requests.ts';
import { Screen } from './screen.ts';

export type Line = { readonly stream: Stream; readonly bytes: Buffer };

/**
 * What Daypass itself says in a channel: on the terminal where there is one, and otherwise on stderr, which no tool takes for the
 * output of the command.
 */
export class Voice {
  readonly #screen = new Screen();
  readonly #waiting: { readonly sentence: string; readonly since: bigint }[] = [];
  #terminal: Terminal | null = null;

  set terminal(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Sees what is delivered, so that it knows where a line may stand. */
  heard(stream: Stream, bytes: Buffer): void {
    if (this.#terminal && stream === 'stdout') this.#screen.output(bytes);
  }

  /** Something to say when it can be said; `speak` is called when that is so whatever the program prints. */
  add(sentence: string, speak: () => void): void {
    if (this.#waiting.length >= NOTICES_WAITING_MAX) return;
    this.#waiting.push({ sentence, since: process.hrtime.bigint() });
    speak();
    if (this.#waiting.length === 0) return;
    for (const ms of [NOTICE_WAIT_MS, NOTICE_PROTOCOL_WAIT_MS]) setTimeout(speak, ms).unref();
  }

  /** The next line, where it can be said now within `room` bytes. */
  next(room: number): Line | null {
    const [first] = this.#waiting;
    if (!first || !this.#mayBegin(first.since)) return null;
    const line = this.#terminal
      ? terminalLine(this.#screen.notice(first.sentence, this.#terminal))
      : stderrLine(first.sentence);
    if (line.bytes.length > room) return null;
    this.#waiting.shift();
    return line;
  }

  /** The last line, after which nothing comes. */
  last(sentence: string): Line {
    return this.#terminal ? terminalLine(this.#screen.farewell(sentence)) : stderrLine(sentence);
  }

  /** Has a full-screen program draw again what a notice covered: most do so when their size changes. */
  redrawLater(channel: Channel): void {
    const terminal = this.#terminal;
    if (!terminal || !this.#screen.isFull) return;
    const resize = (rows: number): void =>
      channel.request('window-change', false, writeSize({ ...(this.#terminal ?? terminal), rows }));
    setTimeout(() => resize(Math.max(1, terminal.rows - 1)), NOTICE_SHOWN_MS);
    setTimeout(() => resize(this.#terminal?.rows ?? terminal.rows), NOTICE_SHOWN_MS + NOTICE_WAIT_MS);
  }

  #mayBegin(since: bigint): boolean {
    if (!this.#terminal || this.#screen.isBetween) return true;
    const waitMs = this.#screen.isProtocol ? NOTICE_PROTOCOL_WAIT_MS : NOTICE_WAIT_MS;
    return process.hrtime.bigint() - since >= BigInt(waitMs) * 1_000_000n;
  }
}

const terminalLine = (bytes: Buffer): Line => ({ stream: 'stdout', bytes });
const stderrLine = (sentence: string): Line => ({ stream: 'stderr', bytes: Buffer.from(`daypass: ${sentence}\n`) });
