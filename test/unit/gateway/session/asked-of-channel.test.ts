import { describe, expect, it } from 'vitest';
import { ENVIRONMENT_BYTES_MAX, ENVIRONMENT_MAX } from '../../../../src/gateway/limits.ts';
import { ClientAsks } from '../../../../src/gateway/session/client-asks.ts';
import type { Terminal } from '../../../../src/gateway/ssh/channel-requests.ts';
import { encode, string, uint8, uint32 } from '../../../../src/sshwire/bytes.ts';
import { scope } from '../../../support/samples/samples.ts';

/** A channel under a scope, and what its host is told. */
function channel(name = 'shell') {
  const told = {
    forwarded: [] as string[],
    terminals: [] as Terminal[],
    refused: [] as string[],
    notices: [] as string[],
  };
  const asks = new ClientAsks({
    scope: scope(name),
    forward: (request) => void told.forwarded.push(request.name),
    terminal: (terminal) => void told.terminals.push(terminal),
    refused: (sentence) => void told.refused.push(sentence),
    notice: (sentence) => void told.notices.push(sentence),
  });
  return { asks, told };
}

const data = (...fields: Uint8Array[]): Buffer => Buffer.from(encode(...fields));
const none = Buffer.alloc(0);
const size = (...numbers: number[]): Uint8Array => encode(...numbers.map(uint32));
const PTY = data(string('xterm'), size(80, 24, 0, 0), string(''));
const variable = (name: string, value: string): Buffer => data(string(name), string(value));
const nothing = { forwarded: [], terminals: [], refused: [], notices: [] };

describe('what is started in a channel', () => {
  it('is nothing at first', () => {
    const { asks } = channel();
    expect([asks.kind, asks.command, asks.commandHex, asks.terminal, asks.environment]).toEqual([
      null,
      null,
      {},
      null,
      [],
    ]);
    expect(asks.started).toEqual({ kind: 'shell' });
  });

  it.each<[string, Buffer, unknown, unknown, unknown]>([
    ['shell', none, null, {}, { kind: 'shell' }],
    ['exec', data(string('ls')), 'ls', {}, { kind: 'exec', command: 'ls' }],
    ['exec', data(string('')), '', {}, { kind: 'exec', command: '' }],
    ['exec', data(string(uint8(0xff))), '\ufffd', { commandHex: 'ff' }, { kind: 'exec', command: '\ufffd' }],
    ['subsystem', data(string('sftp')), 'sftp', {}, { kind: 'subsystem', name: 'sftp' }],
  ])('is a %s with %o', (kind, bytes, command, hex, started) => {
    const { asks, told } = channel();
    expect(asks.take(kind, bytes)).toBe(true);
    expect([asks.kind, asks.command, asks.commandHex, asks.started]).toEqual([kind, command, hex, started]);
    expect(asks.start.map(({ name, expects, record }) => [name, expects, record])).toEqual([[kind, 'start', null]]);
    expect(told).toEqual(nothing);
  });

  it('is started once', () => {
    const { asks } = channel();
    expect(asks.take('exec', data(string('one')))).toBe(true);
    for (const again of ['shell', 'exec', 'subsystem']) expect(asks.take(again, data(string('two')))).toBe(false);
    expect([asks.kind, asks.command]).toEqual(['exec', 'one']);
  });

  it.each(['exec', 'subsystem'])('is nothing where it cannot be read: %s', (kind) => {
    const { asks } = channel();
    expect(asks.take(kind, data(uint32(9)))).toBe(false);
    expect([asks.kind, asks.command]).toEqual([null, null]);
    expect(asks.take('shell', none)).toBe(true);
  });

  it('is asked of the target with all that belongs to it, in its order', () => {
    const { asks } = channel();
    asks.take('pty-req', PTY);
    asks.take('env', variable('LANG', 'C'));
    asks.take('env', variable('TERM', 'x'));
    asks.take('shell', none);
    expect(asks.start.map(({ name, data: bytes, expects, record }) => [name, bytes, expects, record])).toEqual([
      ['pty-req', PTY, 'pty', null],
      ['env', variable('LANG', 'C'), null, null],
      ['env', variable('TERM', 'x'), null, null],
      ['shell', none, 'start', null],
    ]);
  });
});

