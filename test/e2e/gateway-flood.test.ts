import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { internalsOf, tapMessages } from '../../src/gateway/ssh2-internals.ts';
import { sha256Of, ssh, sshClient } from '../support/gateway-client.ts';
import { GatewayWorld } from '../support/gateway-world.ts';
import { mutate, seeded } from '../support/mutations.ts';
import { run } from '../support/processes.ts';
import { openSession, RawClient, rssMiB } from '../support/raw-client.ts';

const isLong = process.env['DAYPASS_LONG'] === '1';
const figure = (name: string, value: number): void => {
  if (isLong) process.stdout.write(`${name}: ${value.toFixed(1)}\n`);
};

let world: GatewayWorld;
let worker: number;
const start = async (options: Parameters<typeof GatewayWorld.start>[0] = {}): Promise<void> => {
  world = await GatewayWorld.start(options);
  worker = world.gateway.workers[0] ?? -1;
};
const stillWorks = async (): Promise<void> => {
  expect(await ssh(world, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
  expect(world.gateway.workers).toEqual([worker]);
};

/** Every address of 127.0.0.0/8 is this machine. */
function dial(n: number, addresses: number): Socket {
  const localAddress = `127.0.${1 + Math.floor((n % addresses) / 250)}.${1 + ((n % addresses) % 250)}`;
  const socket = connect({ port: world.gateway.port, host: world.gateway.address, localAddress });
  socket.on('error', () => {}).resume();
  return socket;
}

describe('a flood of peers that do not log in', () => {
  const SOCKETS = isLong ? 1_000 : 300;
  const kexMs = isLong ? 30_000 : 2_000;
  beforeAll(() => start({ limits: { kexMs, loginMs: 2 * kexMs } }));
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('from 200 addresses keeps nobody out, costs little memory, and is gone when its time is over', async () => {
    await stillWorks();
    const before = rssMiB(worker);
    const open = new Set<Socket>();
    for (let n = 0; n < SOCKETS; n += 1) {
      const socket = dial(n, 200);
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      const ways = [
        () => {},
        () => socket.write('SSH-2.0-slow\r\n'),
        () => socket.write(randomBytes(512)),
        () => socket.write(`SSH-2.0-x\r\n${'\0'.repeat(20)}`),
      ];
      socket.once('connect', () => ways[n % ways.length]?.());
    }
    const began = performance.now();
    for (let round = 0; round < 3; round += 1) {
      const at = performance.now();
      await stillWorks();
      figure('ms of a valid login in the flood', performance.now() - at);
      expect(performance.now() - at).toBeLessThan(2_000);
    }
    figure('MiB of RSS in the flood', rssMiB(worker) - before);
    expect(rssMiB(worker) - before).toBeLessThan(50);
    const left = kexMs + 1_000 - (performance.now() - began);
    await pause(Math.max(0, left));
    expect(open.size).toBe(0);
  });

  it('of passwords gets six tries a connection, and each is refused', async () => {
    const tries = isLong ? 2_000 : 60;
    let asked = 0;
    while (asked < tries) {
      const client = new ssh2.Client();
      client.on('error', () => {});
      const { port, address: host } = world.gateway;
      client.connect({
        ...{ host, port, username: `${world.login}+web-01` },
        authHandler: (_left, _partial, next) => {
          asked += 1;
          (next as (method: object) => void)({ type: 'password', username: `${world.login}+web-01`, password: 'x' });
        },
      });
      client.on('ready', () => expect.unreachable('a password logged in'));
      const from = asked;
      await once(client, 'close');
      expect(asked - from).toBeLessThanOrEqual(7);
    }
    await stillWorks();
  });

  it('that wants compression gets no connection', async () => {
    const { code, stderr } = await run('ssh', [
      ...['-F', world.sshConfig, '-v', '-o', 'Compression=yes', 'direct', 'true'],
    ]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/compression: none/);
    const client = new ssh2.Client();
    const failed = once(client, 'error');
    client.connect({
      ...{ host: world.gateway.address, port: world.gateway.port, username: 'x' },
      algorithms: { compress: ['zlib' as never] },
    });
    expect(((await failed)[0] as Error).message).toMatch(/compression/);
  });

  it('handshakes at 50 a second leave a login its second', async () => {
    const clients: ssh2.Client[] = [];
    const timer = setInterval(() => {
      const client = new ssh2.Client();
      client.on('error', () => {});
      client.on('handshake', () => client.destroy());
      client.connect({ host: world.gateway.address, port: world.gateway.port, username: 'x' });
      clients.push(client);
    }, 20);
    await pause(isLong ? 10_000 : 1_000);
    const at = performance.now();
    await stillWorks();
    figure('ms of a login among 50 handshakes a second', performance.now() - at);
    clearInterval(timer);
    for (const client of clients) client.destroy();
    expect(performance.now() - at).toBeLessThan(2_000);
  });
});

describe('damaged input', () => {
  const BEFORE = isLong ? 1_000_000 : 1_000;
  const AFTER = isLong ? 1_000_000 : 20_000;
  beforeAll(() => start());
  afterAll(() => world?.[Symbol.asyncDispose]());

  it(`before login, ${BEFORE} times, ends connections and nothing else`, async () => {
    const random = seeded(20_261_121);
    const corpus = [await firstBytes(), Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), Buffer.from('SSH-1.99-x\n')];
    let done = 0;
    const one = async (): Promise<void> => {
      while (done < BEFORE) {
        done += 1;
        const socket = dial(done, 200);
        const closed = once(socket, 'close');
        socket.once('connect', () => socket.end(mutate(random, corpus).bytes));
        setTimeout(() => socket.destroy(), 500).unref();
        await closed;
      }
    };
    await Promise.all(Array.from({ length: 50 }, one));
    await stillWorks();
  });

  it(`after login, ${AFTER} times, ends its connection and nothing else`, async () => {
    const random = seeded(20_261_122);
    const corpus = messages();
    let sent = 0;
    let logins = 0;
    while (sent < AFTER) {
      using raw = await RawClient.login(world);
      logins += 1;
      raw.send(openSession());
      const closed = raw.cut();
      let isCut = false;
      closed.then(() => {
        isCut = true;
      });
      // So many that one of them is deadly, as a rule.
      for (let n = 0; n < 200 && !isCut && sent < AFTER; n += 1) {
        const { bytes } = mutate(random, corpus);
        if (bytes.length === 0 || bytes.length > 30_000 || (bytes[0] ?? 0) < 80) continue;
        raw.send(bytes);
        sent += 1;
      }
      await pause(5);
    }
    figure('connections for the damaged messages', logins);
    await stillWorks();
  });

  /** What a real client sends first: its version and its KEXINIT. */
  async function firstBytes(): Promise<Buffer> {
    const { createServer } = await import('node:net');
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const client = new ssh2.Client();
    client.on('error', () => {});
    const connected = once(server, 'connection') as Promise<[Socket]>;
    client.connect({ host: '127.0.0.1', port, username: 'x' });
    const [socket] = await connected;
    const parts: Buffer[] = [];
    socket.on('data', (bytes: Buffer) => parts.push(bytes));
    socket.on('error', () => {});
    socket.write('SSH-2.0-test\r\n');
    while (Buffer.concat(parts).length < 300) await once(socket, 'data');
    client.destroy();
    socket.destroy();
    server.close();
    return Buffer.concat(parts);
  }

  function messages(): Buffer[] {
    const u32 = (value: number): Buffer => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    };
    const text = (value: string): Buffer => Buffer.concat([u32(value.length), Buffer.from(value)]);
    const message = (number: number, ...rest: Buffer[]): Buffer => Buffer.concat([Buffer.of(number), ...rest]);
    return [
      message(80, text('keepalive@openssh.com'), Buffer.of(1)),
      message(80, text('tcpip-forward'), Buffer.of(1), text('0.0.0.0'), u32(80)),
      message(90, text('session'), u32(1), u32(65_536), u32(32_768)),
      message(
        90,
        text('direct-tcpip'),
        u32(2),
        u32(65_536),
        u32(32_768),
        text('127.0.0.1'),
        u32(22),
        text('::1'),
        u32(1),
      ),
      message(91, u32(0), u32(0), u32(65_536), u32(32_768)),
      message(93, u32(0), u32(1_000)),
      message(94, u32(0), text('data')),
      message(95, u32(0), u32(1), text('data')),
      message(96, u32(0)),
      message(97, u32(0)),
      message(98, u32(0), text('exec'), Buffer.of(1), text('true')),
      message(98, u32(0), text('pty-req'), Buffer.of(1), text('xterm'), u32(80), u32(24), u32(0), u32(0), text('\0')),
      message(98, u32(0), text('subsystem'), Buffer.of(1), text('sftp')),
      message(98, u32(0), text('env'), Buffer.of(0), text('LANG'), text('C')),
      message(98, u32(0), text('window-change'), Buffer.of(0), u32(80), u32(24), u32(0), u32(0)),
    ];
  }
});

