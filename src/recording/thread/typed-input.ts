import { BACKSPACE, NEWLINE, RETURN, TerminalRow } from './terminal-row.ts';
import { TypedLine, type TypedPart } from './typed-line.ts';

export type { TypedPart } from './typed-line.ts';

/** How long, and how much, may wait for an echo. */
const HELD_MICROS = 10_000_000;
const HELD_MAX = 65_536;
const LINES_MAX = 512;
const SEQUENCE_MAX = 16;
const ESCAPE = 0x1b;
const CTRL_C = 0x03;
const CTRL_D = 0x04;

/**
 * Decides which of the bytes that are typed at a terminal may be kept. Whether the target's terminal echoes cannot be seen from
 * here, so a line is kept only once the target has shown its text, and withheld where anything speaks against that: no echo, masks,
 * other output instead, a row that asks for a secret, or too long a wait.
 */
export class TypedInput {
  readonly #row = new TerminalRow();
  #lines: TypedLine[] = [];
  /** What is known of a line whose beginning was decided already. */
  #cut: TypedLine | null = null;
  #sequence: 'no' | 'escape' | 'parameters' = 'no';
  #sequenceLength = 0;
  /** The line before this was decided before its Enter was shown. */
  #owesNewline = false;

  input(bytes: Buffer, micros: number): TypedPart[] {
    const parts = this.#expire(micros);
    let start = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte === ESCAPE && this.#row.isFullScreen && this.#sequence === 'no') {
        // Escape and the keys that send it part what is typed in editors; what they did not show spoils no more than that.
        const before = start < at ? this.#openLine(micros) : this.#lines.at(-1);
        if (start < at) before?.add(bytes.subarray(start, at), micros);
        before?.close(false);
        start = at;
      }
      const line = this.#openLine(micros);
      if (this.#key(line, byte)) {
        line.add(bytes.subarray(start, at + 1), micros);
        line.close(byte === RETURN || byte === NEWLINE);
        start = at + 1;
      }
    }
    if (start < bytes.length) this.#openLine(micros).add(bytes.subarray(start), micros);
    return [...parts, ...this.#decide(), ...this.#overflow()];
  }

  output(bytes: Buffer, micros: number): TypedPart[] {
    const parts = this.#expire(micros);
    for (const byte of bytes.subarray(this.#idleUntil(bytes))) {
      const wasFullScreen = this.#row.isFullScreen;
      this.#row.push(byte, (shown) => {
        this.#shown(shown);
        if (this.#lines[0]?.isClosed) parts.push(...this.#decide());
      });
      if (wasFullScreen && !this.#row.isFullScreen) this.#leaveScreen();
    }
    const line = this.#lines[0];
    // Commands speak of passwords too: what the row holds behind the echo of this line is not a prompt.
    if (line && !line.isInRow && this.#row.asksForSecret) line.isSecret = true;
    return [...parts, ...this.#decide()];
  }

  /** The last call. */
  end(_micros: number): TypedPart[] {
    return this.#flush();
  }

  /** How much of this output changes nothing: before its last row, where no line waits for it and it is text only. */
  #idleUntil(bytes: Buffer): number {
    const [line] = this.#lines;
    const isIdle = !line || (line.isSecret && !line.isClosed);
    if (!isIdle || !this.#row.isInText || bytes.includes(ESCAPE)) return 0;
    return Math.max(0, bytes.lastIndexOf(NEWLINE), bytes.lastIndexOf(RETURN));
  }

  #openLine(micros: number): TypedLine {
    const last = this.#lines.at(-1);
    if (last && !last.isClosed) return last;
    const line = new TypedLine(micros, this.#cut);
    this.#cut = null;
    if (this.#lines.length === 0 && !line.isInRow && this.#row.asksForSecret) line.isSecret = true;
    this.#lines.push(line);
    return line;
  }

  /** Whether this key ends the line. */
  #key(line: TypedLine, byte: number): boolean {
    if (this.#sequence !== 'no' && this.#inSequence(line, byte)) return false;
    if (byte === RETURN || byte === NEWLINE || byte === CTRL_C) return true;
    if (byte === CTRL_D && line.isEmpty) return true;
    if (byte >= 0x20 && byte !== 0x7f) line.expects(byte);
    else {
      line.isEdited = true;
      if (byte === ESCAPE) this.#sequence = 'escape';
    }
    return false;
  }

  /** Whether this key belongs to the sequence that was begun: ECMA-48 §5.4, or one key behind Escape. */
  #inSequence(line: TypedLine, byte: number): boolean {
    if (this.#sequence === 'escape') {
      if (byte === ESCAPE) return true;
      this.#sequence = byte === 0x5b || byte === 0x4f ? 'parameters' : 'no';
      this.#sequenceLength = 0;
      if (byte < 0x20 || byte === 0x7f) return false;
      if (this.#sequence === 'no') line.hasMeta = true;
      return true;
    }
    this.#sequenceLength += 1;
    const isFinal = byte >= 0x40 && byte <= 0x7e;
    const isParameter = byte >= 0x20 && byte <= 0x3f && this.#sequenceLength < SEQUENCE_MAX;
    if (!isParameter) this.#sequence = 'no';
    // Text behind Escape and a bracket is not let through for a sequence.
    if (!isFinal && !isParameter) line.isSecret = true;
    return isFinal || isParameter;
  }

  /** A byte of output, held against what the oldest line would look like. */
  #shown(byte: number): void {
    if (this.#owesNewline && byte !== RETURN && byte !== BACKSPACE) {
      this.#owesNewline = false;
      if (byte === NEWLINE) return;
    }
    this.#lines[0]?.shown(byte);
  }

  /** The key that ended the program was not shown, and is no part of the next command. */
  #leaveScreen(): void {
    const [line] = this.#lines;
    if (!line || line.isClosed) return;
    if (!line.isCertain) line.isSecret = true;
    line.close(false);
  }

  /** Lines that are closed and certain, in their order. */
  #decide(): TypedPart[] {
    const parts: TypedPart[] = [];
    for (let line = this.#lines[0]; line?.isClosed && line.isCertain; line = this.#lines[0]) {
      this.#lines.shift();
      this.#owesNewline = line.isNewlineToCome;
      parts.push(...line.parts());
    }
    return parts;
  }

  #expire(micros: number): TypedPart[] {
    const parts: TypedPart[] = [];
    for (let line = this.#lines[0]; line && micros - line.startMicros > HELD_MICROS; line = this.#lines[0]) {
      parts.push(...this.#takeOut(line));
    }
    return parts;
  }

  #overflow(): TypedPart[] {
    const held = this.#lines.reduce((sum, { length }) => sum + length, 0);
    return held > HELD_MAX || this.#lines.length > LINES_MAX ? this.#flush() : [];
  }

  #flush(): TypedPart[] {
    const parts: TypedPart[] = [];
    for (let line = this.#lines[0]; line; line = this.#lines[0]) parts.push(...this.#takeOut(line));
    return parts;
  }

  #takeOut(line: TypedLine): TypedPart[] {
    this.#lines.shift();
    if (!line.isClosed) this.#cut = line;
    return line.parts();
  }
}