describe('a terminal', () => {
  it('is asked for once, before the start, and the host hears of it', () => {
    const { asks, told } = channel();
    expect(asks.take('pty-req', PTY)).toBe(true);
    const terminal = { term: 'xterm', columns: 80, rows: 24, width: 0, height: 0, modes: '' };
    expect([asks.terminal, told]).toEqual([terminal, { ...nothing, terminals: [terminal] }]);
    expect(asks.take('pty-req', PTY)).toBe(false);
    expect(told.terminals).toHaveLength(1);
    const late = channel();
    late.asks.take('shell', none);
    expect(late.asks.take('pty-req', PTY)).toBe(false);
    expect([late.asks.terminal, late.told]).toEqual([null, nothing]);
  });

  it('is refused where the scope gives none', () => {
    const { asks, told } = channel('files-ro');
    expect(asks.take('pty-req', PTY)).toBe(false);
    expect(asks.terminal).toBeNull();
    expect(told).toEqual({
      ...nothing,
      refused: [expect.stringMatching(/^scope files-ro does not allow a terminal; /)],
    });
  });

  it('that cannot be read is refused, with what to do', () => {
    const { asks, told } = channel();
    expect(asks.take('pty-req', PTY.subarray(0, -1))).toBe(false);
    expect(told).toEqual({
      ...nothing,
      refused: ['a terminal whose size or modes cannot be read was refused'],
      notices: [
        'your client asked for a terminal in a way that cannot be read: its modes end too early. Use another SSH client.',
      ],
    });
    // It may be asked for again.
    expect(asks.take('pty-req', PTY)).toBe(true);
  });

  it('has another size once it is there, and the program hears of it once it runs', () => {
    const { asks, told } = channel();
    const resized = data(size(100, 40, 1, 2));
    expect(asks.take('window-change', resized)).toBe(true);
    expect(told).toEqual(nothing);
    asks.take('pty-req', PTY);
    expect(asks.take('window-change', resized)).toBe(true);
    expect(told.terminals.at(-1)).toMatchObject({ term: 'xterm', columns: 100, rows: 40, width: 1, height: 2 });
    expect([told.terminals.length, told.forwarded]).toEqual([2, []]);
    asks.take('shell', none);
    expect(asks.take('window-change', data(size(1, 1)))).toBe(true);
    expect([told.terminals.length, told.forwarded]).toEqual([2, []]);
    asks.take('window-change', resized);
    expect([told.terminals.length, told.forwarded]).toEqual([3, ['window-change']]);
  });

  it('that was not asked for has no size', () => {
    const { asks, told } = channel();
    asks.take('exec', data(string('ls')));
    expect(asks.take('window-change', data(size(1, 1, 1, 1)))).toBe(true);
    expect(told).toEqual(nothing);
  });
});

describe('a variable', () => {
  it('is set before the start, where the scope lets it through and it can be read', () => {
    const { asks } = channel();
    expect(asks.take('env', variable('EDITOR', 'vi'))).toBe(true);
    expect(asks.take('env', data(string('EDITOR')))).toBe(false);
    asks.take('shell', none);
    expect(asks.take('env', variable('LATE', 'x'))).toBe(false);
    expect(asks.environment).toEqual([{ name: 'EDITOR', value: 'vi' }]);
    const files = channel('files-ro').asks;
    expect([files.take('env', variable('EDITOR', 'vi')), files.take('env', variable('LANG', 'C'))]).toEqual([
      false,
      true,
    ]);
    expect(files.environment).toEqual([{ name: 'LANG', value: 'C' }]);
  });

  it(`is one of ${ENVIRONMENT_MAX}`, () => {
    const { asks } = channel();
    for (let n = 0; n < ENVIRONMENT_MAX; n += 1) expect(asks.take('env', variable(`V${n}`, ''))).toBe(true);
    expect(asks.take('env', variable('MORE', ''))).toBe(false);
    expect(asks.environment).toHaveLength(ENVIRONMENT_MAX);
  });

  it('is one of so many bytes', () => {
    const half = variable('A', 'x'.repeat(ENVIRONMENT_BYTES_MAX / 2 - 9));
    const rest = variable('B', 'x'.repeat(ENVIRONMENT_BYTES_MAX / 2 - 9));
    expect(half.length + rest.length).toBe(ENVIRONMENT_BYTES_MAX);
    const { asks } = channel();
    expect([asks.take('env', half), asks.take('env', variable('B', `x${'x'.repeat(16_384 - 9)}`))]).toEqual([
      true,
      false,
    ]);
    expect([asks.take('env', rest), asks.take('env', variable('C', ''))]).toEqual([true, false]);
    expect(asks.environment.map(({ name }) => name)).toEqual(['A', 'B']);
  });
});

describe('what is told a program', () => {
  const TELLS = [
    ['signal', data(string('INT'))],
    ['break', data(uint32(500))],
    ['eow@openssh.com', none],
  ] as const;

  it.each(TELLS)('goes on to it once it was started: %s', (name, bytes) => {
    const { asks, told } = channel();
    expect([asks.take(name, bytes), told.forwarded]).toEqual([false, []]);
    asks.take('shell', none);
    expect([asks.take(name, bytes), told.forwarded]).toEqual([true, [name]]);
  });

  it('that it will hear no more is said once', () => {
    const { asks, told } = channel();
    asks.take('shell', none);
    for (let n = 0; n < 3; n += 1) expect(asks.take('eow@openssh.com', none)).toBe(true);
    expect(told.forwarded).toEqual(['eow@openssh.com']);
  });

  it.each(['signal', 'break'])('is nothing where it cannot be read: %s', (name) => {
    const { asks, told } = channel();
    asks.take('shell', none);
    expect([asks.take(name, none), told.forwarded]).toEqual([false, []]);
  });
});

describe('what a client may not ask of a channel', () => {
  it.each([
    ['x11-req', 'X11 forwarding (-X)', 'it would open your display to the target. Programs without windows work'],
    [
      'auth-agent-req@openssh.com',
      'agent forwarding (-A)',
      'it would lend your keys to the target. To reach another target, connect to it by its own name (ProxyJump)',
    ],
  ])('is refused with the reason: %s', (name, what, way) => {
    const { asks, told } = channel();
    expect(asks.take(name, none)).toBe(false);
    expect(told).toEqual({ ...nothing, refused: [`${what} was refused`], notices: [`${what} is refused: ${way}.`] });
  });

  it.each(['', 'constructor', 'exit-status', 'tunnel', 'Shell'])('is passed over where nobody knows it: %j', (name) => {
    const { asks, told } = channel();
    expect([asks.take(name, none), told, asks.kind]).toEqual([false, nothing, null]);
  });
});
