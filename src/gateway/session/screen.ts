import type { Terminal } from '../ssh/channel-requests.ts';
import { CONTROL_MODE, CONTROL_MODE_OVER, ControlMode, controlNotice } from './control-mode.ts';

/** Control characters of ECMA-48 that matter to where one sequence ends and another begins. */
const ESC = 0x1b;
const CAN = 0x18;
const SUB = 0x1a;
const BEL = 0x07;
/** A string (OSC, DCS, APC, PM, SOS) that never ends is given up after this many bytes, as terminals do. */
const STRING_MAX = 4_096;
const PARAMETERS_MAX = 64;

type Place = 'text' | 'escape' | 'intermediate' | 'control' | 'string';

/** Private modes (DECSET) that a program leaves behind when it is cut off. */
const ALTERNATE = new Set(['47', '1047', '1049']);
/** Rows that a notice may not cover: below this there is no room for program and notice. */
const ROWS_MIN = 3;

/**
 * Follows what a program prints on a person's terminal, as far as it takes to put in a line of ours without tearing a character or
 * an escape sequence, and to leave the terminal usable where the program is cut off.
 */
export class Screen {
  #place: Place = 'text';
  #left = 0;
  #parameters = '';
  #stringBytes = 0;
  /** What a device control string began with; null in other strings. */
  #deviceControl: string | null = null;
  #controlMode: ControlMode | null = null;
  #isAlternate = false;

  /** Sees what is delivered. */
  output(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#place === 'text') {
        const begin = bytes.indexOf(ESC, at);
        this.#controlMode?.output(bytes.subarray(at, begin === -1 ? bytes.length : begin));
        if (begin === -1) return void this.#text(bytes.subarray(at));
        this.#left = 0;
        this.#place = 'escape';
        at = begin + 1;
      } else {
        this.#step(bytes[at] ?? 0);
        at += 1;
      }
    }
  }

  /** Whether a line of ours would stand between two characters and outside of every sequence. */
  get isBetween(): boolean {
    return this.#place === 'text' && (this.#controlMode ? this.#controlMode.isBetween : this.#left === 0);
  }

  /** A program that draws the whole screen is on. */
  get isFull(): boolean {
    return this.#isAlternate && !this.#controlMode;
  }

  /** What is printed is read by a program on the person's side, such as the terminal of a tmux in control mode. */
  get isProtocol(): boolean {
    return this.#controlMode !== null;
  }

  /** A line that the program goes on after: over a full screen it stands in the last row, until the program draws that again. */
  notice(sentence: string, { columns, rows }: Pick<Terminal, 'columns' | 'rows'>): Buffer {
    if (this.#controlMode) return Buffer.from(`${this.isBetween ? '' : '\r\n'}${controlNotice(sentence)}`);
    const text = `daypass: ${sentence}`;
    const width = columns || 80;
    if (!this.#isAlternate || rows < ROWS_MIN) return this.#bytes(`\r\n${text}\r\n`);
    const shown = text.slice(0, width).padEnd(width);
    return this.#bytes(`\x1b7\x1b[${rows};1H\x1b[0;7m${shown}\x1b[0m\x1b8`);
  }

  /** The last line: the program will not put right any more what it has set. */
  farewell(sentence: string): Buffer {
    const leave = this.#isAlternate ? '\x1b[?1049l' : '';
    const over = this.#controlMode ? CONTROL_MODE_OVER : '';
    return this.#bytes(
      `${over}\x1b[0m\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l${leave}\x1b[?25h\r\ndaypass: ${sentence}\r\n`,
    );
  }

  /** CAN ends a sequence that is under way, and prints nothing (ECMA-48 §8.3.6, as terminals take it). */
  #bytes(text: string): Buffer {
    return Buffer.from(this.isBetween || this.#controlMode ? text : `${String.fromCharCode(CAN)}${text}`);
  }

  /** Plain text moves no place; only a character of UTF-8 may be cut at its end. */
  #text(bytes: Buffer): void {
    this.#left = Math.max(0, this.#left - bytes.length);
    for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
      const byte = bytes[bytes.length - back] ?? 0;
      if ((byte & 0xc0) === 0x80) continue;
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
      this.#left = Math.max(0, length - back);
      return;
    }
    if (bytes.length >= 4) this.#left = 0;
  }

  #step(byte: number): void {
    if (byte === CAN || byte === SUB) {
      this.#place = 'text';
      return;
    }
    switch (this.#place) {
      case 'escape':
        return void this.#escaped(byte);
      case 'intermediate':
        if (byte >= 0x30) this.#place = 'text';
        return;
      case 'control':
        return void this.#control(byte);
      case 'string':
        return void this.#string(byte);
      default:
        return;
    }
  }

  #escaped(byte: number): void {
    const character = String.fromCharCode(byte);
    if (byte === ESC) return;
    if (this.#controlMode) {
      if (character === '\\') this.#controlMode = null;
      this.#place = 'text';
      return;
    }
    if (character === '[') {
      this.#parameters = '';
      this.#place = 'control';
    } else if (']PX^_'.includes(character)) {
      this.#stringBytes = 0;
      this.#deviceControl = character === 'P' ? '' : null;
      this.#place = 'string';
    } else if (byte >= 0x20 && byte < 0x30) {
      this.#place = 'intermediate';
    } else {
      // RIS is a terminal as new.
      if (character === 'c') this.#isAlternate = false;
      this.#place = 'text';
    }
  }

  #control(byte: number): void {
    if (byte === ESC) {
      this.#place = 'escape';
    } else if (byte >= 0x40 && byte <= 0x7e) {
      this.#place = 'text';
      if (this.#parameters.startsWith('?')) this.#mode(byte);
    } else if (byte >= 0x20 && this.#parameters.length < PARAMETERS_MAX) {
      this.#parameters += String.fromCharCode(byte);
    }
  }

  #mode(final: number): void {
    const isSet = final === 0x68;
    if (!isSet && final !== 0x6c) return;
    if (
      this.#parameters
        .slice(1)
        .split(';')
        .some((mode) => ALTERNATE.has(mode))
    )
      this.#isAlternate = isSet;
  }

  /** ESC ends a string, and `\\` after it does no more: so do terminals that follow DEC's. */
  #string(byte: number): void {
    this.#stringBytes += 1;
    if (this.#deviceControl !== null && this.#stringBytes <= CONTROL_MODE.length) {
      this.#deviceControl += String.fromCharCode(byte);
      if (this.#deviceControl === CONTROL_MODE) {
        this.#controlMode = new ControlMode();
        this.#place = 'text';
        return;
      }
    }
    if (byte === ESC) this.#place = 'escape';
    else if (byte === BEL || this.#stringBytes > STRING_MAX) this.#place = 'text';
  }
}
