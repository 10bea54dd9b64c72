import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encode, string, uint8, uint32 } from '../../src/sshwire/bytes.ts';
import { ssh } from '../support/gateway-client.ts';
import { GatewayWorld } from '../support/gateway-world.ts';
import { type Attack, channelData, confirm, hostileTarget } from '../support/hostile-target.ts';
import { makeKeyFile } from '../support/openssh.ts';
import { run } from '../support/processes.ts';
import { openSession, RawClient, rssMiB } from '../support/raw-client.ts';

let world: GatewayWorld;
let worker: number;

const stillWorks = async (): Promise<void> => {
  expect(await ssh(world, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
  expect(world.gateway.workers).toEqual([worker]);
};

describe('a contractor who breaks the rules', () => {
  beforeAll(async () => {
    world = await GatewayWorld.start();
    worker = world.gateway.workers[0] ?? -1;
  });
  afterAll(() => world?.[Symbol.asyncDispose]());
  afterEach(stillWorks);

  it.each([0, 1, 255])('by a maximum packet of %i bytes is cut off at once', async (packet) => {
    using raw = await RawClient.login(world);
    raw.send(openSession({ packet }));
    expect(await raw.cut()).toBeLessThan(500);
  });

  it('by data beyond the window is cut off', async () => {
    using raw = await RawClient.login(world);
    const channel = await raw.exec('sleep 60');
    const piece = randomBytes(32_000);
    for (let sent = 0; sent < 3 * 2 ** 20; sent += piece.length) raw.send(channelData(channel, piece));
    expect(await raw.cut()).toBeLessThan(2_000);
  });

  it('by a window that overflows is cut off', async () => {
    using raw = await RawClient.login(world);
    const channel = await raw.exec('sleep 60', 2 ** 32 - 1);
    raw.send(encode(uint8(93), uint32(channel), uint32(1)));
    expect(await raw.cut()).toBeLessThan(500);
  });

  it.each([
    ['data for a channel that is not open', channelData(77, Buffer.from('x'))],
    ['a truncated message', Buffer.from([98, 0, 0])],
    ['a confirmation that nobody asked for', confirm(5)],
    ['a string longer than its message', Buffer.from([90, 255, 255, 255, 255])],
  ])('by %s is cut off', async (_name, payload) => {
    using raw = await RawClient.login(world);
    raw.send(payload);
    expect(await raw.cut()).toBeLessThan(500);
  });

  it('gets ten channels at a time and no more', async () => {
    using raw = await RawClient.login(world);
    for (let sender = 0; sender < 30; sender += 1) raw.send(openSession({ sender }));
    await raw.message(92);
    await pause(200);
    expect(raw.received.filter(([number]) => number === 91)).toHaveLength(10);
    expect(raw.received.filter(([number]) => number === 92)).toHaveLength(20);
  });

  it('with a window of 4 GiB who stops reading costs little memory', async () => {
    using raw = await RawClient.login(world);
    const before = rssMiB(worker);
    await raw.exec('yes', 2 ** 32 - 1);
    raw.socket.pause();
    await pause(3_000);
    expect(rssMiB(worker) - before).toBeLessThan(64);
  });

  it('who asks and never reads the answers costs little memory', async () => {
    using raw = await RawClient.login(world);
    const before = rssMiB(worker);
    raw.socket.pause();
    // Refused, with a sentence each time.
    await flood(raw, encode(uint8(90), string('tunnel'), uint32(0), uint32(1), uint32(32_768)), 600_000);
    expect(rssMiB(worker) - before).toBeLessThan(64);
  });

  async function flood(raw: RawClient, message: Uint8Array, times: number): Promise<void> {
    for (let sent = 0; sent < times && !raw.socket.destroyed; ) {
      raw.socket.cork();
      for (const end = sent + 5_000; sent < end; sent += 1) raw.send(message);
      raw.socket.uncork();
      // As fast as the gateway takes them, and no longer where it has stopped to.
      for (let waits = 0; raw.socket.writableLength > 1e6 && waits < 20; waits += 1) await pause(10);
      if (raw.socket.writableLength > 20e6) break;
    }
    await pause(500);
  }
});

describe('a target that breaks the rules', () => {
  beforeAll(async () => {
    world = await GatewayWorld.start();
    worker = world.gateway.workers[0] ?? -1;
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const isOpen = (payload: Buffer): boolean => payload[0] === 90;
  const isRequest = (payload: Buffer): boolean => payload[0] === 98;
  const attacks: readonly (readonly [string, Attack])[] = [
    ['by channels before login', { atLogin: (send) => send(openSession()) }],
    [
      'by a maximum packet of 0',
      { onMessage: (payload, send) => isOpen(payload) && send(confirm(payload.readUInt32BE(12), { packet: 0 })) },
    ],
    [
      'by data beyond the window',
      {
        onMessage(payload, send) {
          if (isOpen(payload)) send(confirm(payload.readUInt32BE(12)));
          if (!isRequest(payload)) return;
          for (let sent = 0; sent < 40 * 2 ** 20; sent += 32_000) send(channelData(0, Buffer.alloc(32_000, 'x')));
        },
      },
    ],
    [
      'by a window that overflows',
      {
        onMessage(payload, send) {
          if (isOpen(payload)) send(confirm(payload.readUInt32BE(12), { window: 2 ** 32 - 1 }));
          if (isRequest(payload)) send(encode(uint8(93), uint32(0), uint32(2)));
        },
      },
    ],
    ['by a malformed message', { onMessage: (payload, send) => isOpen(payload) && send(Buffer.from([91, 0])) }],
  ];

  it.each(attacks)('%s fails its session and nothing else', async (_name, attack) => {
    const key = await makeKeyFile(world.folder.path, 'ed25519', `host-${Math.random()}`);
    await using target = await hostileTarget(readFileSync(key.path, 'utf8'), key.line, attack);
    const [real] = world.control.targets.splice(0);
    const aim = (at: Parameters<GatewayWorld['addTarget']>[1]): void => {
      world.control.targets.splice(0);
      world.control.grants.splice(0);
      world.addTarget('web-01', at);
      world.grant('shell');
    };
    aim(target);
    const next = world.control.sessions.length;
    try {
      // A reader that does not read for a while: nothing of a flood drains to it.
      const reader = `ssh -F ${world.sshConfig} direct true | (sleep 2; cat >/dev/null); true`;
      expect((await run('sh', ['-c', reader])).stderr).toMatch(/daypass: web-01 broke the SSH protocol/);
      const id = await world.control.session(next);
      expect(await world.control.endingOf(id)).toEqual({ how: 'failed', why: 'protocol' });
    } finally {
      if (real) aim({ address: real.address, port: real.port, hostKeyLine: real.host_keys[0] ?? '' });
    }
    await stillWorks();
  });
});

describe('before login', () => {
  const limits = { kexMs: 1_000, loginMs: 2_500, unauthenticated: 8, unauthenticatedPerAddress: 4 };
  beforeAll(async () => {
    world = await GatewayWorld.start({ limits });
    worker = world.gateway.workers[0] ?? -1;
  });
  afterAll(() => world?.[Symbol.asyncDispose]());
  afterEach(stillWorks);

  const dial = async (): Promise<{ socket: Socket; closed: Promise<number> }> => {
    const socket = connect(world.gateway.port, world.gateway.address);
    socket.on('error', () => {}).resume();
    const start = performance.now();
    const closed = once(socket, 'close').then(() => performance.now() - start);
    await once(socket, 'connect');
    return { socket, closed };
  };

  it('a silent peer is cut off when its time for the key exchange is over', async () => {
    const { closed } = await dial();
    expect(await closed).toBeGreaterThan(900);
    expect(await closed).toBeLessThan(2_000);
  });

  it('one that stops after its version is cut off as soon', async () => {
    const { socket, closed } = await dial();
    socket.write('SSH-2.0-slow\r\n');
    expect(await closed).toBeLessThan(2_000);
  });

  it('one that never logs in is cut off when its time for the login is over', async () => {
    const client = new ssh2.Client();
    const start = performance.now();
    client.on('error', () => {});
    const { port, address: host } = world.gateway;
    client.connect({ host, port, username: 'daypass', authHandler: () => undefined as never });
    await once(client, 'close');
    expect(performance.now() - start).toBeGreaterThan(2_400);
    expect(performance.now() - start).toBeLessThan(4_500);
  });

  it('garbage ends the connection and nothing else', async () => {
    for (const garbage of [
      randomBytes(4_096),
      Buffer.from(`SSH-2.0-x\r\n${'A'.repeat(5_000)}`),
      Buffer.alloc(9_000, 'x'),
    ]) {
      const { socket, closed } = await dial();
      socket.write(garbage);
      expect(await closed).toBeLessThan(2_000);
    }
  });

  it('when one address has too many waiting, its oldest goes', async () => {
    const first = await dial();
    const more = [await dial(), await dial(), await dial(), await dial()];
    expect(await first.closed).toBeLessThan(900);
    for (const { socket } of more) socket.destroy();
  });

  it('a valid login gets in through a flood of silent peers', async () => {
    const flood: Socket[] = [];
    const timer = setInterval(() => {
      const socket = connect(world.gateway.port, world.gateway.address);
      socket.on('error', () => {});
      flood.push(socket);
    }, 100);
    expect(await ssh(world, ['direct', 'echo in'])).toMatchObject({ code: 0, stdout: 'in\n' });
    clearInterval(timer);
    for (const socket of flood) socket.destroy();
  });

  it('more than twenty offers are too many', async () => {
    const keys = await Promise.all(
      Array.from({ length: 25 }, (_, n) => makeKeyFile(world.folder.path, 'ed25519', `offer-${n}`)),
    );
    const { stderr, code } = await run('ssh', [
      ...['-F', 'none', '-v', '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none'],
      ...['-o', 'HostKeyAlias=daypass-gateway', '-o', `UserKnownHostsFile=${join(world.folder.path, 'known_hosts')}`],
      ...['-p', String(world.gateway.port), ...keys.flatMap(({ path }) => ['-i', path])],
      ...[`${world.login}+web-01@${world.gateway.address}`, 'true'],
    ]);
    expect(code).toBe(255);
    expect(stderr.match(/Offering public key/g)).toHaveLength(21);
  });
});
