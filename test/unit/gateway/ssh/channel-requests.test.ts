import { describe, expect, it } from 'vitest';
import {
  readBreak,
  readCommand,
  readExitSignal,
  readSignal,
  readSize,
  readTerminal,
  readVariable,
  writeCommand,
  writeSize,
  writeTerminal,
  writeVariable,
} from '../../../../src/gateway/ssh/channel-requests.ts';
import { encode, string, uint8, uint32 } from '../../../../src/sshwire/bytes.ts';

const LATIN = Buffer.from('echo \u00e9', 'latin1');
const data = (...fields: (string | Buffer)[]): Buffer => Buffer.from(encode(...fields.map((each) => string(each))));
const MORE = Buffer.from('id; cat /etc/shadow');
const followed = (bytes: Buffer): Buffer => Buffer.concat([bytes, MORE]);

describe('what a client asks for, as it is recorded and goes on', () => {
  it('has the bytes of a command that its text does not say', () => {
    expect(readCommand(data(LATIN))).toEqual({ command: 'echo \ufffd', commandHex: LATIN.toString('hex') });
    expect(readCommand(data('echo é'))).toEqual({ command: 'echo é' });
  });

  it('has the bytes of a value that its text does not say', () => {
    expect(readVariable(data('LC_X', LATIN))).toEqual({
      ...{ name: 'LC_X', value: 'echo \ufffd', valueHex: LATIN.toString('hex') },
    });
    expect(readVariable(data('LC_X', 'é'))).toEqual({ name: 'LC_X', value: 'é' });
  });

  it.each([['plain'], ['\ufeffbegins with a mark'], [LATIN], [Buffer.from([0, 0xff, 0x0a])]])(
    'is made from what is recorded, byte for byte and with nothing behind it: %o',
    (bytes) => {
      const command = readCommand(followed(data(bytes)));
      expect(command && writeCommand(command)).toEqual(data(bytes));
      const variable = readVariable(followed(data('LC_X', bytes)));
      expect(variable && writeVariable(variable)).toEqual(data('LC_X', bytes));
    },
  );
});

const sized = (...size: number[]): Buffer => Buffer.from(encode(...size.map(uint32)));
const pty = (modes: Buffer, size = [80, 24, 640, 480]): Buffer =>
  Buffer.concat([data('xterm'), sized(...size), data(modes)]);
const mode = (opcode: number, value: number): Buffer => Buffer.from(encode(uint8(opcode), uint32(value)));
const END = Buffer.from([0]);

describe('a terminal, as it is recorded and goes on', () => {
  it.each([
    ['as it is', [80, 24, 640, 480], [80, 24, 640, 480]],
    ['no larger than a terminal can be', [60_000, 0xffff_ffff, 0x4142_4344, 65_536], [10_000, 10_000, 65_535, 65_535]],
    ['without pixels', [80, 24, 0, 0], [80, 24, 0, 0]],
  ])('has its size %s', (_name, asked, kept) => {
    const [columns, rows, width, height] = kept;
    const size = readSize(followed(sized(...asked)));
    expect(size).toEqual({ columns, rows, width, height });
    expect(size && writeSize(size)).toEqual(sized(...kept));
    const terminal = readTerminal(followed(pty(END, asked)));
    expect(terminal).toEqual({ term: 'xterm', columns, rows, width, height, modes: '00' });
    expect(terminal && writeTerminal(terminal)).toEqual(pty(END, kept));
  });

  it.each([
    ['none', Buffer.alloc(0), Buffer.alloc(0)],
    ['only their end', END, END],
    ['some', Buffer.concat([mode(1, 3), mode(159, 9), END]), Buffer.concat([mode(1, 3), mode(159, 9), END])],
    ['no end', mode(53, 1), Buffer.concat([mode(53, 1), END])],
    ['something behind their end', Buffer.concat([mode(53, 1), END, MORE]), Buffer.concat([mode(53, 1), END])],
    [
      'an opcode that nobody knows',
      Buffer.concat([mode(53, 1), Buffer.from([160]), MORE]),
      Buffer.concat([mode(53, 1), END]),
    ],
  ])('has its modes, where there are %s', (_name, asked, kept) => {
    const terminal = readTerminal(pty(asked));
    expect(terminal?.modes).toBe(kept.toString('hex'));
    expect(terminal && writeTerminal(terminal)).toEqual(pty(kept));
  });

  it.each([
    ['end inside a value', Buffer.concat([mode(53, 1), mode(50, 1).subarray(0, 4)])],
    ['end behind an opcode', Buffer.from([53])],
    ['are more than there can be', Buffer.alloc(1_025, 1)],
  ])('is none where its modes %s', (_name, modes) => {
    expect(readTerminal(pty(modes))).toBeNull();
  });

  it('is none where a part is missing', () => {
    const whole = pty(END);
    for (let length = 0; length < whole.length; length += 1) expect(readTerminal(whole.subarray(0, length))).toBeNull();
    for (let length = 0; length < 16; length += 1) expect(readSize(sized(1, 2, 3, 4).subarray(0, length))).toBeNull();
  });
});

describe('what is told a program beside its input', () => {
  it('is a name, a number, and nothing else', () => {
    expect(readSignal(followed(data('INT')))).toBe('INT');
    expect(readSignal(data('a'.repeat(65)))).toBeNull();
    expect(readSignal(data('INT\n'))).toBeNull();
    expect(readBreak(followed(sized(500)))).toBe(500);
    expect(readBreak(sized(500).subarray(1))).toBeNull();
  });

  it('on its end is the name of a signal, without words', () => {
    const told = Buffer.from(encode(string('KILL'), uint8(1), string('words'), string('en')));
    expect(readExitSignal(told)).toEqual({ name: 'KILL', isCoreDumped: true });
  });
});
