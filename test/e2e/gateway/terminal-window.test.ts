import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encode, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import { openSession, RawClient } from '../../support/peers/raw-client.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** What waits between a target and a client that reads slowly: Ctrl-C at a terminal has to wait for all of it. */

let world: GatewayWorld;
beforeAll(async () => {
  world = await GatewayWorld.start();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const KIB = 1_024;
const CLIENT_WINDOW = 64 * KIB;

/** KiB that a program on the target could print before everything on the way to the client was full. */
async function printed(name: string, terminal: boolean): Promise<number> {
  using raw = await RawClient.login(world);
  raw.send(openSession({ window: CLIENT_WINDOW }));
  const channel = (await raw.message(91)).readUInt32BE(5);
  const size = [80, 24, 0, 0].map(uint32);
  const pty = encode(uint8(98), uint32(channel), string('pty-req'), uint8(0), string('xterm'), ...size, string(''));
  if (terminal) raw.send(pty);
  const file = join(world.folder.path, name);
  const print = `n=0; while :; do printf %01024d 0; n=$((n + 1)); echo $n > ${file}; done`;
  raw.send(encode(uint8(98), uint32(channel), string('exec'), uint8(0), string(print)));
  for (let last = -1, same = 0; same < 3; ) {
    await pause(300);
    // It is empty in the moment in which it is written anew.
    const now = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
    same = now > 0 && now === last ? same + 1 : 0;
    last = now;
  }
  return Number(readFileSync(file, 'utf8'));
}

it('is little at a terminal, and a window without one', async () => {
  // The pipes and terminals of the kernel and of sshd hold some 100 KiB of it.
  expect(await printed('terminal', true)).toBeLessThan(512);
  expect(await printed('command', false)).toBeGreaterThan(2 * KIB);
});
