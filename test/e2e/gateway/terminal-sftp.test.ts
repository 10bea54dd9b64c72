import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Scope } from '../../../src/access/scopes/scope.ts';
import { FXP_REPLY } from '../../../src/sftpwire/wire.ts';
import { encode, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import { ssh } from '../../support/peers/gateway-client.ts';
import { channelData } from '../../support/peers/hostile-target.ts';
import { openSession, RawClient } from '../../support/peers/raw-client.ts';
import { INIT, packet, text } from '../../support/peers/sftp-talk.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** A terminal between the gateway and the target's SFTP server changes bytes: what the gateway decided on is not what arrives. */

const folder = mkdtempSync(join(tmpdir(), 'daypass-terminal-'));
const own = Scope.parse({
  ...{ name: 'exec:own', words: 'One command and some files', exec: [['true']], pty: true },
  files: { rights: 'read', paths: [`${folder}/in/**`] },
});
let world: GatewayWorld;
beforeAll(async () => {
  mkdirSync(join(folder, 'in'));
  writeFileSync(join(folder, 'secret'), 'out-of-scope');
  world = await GatewayWorld.start({ scope: own });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** RFC 4254 §8: a terminal that leaves out CR, and else changes nothing. */
const WITHOUT_CR = encode(
  ...[...[35, 1], ...[36, 0], ...[38, 0], ...[50, 0], ...[51, 0], ...[53, 0], ...[59, 0], ...[70, 0]].map((each, n) =>
    n % 2 === 0 ? uint8(each) : uint32(each),
  ),
  uint8(0),
);
const HEAD = 13;
const ask = (channel: number, name: string, ...more: Uint8Array[]): Uint8Array =>
  encode(uint8(98), uint32(channel), string(name), uint8(0), ...more);
const id = (value: number): Buffer => Buffer.from(uint32(value));

it('SFTP on a terminal is refused, so that no request hides in another', async () => {
  using raw = await RawClient.login(world, 'web-01', own);
  raw.send(openSession());
  const channel = (await raw.message(91)).readUInt32BE(5);
  const size = [80, 24, 0, 0].map(uint32);
  raw.send(ask(channel, 'pty-req', string('xterm'), ...size, string(WITHOUT_CR)));
  raw.send(ask(channel, 'subsystem', string('sftp')));
  const say = (...packets: Buffer[]): void => raw.send(channelData(channel, Buffer.concat(packets)));
  say(INIT);
  await pause(1_000);
  // For the gateway a handle and a path to resolve. Without the CRs the handle reaches into the head of what follows, and what was
  // a path begins the next request.
  const hidden = packet(3, id(2), text(join(folder, 'secret')), id(1), id(0));
  say(packet(4, id(1), text(`${'\r'.repeat(HEAD)}xxx`)), packet(16, id(2), text(hidden)));
  await pause(1_000);
  const answers = raw.received.filter(([each]) => each === 94).map((each) => each.subarray(9));
  expect(answers.filter((each) => each[4] === FXP_REPLY.HANDLE)).toEqual([]);
  expect(Buffer.concat(answers).toString()).toMatch(/files cannot be transferred on a terminal/);
});

it('and says so', async () => {
  const { stdout, stderr, code } = await ssh(world, ['-tt', '-s', 'direct', 'sftp']);
  expect({ code, stderr: stdout + stderr }).toMatchObject({
    code: 254,
    stderr: expect.stringMatching(/on a terminal/),
  });
});
