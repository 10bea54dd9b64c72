import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstBytes } from '../../support/peers/first-bytes.ts';
import { ssh } from '../../support/peers/gateway-client.ts';
import { figure, LONG } from '../../support/peers/gateway-tools.ts';
import { run } from '../../support/peers/processes.ts';
import { openSession, RawClient, rssMiB } from '../../support/peers/raw-client.ts';
import { mutate, seeded } from '../../support/samples/mutations.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { WatchedHost } from '../../support/worlds/watched-host.ts';

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
  const SOCKETS = LONG ? 1_000 : 300;
  const kexMs = LONG ? 30_000 : 2_000;
  let host: WatchedHost;
  beforeAll(() => {
    const limits = { kexMs, loginMs: 2 * kexMs };
    host = new WatchedHost(limits);
    return start({ limits, ...host.options });
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    host[Symbol.dispose]();
  });

  it('from 200 addresses keeps nobody out, costs little memory, and is gone when its time is over', async () => {
    await stillWorks();
    const before = rssMiB(worker);
    const open = new Set<Socket>();
    const beginning = await firstBytes();
    /** Each from its own accept: a thousand at once overflow the listener's backlog, and some come a second later. */
    const lives: number[] = [];
    for (let n = 0; n < SOCKETS; n += 1) {
      const socket = dial(n, 200);
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      const ways = [
        () => {},
        () => socket.write('SSH-2.0-slow\r\n'),
        () => socket.write(randomBytes(512)),
        () => socket.write(`SSH-2.0-x\r\n${'\0'.repeat(20)}`),
        // Half of a handshake that begins as it should.
        () => socket.write(beginning),
      ];
      socket.once('connect', () => {
        const at = performance.now();
        socket.once('close', () => lives.push(performance.now() - at));
        ways[n % ways.length]?.();
      });
    }
    for (let round = 0; round < 3; round += 1) {
      const at = performance.now();
      await stillWorks();
      figure('ms of a valid login in the flood', performance.now() - at);
      expect(performance.now() - at).toBeLessThan(2_000);
    }
    figure('MiB of RSS in the flood', rssMiB(worker) - before);
    expect(rssMiB(worker) - before).toBeLessThan(50);
    await expect.poll(() => open.size, { timeout: kexMs + 20_000 }).toBe(0);
    expect(lives).toHaveLength(SOCKETS);
    figure('longest life of a peer that does not log in, ms', Math.max(...lives));
    expect(Math.max(...lives)).toBeLessThan(kexMs + 1_000);
  });

  it('of passwords gets six tries a connection, and each is refused', async () => {
    const tries = LONG ? 2_000 : 60;
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
      // A cut is an error to it, and no failure here.
      await new Promise<void>((resolve) => client.once('close', () => resolve()));
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

  it('handshakes at 50 a second leave a login its second, and the event loop its time', async () => {
    const clients: ssh2.Client[] = [];
    const timer = setInterval(() => {
      const client = new ssh2.Client();
      client.on('error', () => {});
      client.on('handshake', () => client.destroy());
      client.connect({ host: world.gateway.address, port: world.gateway.port, username: 'x' });
      clients.push(client);
    }, 20);
    await pause(1_000);
    await host.lag(worker);
    await pause(LONG ? 10_000 : 2_000);
    const { p99, max } = await host.lag(worker);
    figure('p99 of the lag of the event loop among 50 handshakes a second, ms', p99);
    figure('the longest', max);
    expect(p99).toBeLessThan(50);
    const at = performance.now();
    await stillWorks();
    figure('ms of a login among 50 handshakes a second', performance.now() - at);
    clearInterval(timer);
    for (const client of clients) client.destroy();
    expect(performance.now() - at).toBeLessThan(2_000);
  });
});

describe('damaged input', () => {
  const BEFORE = LONG ? 1_000_000 : 1_000;
  const AFTER = LONG ? 1_000_000 : 20_000;
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
