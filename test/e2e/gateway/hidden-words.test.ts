import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FRAME } from '../../../src/recording/format/format.ts';
import { encode, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import { ssh } from '../../support/peers/gateway-client.ts';
import { openSession, RawClient } from '../../support/peers/raw-client.ts';
import { INIT, packet, text, uint32 as word } from '../../support/peers/sftp-talk.ts';
import { scope } from '../../support/samples/samples.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { bytesOf, linesOf } from '../../support/worlds/recorded.ts';

/** What somebody says in the fields of a protocol, so that it does not look like input and output of a program. */

let world: GatewayWorld;
const granted = { ...scope('shell'), record_input: true, opaque: 'refused' as const };
beforeAll(async () => {
  world = await GatewayWorld.start({ scope: granted });
});
afterAll(() => world?.[Symbol.asyncDispose]());

const last = async () => {
  const id = await world.control.session(world.control.sessions.length - 1);
  await world.control.closing(id);
  return { id, read: await world.read(id) };
};

/** Runs the path of each REALPATH, and answers with what that prints as a name. */
const SFTP_SHELL = `
import struct, subprocess, sys
def read():
    length = sys.stdin.buffer.read(4)
    return sys.stdin.buffer.read(struct.unpack('>I', length)[0]) if length else sys.exit(0)
def write(packet):
    sys.stdout.buffer.write(struct.pack('>I', len(packet)) + packet)
    sys.stdout.buffer.flush()
read()
write(b'\\x02' + struct.pack('>I', 3))
while True:
    packet = read()
    said = subprocess.run(packet[9:], shell=True, capture_output=True).stdout
    write(b'\\x68' + packet[1:5] + struct.pack('>II', 1, len(said)) + said + bytes(8))
`;

it('a shell that speaks SFTP is in the recording, word for word', async () => {
  const program = join(world.folder.path, 'sftp-shell.py');
  writeFileSync(program, SFTP_SHELL);
  const commands = ['echo told $((40 + 2)) times', 'id -u'];
  const asked = commands.map((each, n) => packet(16, word(n), text(each)));
  const stdin = Buffer.concat([INIT, ...asked]);
  const { stdout } = await ssh(world, ['direct', `python3 ${program}`], { stdin: stdin.toString('latin1') });
  expect(stdout).toMatch('told 42 times');
  const { id, read } = await last();
  expect(bytesOf(read, 0, FRAME.input)).toEqual(stdin);
  expect(bytesOf(read, 0, FRAME.stdout).toString()).toBe(stdout);
  expect(world.manifest(id).channels).toMatchObject([{ coverage: 'full', label: 'sftp' }]);
});

/** Prints what the kernel says of its terminal: at the start, and whenever that has changed. */
const SIZES = `
import fcntl, signal, struct, sys, termios
def told(*_):
    rows, columns, width, height = struct.unpack('HHHH', fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))
    print(columns, rows, width, height, flush=True)
signal.signal(signal.SIGWINCH, told)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
told()
while True:
    signal.pause()
`;

it('what is told a terminal beside what is typed is in the recording, as the target got it', async () => {
  const program = join(world.folder.path, 'sizes.py');
  writeFileSync(program, SIZES);
  using raw = await RawClient.login(world, 'web-01', granted);
  raw.send(openSession());
  const channel = (await raw.message(91)).readUInt32BE(5);
  const ask = (name: string, ...data: Uint8Array[]): void =>
    raw.send(encode(uint8(98), uint32(channel), string(name), uint8(0), ...data));
  const size = (...numbers: number[]): Uint8Array => encode(...numbers.map(uint32));
  const shown = async (words: string): Promise<void> => {
    const late = AbortSignal.timeout(10_000);
    const all = () => Buffer.concat(raw.received.filter(([number]) => number === 94).map((each) => each.subarray(9)));
    for (; !all().includes(words); await pause(20)) late.throwIfAborted();
  };
  const noEcho = encode(uint8(53), uint32(0), uint8(0));
  ask('pty-req', string('xterm'), size(70_000, 24, 0x4_6964, 8), string(encode(noEcho, Buffer.from('id'))));
  ask('exec', string(`python3 ${program}`));
  await shown('10000 24 65535 8\r\n');
  ask('signal', string('USR1'));
  ask('window-change', size(80, 24, 0x6964, 0x3b20));
  await shown(`80 24 ${0x6964} ${0x3b20}\r\n`);
  raw.client.end();
  const { read } = await last();
  const terminal = { columns: 10_000, rows: 24, width: 65_535, height: 8, term: 'xterm', modes: '350000000000' };
  const journal = linesOf(read, FRAME.journal);
  expect(journal).toContainEqual(expect.objectContaining({ what: 'channel', terminal }));
  expect(journal).toContainEqual({ what: 'signal', name: 'USR1' });
  expect(bytesOf(read, 0, FRAME.resize)).toEqual(Buffer.from(size(80, 24, 0x6964, 0x3b20)));
});
