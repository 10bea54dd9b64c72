/** What of a terminal's output tells about echo: printable bytes, backspaces and ends of lines, without escape sequences. */
export type Shown = (byte: number) => void;

const ROW_MAX = 256;
const SEQUENCE_MAX = 64;
const ESC = 0x1b;
const BELL = 0x07;
export const BACKSPACE = 0x08;
export const NEWLINE = 0x0a;
export const RETURN = 0x0d;

/** Words before what is typed when it is secret. In doubt a word more: what it catches is only not kept. */
const SECRET =
  /(?:pass ?word|passwd|pass ?phrase|pass ?code|\bpin\b|token|secret|verification|one[- ]?time|\botp\b|\b2fa\b|\bmfa\b|passwort|kennwort|mot de passe|code secret|contraseña|clave|senha|wachtwoord|lösenord|adgangskode|hasło|heslo|пароль|密码|密碼|口令|パスワード|암호|비밀번호)[^$#%]{0,80}$/iu;

/** The row that the cursor is in, as far as it was written, and whether a full-screen program is shown. */
export class TerminalRow {
  #row: number[] = [];
  #state: 'text' | 'escape' | 'sequence' | 'string' | 'string-escape' | 'one-more' = 'text';
  #sequence = '';
  isFullScreen = false;

  /** No escape sequence has begun. */
  get isInText(): boolean {
    return this.#state === 'text';
  }

  get asksForSecret(): boolean {
    return SECRET.test(Buffer.from(this.#row).toString('utf8').trimEnd());
  }

  push(byte: number, shown: Shown): void {
    if (this.#state !== 'text') this.#control(byte);
    else if (byte === ESC) this.#state = 'escape';
    else if (byte === BACKSPACE) {
      this.#row.pop();
      shown(byte);
    } else if (byte === NEWLINE || byte === RETURN) {
      this.#row = [];
      shown(byte);
    } else if (byte >= 0x20 && byte !== 0x7f) {
      this.#row.push(byte);
      if (this.#row.length > ROW_MAX) this.#row.shift();
      shown(byte);
    }
  }

  /** ECMA-48 §5.4 and §5.6. */
  #control(byte: number): void {
    if (this.#state === 'escape') {
      this.#sequence = '';
      if (byte === 0x5b) this.#state = 'sequence';
      else if ([0x5d, 0x50, 0x58, 0x5e, 0x5f].includes(byte)) this.#state = 'string';
      else this.#state = byte >= 0x20 && byte <= 0x2f ? 'one-more' : 'text';
    } else if (this.#state === 'sequence') {
      if (byte >= 0x40 && byte <= 0x7e) this.#sequenceEnds(String.fromCharCode(byte));
      else if (this.#sequence.length < SEQUENCE_MAX) this.#sequence += String.fromCharCode(byte);
      else this.#state = 'text';
    } else if (this.#state === 'string') {
      if (byte === BELL) this.#state = 'text';
      else if (byte === ESC) this.#state = 'string-escape';
    } else this.#state = this.#state === 'string-escape' && byte !== 0x5c ? 'string' : 'text';
  }

  #sequenceEnds(final: string): void {
    this.#state = 'text';
    if ('HfABdJ'.includes(final)) this.#row = [];
    if ((final === 'h' || final === 'l') && /^\?(?:1049|1047|47)$/.test(this.#sequence)) {
      this.isFullScreen = final === 'h';
    }
  }
}