describe('new keys', () => {
  const MIB = 2 ** 20;
  afterEach(() => world?.[Symbol.asyncDispose]());

  it('are asked for by the gateway on both sides, and nothing is lost by it', async () => {
    await start({ limits: { rekeyBytes: 16 * MIB } });
    const size = isLong ? 5 * 1024 * MIB : 200 * MIB;
    const make = `head -c ${size} /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 0`;
    await using client = sshClient(world, ['-v', 'direct', make]);
    const received = await sha256Of(client.stdout);
    const made = await run('sh', ['-c', `${make} | sha256sum`], { timeoutMs: 300_000 });
    expect(received).toEqual({ bytes: size, sha256: made.stdout.split(' ')[0] });
    expect(await client.exited).toBe(0);
    const exchanges = client.stderr().match(/SSH2_MSG_KEXINIT received/g)?.length ?? 0;
    figure('key exchanges', exchanges);
    expect(exchanges).toBeGreaterThan(size / (16 * MIB) / 2);
  });

  it('that the client asks for each 16 MiB lose nothing', async () => {
    await start();
    const size = isLong ? 5 * 1024 * MIB : 200 * MIB;
    const make = `head -c ${size} /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 0`;
    await using client = sshClient(world, ['-o', 'RekeyLimit=16M', 'direct', make]);
    const received = await sha256Of(client.stdout);
    const made = await run('sh', ['-c', `${make} | sha256sum`], { timeoutMs: 300_000 });
    expect(received).toEqual({ bytes: size, sha256: made.stdout.split(' ')[0] });
  });

  it('are asked for after a while as well, and a peer that makes none is cut off', async () => {
    await start({ limits: { rekeyMs: 1_500 } });
    const { stderr, code } = await ssh(world, ['-v', 'direct', 'sleep 4; echo done']);
    expect(code).toBe(0);
    expect(stderr.match(/SSH2_MSG_KEXINIT received/g)?.length).toBeGreaterThan(2);
    using raw = await RawClient.login(world);
    // It hears no KEXINIT, and goes on to ask for answers.
    tapMessages(internalsOf(raw.client)._protocol, (payload) => payload[0] === 20 || (payload[0] ?? 0) >= 80);
    await pause(2_000);
    const before = rssMiB(worker);
    const ask = Buffer.concat([Buffer.of(80, 0, 0, 0, 2), Buffer.from('hi'), Buffer.of(1)]);
    for (let n = 0; n < 1_200_000 && !raw.socket.destroyed; n += 1) {
      raw.send(ask);
      if (n % 10_000 === 0) await pause(5);
    }
    expect(await raw.cut()).toBeLessThan(5_000);
    expect(rssMiB(worker) - before).toBeLessThan(64);
    await stillWorks();
  });
});

describe('what a client is told', () => {
  beforeAll(() => start());
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('a command longer than a packet may be is refused with words', async () => {
    const { code, stderr } = await ssh(world, ['direct', `echo ${'x'.repeat(90_000)}`]);
    expect(code).toBe(255);
    expect(stderr).toMatch(/daypass: one message was longer than 35,000 bytes.*file/);
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
