/** Final bytes of control sequences (ECMA-48 §8.3) that move, erase, scroll or colour, and do nothing else. */
const CONTROL_FINALS = new Set('@ABCDEFGHJKLMPSTXZ`adefmrsu');
/** DEC private modes that change how the screen is drawn: cursor keys, origin, wrap, blink, cursor, alternate screen. */
const MODES = new Set(['1', '6', '7', '12', '25', '47', '1047', '1048', '1049']);
const ESCAPE_FINALS = new Set('78DEMH=>');
const CHARSETS = new Set('()*+');
const STRINGS = new Set(']PX^_');
const PARAMETERS_MAX = 64;
const PLAIN_CONTROLS = new Set(['\b', '\t', '\n', '\r']);

type Place = 'text' | 'escape' | 'charset' | 'control' | 'string';

/**
 * Lets through what draws on a terminal, and nothing that would act on the one of who only looks on: titles, the clipboard,
 * questions that the terminal answers by typing, printing, a reset, strings of any kind.
 */
export class TerminalFilter {
  #place: Place = 'text';
  #parameters = '';
  #charset = '';

  write(text: string): string {
    let shown = '';
    for (const character of text) shown += this.#step(character);
    return shown;
  }

  #step(character: string): string {
    const code = character.codePointAt(0) ?? 0;
    if (character === '\x1b') {
      this.#place = 'escape';
      return '';
    }
    // CAN and SUB end a sequence; C1 controls are sequences of one byte, in the few terminals that know them.
    if (code === 0x18 || code === 0x1a || (code >= 0x80 && code < 0xa0)) {
      this.#place = 'text';
      return '';
    }
    switch (this.#place) {
      case 'text':
        return code >= 0x20 && code !== 0x7f ? character : PLAIN_CONTROLS.has(character) ? character : '';
      case 'escape':
        return this.#escaped(character);
      case 'charset':
        this.#place = 'text';
        return /^[0AB]$/.test(character) ? `\x1b${this.#charset}${character}` : '';
      case 'control':
        return this.#control(character, code);
      case 'string':
        if (character === '\x07') this.#place = 'text';
        return '';
    }
  }

  #escaped(character: string): string {
    this.#place = 'text';
    if (character === '[') {
      this.#parameters = '';
      this.#place = 'control';
    } else if (STRINGS.has(character)) {
      this.#place = 'string';
    } else if (CHARSETS.has(character)) {
      this.#charset = character;
      this.#place = 'charset';
    }
    return ESCAPE_FINALS.has(character) ? `\x1b${character}` : '';
  }

  #control(character: string, code: number): string {
    if (code < 0x40) {
      if (code >= 0x20 && this.#parameters.length <= PARAMETERS_MAX) this.#parameters += character;
      return '';
    }
    this.#place = 'text';
    return this.#isHarmless(character) ? `\x1b[${this.#parameters}${character}` : '';
  }

  #isHarmless(final: string): boolean {
    if (this.#parameters.length > PARAMETERS_MAX) return false;
    if (CONTROL_FINALS.has(final)) return /^[\d;:]*$/.test(this.#parameters);
    const modes = /^\?([\d;]+)$/.exec(this.#parameters)?.[1];
    return (final === 'h' || final === 'l') && modes !== undefined && modes.split(';').every((each) => MODES.has(each));
  }
}
