import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { internalsOf, sendPayload, tapMessages } from '../../../src/gateway/ssh/ssh2-internals.ts';
import { encode, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import { ssh } from '../../support/peers/gateway-client.ts';
import { channelData, confirm } from '../../support/peers/hostile-target.ts';
import { makeKeyFile } from '../../support/peers/openssh.ts';
import { run } from '../../support/peers/processes.ts';
import { openSession, RawClient } from '../../support/peers/raw-client.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

let world: GatewayWorld;
let worker: number;

const stillWorks = async (): Promise<void> => {
  expect(await ssh(world, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
  expect(world.gateway.workers).toEqual([worker]);
};

const GCM = 'aes256-gcm@openssh.com,aes128-gcm@openssh.com';

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
});

describe('before login', () => {
  const limits = { kexMs: 1_000, loginMs: 2_500 };
  const door = { beforeKex: { start: 8, rate: 30, full: 12 }, perAddress: 4 };
  beforeAll(async () => {
    world = await GatewayWorld.start({ limits, listen: { host: '127.0.0.1', port: 0, door } });
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

  it('of one address that has too many waiting one of the silent goes, and reads why', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, dial));
    const said = await Promise.race(
      all.map(async ({ socket, closed }) => {
        const parts: Buffer[] = [];
        socket.on('data', (bytes: Buffer) => parts.push(bytes));
        await closed;
        return Buffer.concat(parts).toString('latin1');
      }),
    );
    expect(said).toContain('Too many connections from your address');
    for (const { socket } of all) socket.destroy();
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

  it('six signatures that are none are too many', async () => {
    const user = `${world.login}+web-01`;
    const [type = '', body = ''] = readFileSync(`${world.person.path}-cert.pub`, 'utf8').split(' ');
    const signature = encode(string('ssh-ed25519'), string(randomBytes(64)));
    const fields = [string(user), string('ssh-connection'), string('publickey'), uint8(1), string(type)];
    const request = encode(uint8(50), ...fields, string(Buffer.from(body, 'base64')), string(signature));
    const client = new ssh2.Client();
    client.on('error', () => {});
    let refused = 0;
    client.connect({
      ...{ host: world.gateway.address, port: world.gateway.port, username: user },
      authHandler: () => {
        tapMessages(internalsOf(client)._protocol, (payload) => {
          if (payload[0] === 51) {
            refused += 1;
            sendPayload(internalsOf(client)._protocol, request);
          }
          return (payload[0] ?? 0) >= 50;
        });
        sendPayload(internalsOf(client)._protocol, request);
        return undefined as never;
      },
    });
    await new Promise<void>((resolve) => client.once('close', () => resolve()));
    expect(refused).toBe(5);
  });

  it.each([
    // OpenSSH's clients know GCM and prefer CTR, which is slower.
    ['OpenSSH_9.2p1', GCM],
    ['libssh2_1.10.0', `${GCM},aes256-ctr,aes192-ctr,aes128-ctr`],
  ])('to %s it offers what is strong, and nothing else', async (software, ciphers) => {
    const socket = connect(world.gateway.port, world.gateway.address);
    const parts: Buffer[] = [];
    socket.on('error', () => {}).on('data', (bytes: Buffer) => parts.push(bytes));
    socket.write(`SSH-2.0-${software}\r\n`);
    const all = (): Buffer => Buffer.concat(parts);
    const start = (): number => all().indexOf('\r\n') + 2;
    while (start() < 2 || all().length < start() + 4 || all().length < start() + 4 + all().readUInt32BE(start())) {
      await once(socket, 'data');
    }
    socket.destroy();
    // RFC 4253 §7.1: ten lists of names behind the number and sixteen bytes of chance.
    const lists: string[] = [];
    for (let at = start() + 5 + 17; lists.length < 8; ) {
      const length = all().readUInt32BE(at);
      lists.push(all().toString('latin1', at + 4, at + 4 + length));
      at += 4 + length;
    }
    const macs = 'hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com';
    expect(lists).toEqual([
      'curve25519-sha256,curve25519-sha256@libssh.org,kex-strict-s-v00@openssh.com',
      'ssh-ed25519',
      ...[ciphers, ciphers, macs, macs, 'none', 'none'],
    ]);
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

describe('what a client is told', () => {
  beforeAll(async () => {
    world = await GatewayWorld.start();
    worker = world.gateway.workers[0] ?? -1;
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('a command longer than a packet may be is refused with words', async () => {
    const { code, stderr } = await ssh(world, ['direct', `echo ${'x'.repeat(90_000)}`]);
    expect(code).toBe(255);
    expect(stderr).toMatch(/daypass: a message was longer than 35,000 bytes.*file/);
    await stillWorks();
  });

  it('and control hears of what a worker refuses by itself, once for each connection and reason', async () => {
    const { gateway, folder, login } = world;
    const options = ['-F', 'none', '-o', 'BatchMode=no', '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none'];
    const known = [
      '-o',
      'HostKeyAlias=daypass-gateway',
      '-o',
      `UserKnownHostsFile=${join(folder.path, 'known_hosts')}`,
    ];
    const to = (user: string) => [
      ...options,
      ...known,
      '-p',
      String(gateway.port),
      `${user}@${gateway.address}`,
      'true',
    ];
    expect((await run('ssh', to(`${login}+web-01`))).code).toBe(255);
    for (let tries = 0; tries < 100 && world.control.refusals.length < 1; tries += 1) await pause(10);
    expect(world.control.refusals).toEqual([{ address: '127.0.0.1', reason: 'no_certificate', fingerprint: null }]);
  });
});
