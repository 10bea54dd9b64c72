import { isUtf8 } from 'node:buffer';
import { attempt, type Reader, reader } from '../sshwire/bytes.ts';
import type { ExitSignal } from './channel.ts';
import { COMMAND_MAX, ENVIRONMENT_BYTES_MAX } from './limits.ts';

/** What channel requests carry (RFC 4254 §6.2, §6.4, §6.5, §6.7, §6.10). Null where it is malformed. */

export type Terminal = { readonly term: string; readonly columns: number; readonly rows: number };

const SIZE_MAX = 10_000;
const size = (value: number): number => Math.min(value, SIZE_MAX);

function read<T>(data: Buffer, parse: (from: Reader) => T): T | null {
  const parsed = attempt(() => parse(reader(data)));
  return parsed.ok ? parsed.value : null;
}

export const readTerminal = (data: Buffer): Terminal | null =>
  read(data, (from) => ({
    term: from.text('terminal', 128),
    columns: size(from.uint32('columns')),
    rows: size(from.uint32('rows')),
  }));

export const readSize = (data: Buffer): Omit<Terminal, 'term'> | null =>
  read(data, (from) => ({ columns: size(from.uint32('columns')), rows: size(from.uint32('rows')) }));

export type Variable = { readonly name: string; readonly value: string; readonly valueHex?: string };

/** An environment variable; bytes of its value that are no UTF-8 show as U+FFFD, and then it is there in hex, too. */
export const readVariable = (data: Buffer): Variable | null =>
  read(data, (from) => {
    const name = from.text('variable', 256);
    const bytes = Buffer.from(from.string('value', ENVIRONMENT_BYTES_MAX));
    const value = bytes.toString('utf8');
    return isUtf8(bytes) ? { name, value } : { name, value, valueHex: bytes.toString('hex') };
  });

/** The exec line as sshd hands it to a shell, or the name of a subsystem; bytes that are no UTF-8 show as U+FFFD. */
export const readCommand = (data: Buffer): string | null =>
  read(data, (from) => Buffer.from(from.string('command', COMMAND_MAX)).toString('utf8'));

/** The bytes of an exec line that its text does not say, in hex. */
export const commandHex = (data: Buffer): { readonly commandHex?: string } => {
  const bytes = read(data, (from) => Buffer.from(from.string('command', COMMAND_MAX)));
  return bytes === null || isUtf8(bytes) ? {} : { commandHex: bytes.toString('hex') };
};

export const readExitStatus = (data: Buffer): number | null => read(data, (from) => from.uint32('status'));

export const readExitSignal = (data: Buffer): ExitSignal | null =>
  read(data, (from) => ({
    name: from.text('signal', 32),
    isCoreDumped: from.uint8('core flag') !== 0,
    message: Buffer.from(from.string('message', 1_024)).toString('utf8'),
  }));
