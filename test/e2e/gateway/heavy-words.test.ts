import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { channelCount } from '../../../src/access/session.ts';
import { RECORDS_MAX } from '../../../src/gateway/limits.ts';
import { encode, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import { unhurt } from '../../support/checks/unhurt.ts';
import { openSession, RawClient } from '../../support/peers/raw-client.ts';
import { scope } from '../../support/samples/samples.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** What one person does makes their worker say something to control: never so much that control ends the worker for it. */

let world: GatewayWorld;
beforeAll(async () => {
  world = await GatewayWorld.start();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const LONG = `: ${'x'.repeat(32_600)}`;
const close = (channel: number): Uint8Array => encode(uint8(97), uint32(channel));
const count = (raw: RawClient, number: number): number => raw.received.filter(([each]) => each === number).length;

async function until(isSo: () => boolean): Promise<void> {
  const late = performance.now() + 60_000;
  while (!isSo()) {
    if (performance.now() > late) throw new Error('it never came');
    await pause(5);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a command on the next channel, and answers the gateway's number of it. */
async function start(raw: RawClient, command: string, terminal?: Uint8Array): Promise<number> {
  const opened = count(raw, 91);
  raw.send(openSession());
  await until(() => count(raw, 91) > opened);
  const channel = raw.received.findLast(([each]) => each === 91)?.readUInt32BE(5) ?? -1;
  if (terminal) raw.send(encode(uint8(98), uint32(channel), string('pty-req'), uint8(0), terminal));
  raw.send(encode(uint8(98), uint32(channel), string('exec'), uint8(0), string(command)));
  return channel;
}

it('of any number of tunnels, one after the other, each is accounted for', async () => {
  const port = await freePort();
  const next = world.control.sessions.length;
  await unhurt(world, async () => {
    using raw = await RawClient.login(world, 'web-01', scope('ide'));
    const more = encode(string('127.0.0.1'), uint32(port), string('127.0.0.1'), uint32(1));
    const open = encode(uint8(90), string('direct-tcpip'), uint32(0), uint32(2 ** 21), uint32(32_768), more);
    for (let opened = 0; opened < 1_100; opened += 10) {
      for (let n = 0; n < 10; n += 1) raw.send(open);
      await until(() => count(raw, 92) >= opened + 10);
    }
  });
  const all = await Promise.all(world.control.sessions.slice(next).map((each) => world.control.closing(each)));
  const tunnelled = all.map(({ report }) => report.channels.filter(({ kind }) => kind === 'tunnel'));
  const counts = tunnelled.map((channels) => ({ told: channels.length, in: channelCount(channels) }));
  expect(counts).toContainEqual({ told: RECORDS_MAX + 1, in: 1_100 });
});

it('the longest commands, one after the other', async () => {
  const next = world.control.sessions.length;
  await unhurt(world, async () => {
    using raw = await RawClient.login(world);
    for (let n = 0; n < 33; n += 1) {
      const channel = await start(raw, LONG);
      await until(() => count(raw, 97) > n);
      raw.send(close(channel));
    }
    const [id] = world.control.sessions.slice(next, next + 1);
    raw.client.destroy();
    if (id) await world.control.closing(id);
  });
  const all = await Promise.all(world.control.sessions.slice(next).map((each) => world.control.closing(each)));
  const heavy = all.find(({ report }) => report.channels.length === 33);
  const told = heavy?.report.channels.map(({ command }) => /^: x{3000,}…$/.test(command ?? ''));
  expect(told).toEqual(Array.from({ length: 33 }, () => true));
});

it('a terminal of a long command that is watched and changes its size all the time', async () => {
  await unhurt(world, async () => {
    const next = world.control.sessions.length;
    using raw = await RawClient.login(world);
    const terminal = encode(string('xterm'), ...[80, 24, 0, 0].map(uint32), string(''));
    const channel = await start(raw, `cat ${LONG}`, terminal);
    let shown = 0;
    const id = await world.control.openedSession(next);
    const stop = world.gateway.watch(id, {
      isTold: false,
      see: () => {
        shown += 1;
      },
      over: () => {},
    });
    expect(stop).not.toBeNull();
    for (let n = 0; n < 5_000; n += 1) {
      const size = [80 + (n % 100), 24, 0, 0].map(uint32);
      raw.send(encode(uint8(98), uint32(channel), string('window-change'), uint8(0), ...size));
    }
    await until(() => shown > 1);
    await pause(500);
  });
});
