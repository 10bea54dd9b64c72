import { isUtf8 } from 'node:buffer';
import { attempt, encode, type Reader, reader, string, uint32 } from '../../sshwire/bytes.ts';
import { COMMAND_MAX, ENVIRONMENT_BYTES_MAX } from '../limits.ts';
import type { ExitSignal } from './channel.ts';

/**
 * What channel requests carry (RFC 4254 §6.2, §6.4, §6.5, §6.7, §6.9, §6.10). Null where it is malformed. What goes on to the target is
 * made anew from what was read, which the recording has: so nothing else goes on.
 */

/** In characters, and in pixels. */
export type Size = { readonly columns: number; readonly rows: number; readonly width: number; readonly height: number };
/** `modes` is in hex. */
export type Terminal = Size & { readonly term: string; readonly modes: string };

const SIZE_MAX = 10_000;
/** What the kernel of a target keeps of pixels (ioctl_tty(2), TIOCSWINSZ). */
const PIXELS_MAX = 0xffff;
/** All opcodes that there are, each with its argument. */
const MODES_MAX = 1_024;

function read<T>(data: Buffer, parse: (from: Reader) => T): T | null {
  const parsed = attempt(() => parse(reader(data)));
  return parsed.ok ? parsed.value : null;
}

const sizeFrom = (from: Reader): Size => ({
  columns: Math.min(from.uint32('columns'), SIZE_MAX),
  rows: Math.min(from.uint32('rows'), SIZE_MAX),
  width: Math.min(from.uint32('width'), PIXELS_MAX),
  height: Math.min(from.uint32('height'), PIXELS_MAX),
});

export const readTerminal = (data: Buffer): Terminal | null =>
  read(data, (from) => ({
    term: from.text('terminal', 128),
    ...sizeFrom(from),
    modes: modesFrom(from.string('modes', MODES_MAX)),
  }));

export const readSize = (data: Buffer): Size | null => read(data, sizeFrom);

/** RFC 4254 §8: opcodes, each with a uint32, up to the one that ends them; what follows an opcode from 160 on nobody knows. */
function modesFrom(bytes: Uint8Array): string {
  const from = reader(bytes);
  while (!from.done()) {
    const start = from.position();
    const opcode = from.uint8('mode');
    if (opcode === TTY_OP_END || opcode >= OPCODE_UNDEFINED) return endedModes(bytes.subarray(0, start));
    from.uint32('mode');
  }
  return bytes.length === 0 ? '' : endedModes(bytes);
}

const TTY_OP_END = 0;
const OPCODE_UNDEFINED = 160;
const endedModes = (bytes: Uint8Array): string => `${Buffer.from(bytes).toString('hex')}00`;

export const writeSize = ({ columns, rows, width, height }: Size): Buffer =>
  Buffer.from(encode(...[columns, rows, width, height].map(uint32)));

export const writeTerminal = (terminal: Terminal): Buffer =>
  Buffer.from(encode(string(terminal.term), writeSize(terminal), string(Buffer.from(terminal.modes, 'hex'))));

export type Variable = { readonly name: string; readonly value: string; readonly valueHex?: string };

/** An environment variable; bytes of its value that are no UTF-8 show as U+FFFD, and then it is there in hex, too. */
export const readVariable = (data: Buffer): Variable | null =>
  read(data, (from) => {
    const name = from.text('variable', 256);
    const { text, hex } = shown(from.string('value', ENVIRONMENT_BYTES_MAX));
    return hex === undefined ? { name, value: text } : { name, value: text, valueHex: hex };
  });

export const writeVariable = ({ name, value, valueHex }: Variable): Buffer =>
  Buffer.from(encode(string(name), string(bytesOf(value, valueHex))));

export type Command = { readonly command: string; readonly commandHex?: string };

/** The exec line as sshd hands it to a shell, or the name of a subsystem; in the same way. */
export const readCommand = (data: Buffer): Command | null =>
  read(data, (from) => {
    const { text, hex } = shown(from.string('command', COMMAND_MAX));
    return hex === undefined ? { command: text } : { command: text, commandHex: hex };
  });

export const writeCommand = ({ command, commandHex }: Command): Buffer =>
  Buffer.from(string(bytesOf(command, commandHex)));

function shown(from: Uint8Array): { readonly text: string; readonly hex: string | undefined } {
  const bytes = Buffer.from(from);
  return { text: bytes.toString('utf8'), hex: isUtf8(bytes) ? undefined : bytes.toString('hex') };
}

const bytesOf = (text: string, hex: string | undefined): Buffer =>
  hex === undefined ? Buffer.from(text) : Buffer.from(hex, 'hex');

export const readSignal = (data: Buffer): string | null => read(data, (from) => from.text('signal', 64));
export const writeSignal = (name: string): Buffer => Buffer.from(string(name));

/** RFC 4335 §3: how long it is, in milliseconds. */
export const readBreak = (data: Buffer): number | null => read(data, (from) => from.uint32('length'));
export const writeBreak = (milliseconds: number): Buffer => Buffer.from(uint32(milliseconds));

export const readExitStatus = (data: Buffer): number | null => read(data, (from) => from.uint32('status'));

/** Its words would pass unrecorded, and clients do not show them. */
export const readExitSignal = (data: Buffer): ExitSignal | null =>
  read(data, (from) => ({ name: from.text('signal', 32), isCoreDumped: from.uint8('core flag') !== 0 }));
