import { BACKSPACE, NEWLINE, RETURN, TerminalRow } from './terminal-row.ts';

export type TypedPart =
  | { readonly kind: 'kept'; readonly micros: number; readonly bytes: Buffer }
  | { readonly kind: 'withheld'; readonly micros: number; readonly count: number };

/** How long, and how much, may wait for an echo. */
const HELD_MICROS = 10_000_000;
const HELD_MAX = 8_192;
const LINES_MAX = 64;
/** A full-screen program that reacts does so at once. */
const REACTION_MICROS = 1_000_000;
const CTRL_C = 0x03;
const CTRL_D = 0x04;
const MASKS = new Set([...Buffer.from('*•●')]);

/** What was typed up to Enter. It is kept or withheld whole. */
type Line = {
  readonly startMicros: number;
  readonly pieces: { readonly micros: number; readonly bytes: Buffer }[];
  length: number;
  /** What its echo must begin with: all up to the first key that edits. */
  readonly expected: number[];
  matched: number;
  isExpectedWhole: boolean;
  isSecret: boolean;
  isClosed: boolean;
  /** A full-screen program showed something after the first key, and before Enter. */
  hasReaction: boolean;
};

/**
 * Decides which of the bytes that are typed at a terminal may be kept. Whether the target's terminal echoes cannot be seen from
 * here, so a line is kept only once the target has shown it, and withheld where anything speaks against that: no echo, masks, other
 * output instead, a row that asks for a secret, or too long a wait.
 */
export class TypedInput {
  readonly #row = new TerminalRow();
  #lines: Line[] = [];
  #isInSequence: 'no' | 'escape' | 'sequence' = 'no';

  input(bytes: Buffer, micros: number): TypedPart[] {
    const parts = this.#expire(micros);
    let start = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const line = this.#openLine(micros);
      if (this.#key(line, bytes[at] ?? 0)) {
        this.#add(line, bytes.subarray(start, at + 1), micros);
        line.isClosed = true;
        start = at + 1;
      }
    }
    if (start < bytes.length) this.#add(this.#openLine(micros), bytes.subarray(start), micros);
    return [...parts, ...this.#decide(), ...this.#overflow()];
  }

  output(bytes: Buffer, micros: number): TypedPart[] {
    const parts = this.#expire(micros);
    let hasShown = false;
    for (const byte of bytes) {
      this.#row.push(byte, (shown) => {
        hasShown ||= !MASKS.has(shown) && shown !== NEWLINE && shown !== RETURN;
        this.#shown(shown);
        if (this.#lines[0]?.isClosed) parts.push(...this.#decide());
      });
    }
    const line = this.#lines[0];
    if (line && this.#row.asksForSecret) line.isSecret = true;
    if (line && this.#row.isFullScreen && !line.isClosed && (hasShown || bytes.length > 1)) {
      const isMasked = bytes.every((byte) => MASKS.has(byte));
      if (!isMasked && micros - line.startMicros <= REACTION_MICROS) line.hasReaction = true;
    }
    return [...parts, ...this.#decide()];
  }

  /** The last call. */
  end(_micros: number): TypedPart[] {
    return this.#flush();
  }

  #openLine(micros: number): Line {
    const last = this.#lines.at(-1);
    if (last && !last.isClosed) return last;
    const line: Line = {
      startMicros: micros,
      pieces: [],
      length: 0,
      expected: [],
      matched: 0,
      isExpectedWhole: false,
      isSecret: this.#lines.length === 0 && this.#row.asksForSecret,
      isClosed: false,
      hasReaction: false,
    };
    this.#lines.push(line);
    return line;
  }

  #add(line: Line, bytes: Buffer, micros: number): void {
    line.pieces.push({ micros, bytes: Buffer.from(bytes) });
    line.length += bytes.length;
  }

  /** Whether this key ends the line. */
  #key(line: Line, byte: number): boolean {
    if (this.#isInSequence !== 'no') {
      const isOver = this.#isInSequence === 'sequence' ? byte >= 0x40 && byte <= 0x7e : byte !== 0x5b && byte !== 0x4f;
      this.#isInSequence = isOver ? 'no' : 'sequence';
      return false;
    }
    if (byte === RETURN || byte === NEWLINE || byte === CTRL_C || byte === CTRL_D) return true;
    if (byte < 0x20 || byte === 0x7f) {
      if (byte === 0x1b) this.#isInSequence = 'escape';
      if (line.expected.length > 0) line.isExpectedWhole = true;
    } else if (!line.isExpectedWhole) line.expected.push(byte);
    return false;
  }

  /** A byte of output, held against what the oldest line would look like. */
  #shown(byte: number): void {
    const line = this.#lines[0];
    if (!line) return;
    if (byte === BACKSPACE) {
      // Shells that colour a word write it again.
      if (!line.isExpectedWhole && line.matched > 0) line.matched -= 1;
      return;
    }
    if (byte === RETURN || line.matched === line.expected.length) return;
    if (byte === line.expected[line.matched]) line.matched += 1;
    else if (!this.#row.isFullScreen || line.isClosed) line.isSecret = true;
  }

  #isEchoed(line: Line): boolean {
    if (line.isSecret) return false;
    if (line.matched < line.expected.length) return this.#row.isFullScreen && line.hasReaction;
    return line.expected.length === 0 || !line.expected.every((byte) => MASKS.has(byte));
  }

  /** Lines that are closed and certain, in their order. */
  #decide(): TypedPart[] {
    const parts: TypedPart[] = [];
    for (let line = this.#lines[0]; line?.isClosed; line = this.#lines[0]) {
      const isEchoed = this.#isEchoed(line);
      if (!isEchoed && !line.isSecret && line.matched < line.expected.length) break;
      this.#lines.shift();
      parts.push(...partsOf(line, isEchoed));
    }
    return parts;
  }

  #expire(micros: number): TypedPart[] {
    const parts: TypedPart[] = [];
    for (let line = this.#lines[0]; line && micros - line.startMicros > HELD_MICROS; line = this.#lines[0]) {
      this.#lines.shift();
      parts.push(...partsOf(line, this.#isEchoed(line)));
    }
    return parts;
  }

  #overflow(): TypedPart[] {
    const held = this.#lines.reduce((sum, { length }) => sum + length, 0);
    return held > HELD_MAX || this.#lines.length > LINES_MAX ? this.#flush() : [];
  }

  #flush(): TypedPart[] {
    return this.#lines.splice(0).flatMap((line) => partsOf(line, this.#isEchoed(line)));
  }
}

const partsOf = (line: Line, isKept: boolean): TypedPart[] =>
  isKept
    ? line.pieces.map(({ micros, bytes }) => ({ kind: 'kept', micros, bytes }))
    : [{ kind: 'withheld', micros: line.startMicros, count: line.length }];
