import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FRAME } from '../../src/recording/format.ts';
import { ssh } from '../support/gateway-client.ts';
import { GatewayWorld } from '../support/gateway-world.ts';
import { bytesOf } from '../support/recorded.ts';
import { scope } from '../support/samples.ts';
import { INIT, packet, text, uint32 } from '../support/sftp-talk.ts';

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
  const asked = commands.map((each, n) => packet(16, uint32(n), text(each)));
  const stdin = Buffer.concat([INIT, ...asked]);
  const { stdout } = await ssh(world, ['direct', `python3 ${program}`], { stdin: stdin.toString('latin1') });
  expect(stdout).toMatch('told 42 times');
  const { id, read } = await last();
  expect(bytesOf(read, 0, FRAME.input)).toEqual(stdin);
  expect(bytesOf(read, 0, FRAME.stdout).toString()).toBe(stdout);
  expect(world.manifest(id).channels).toMatchObject([{ coverage: 'full', label: 'sftp' }]);
});
