import { BACKSPACE, NEWLINE, RETURN } from './terminal-row.ts';

export type TypedPart =
  | { readonly kind: 'kept'; readonly micros: number; readonly bytes: Buffer }
  | { readonly kind: 'withheld'; readonly micros: number; readonly count: number };

const SPACE = 0x20;
const MASKS = /^[*•●]+$/;
/** As much of a row as a shell writes again when it colours or moves a word. */
const REWRITTEN_MAX = 256;

/** What was typed up to Enter, and how much of it the target has shown. It is kept or withheld whole. */
export class TypedLine {
  readonly startMicros: number;
  length = 0;
  isSecret = false;
  isClosed = false;
  /** A key that prints nothing was pressed: from there on the cursor can be anywhere in the line. */
  isEdited = false;
  /** A key was pressed together with Alt, or behind Escape: it is not shown. */
  hasMeta = false;
  /** The row that the cursor is in holds some of this line. */
  isInRow = false;
  readonly #pieces: { readonly micros: number; readonly bytes: Buffer }[] = [];
  readonly #expected: number[] = [];
  #matched = 0;
  /** How many bytes that stood there already may be written again. */
  #rewritten = 0;
  /** A space in the place of what is expected: readline writes one where a row is full, and goes back. */
  #hasSpace = false;
  #isAfterReturn = false;
  #endsWithEnter = false;
  /** The whole text was shown only after Enter was pressed. Then the newline has to be next, or it was other output. */
  #needsNewline = false;
  #hadNewline = false;

  /** `before` is the part of the same line that was decided already. */
  constructor(micros: number, before: TypedLine | null) {
    this.startMicros = micros;
    if (!before) return;
    this.isSecret = before.isSecret || before.#isMissing;
    this.isEdited = before.isEdited;
    this.isInRow = before.isInRow;
  }

  get isEmpty(): boolean {
    return this.length === 0 && this.#expected.length === 0;
  }

  /** Whether nothing that may still come changes the decision. */
  get isCertain(): boolean {
    return this.isSecret || (!this.#isMissing && !this.#needsNewline);
  }

  get isNewlineToCome(): boolean {
    return this.#endsWithEnter && !this.#hadNewline && !this.isSecret;
  }

  get #isMissing(): boolean {
    return this.#matched < this.#expected.length;
  }

  add(bytes: Buffer, micros: number): void {
    this.#pieces.push({ micros, bytes: Buffer.from(bytes) });
    this.length += bytes.length;
  }

  expects(byte: number): void {
    this.#expected.push(byte);
  }

  close(endsWithEnter: boolean): void {
    this.isClosed = true;
    this.#endsWithEnter = endsWithEnter;
    this.#needsNewline = endsWithEnter && this.#isMissing;
  }

  shown(byte: number): void {
    if (byte === RETURN || byte === NEWLINE) this.isInRow = false;
    if (byte === BACKSPACE) this.#wentBack();
    else if (byte === RETURN) this.#hasSpace = false;
    else if (this.#isMissing) this.#compare(byte);
    else if (this.#needsNewline) {
      this.#needsNewline = false;
      if (byte === NEWLINE) this.#hadNewline = true;
      else this.isSecret = true;
    }
    this.#isAfterReturn = byte === RETURN;
  }

  /** Call once. */
  parts(): TypedPart[] {
    if (this.#isEchoed) return this.#pieces.map(({ micros, bytes }) => ({ kind: 'kept', micros, bytes }));
    return [{ kind: 'withheld', micros: this.startMicros, count: this.length }];
  }

  get #isEchoed(): boolean {
    if (!this.isCertain || this.isSecret) return false;
    if (this.#expected.length === 0) return !this.hasMeta;
    return !MASKS.test(Buffer.from(this.#expected).toString());
  }

  #wentBack(): void {
    this.#hasSpace = false;
    // Shells that colour a word write it again.
    if (this.isEdited) this.#rewritten = Math.min(this.#rewritten + 1, REWRITTEN_MAX);
    else if (this.#matched > 0) this.#matched -= 1;
  }

  #compare(byte: number): void {
    if (this.#hasSpace) this.isSecret = true;
    else if (byte === this.#expected[this.#matched]) {
      this.#matched += 1;
      this.#rewritten = Math.max(0, this.#rewritten - 1);
      this.isInRow = true;
    } else if (this.#rewritten > 0 && byte !== NEWLINE) this.#rewritten -= 1;
    // At the beginning of a new row readline writes its first byte twice.
    else if (this.#isAfterReturn && this.#matched > 0 && byte === this.#expected[this.#matched - 1])
      this.isInRow = true;
    else if (byte === SPACE) this.#hasSpace = true;
    else this.isSecret = true;
  }
}
