import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scope } from '../../../src/access/scopes/scope.ts';
import { FRAME } from '../../../src/recording/format/format.ts';
import { ssh, sshClient, WAYS } from '../../support/peers/gateway-client.ts';
import { REVOKED } from '../../support/samples/samples.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { linesOf } from '../../support/worlds/recorded.ts';

/** Tunnels of stock OpenSSH through the gateway: only where the scope says, and each accounted for. */

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function listen(serve: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const { server, port } = await listen(() => {});
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits for ssh to listen. */
async function dial(port: number): Promise<Socket> {
  const deadline = performance.now() + 10_000;
  while (performance.now() < deadline) {
    // From another address: a port of ours that nobody listens on yet could be connected to itself.
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2', allowHalfOpen: true });
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (isOpen) return socket;
    await pause(20);
  }
  throw new Error(`nobody listens on ${port}`);
}

const ended = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    for (const event of ['end', 'error', 'close']) socket.once(event, () => resolve());
    socket.resume();
  });

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Answers each connection with a greeting of its own accord, and then with what it is sent. */
const greetAndEcho = (socket: Socket): void => {
  socket.write('220 ready\r\n');
  socket.pipe(socket);
};

let world: GatewayWorld;
let echo: Awaited<ReturnType<typeof listen>>;
let closed: number;

const tunnelScope = (ports: readonly number[]): Scope =>
  Scope.parse({
    name: 'tunnel:db',
    words: 'The database’s port',
    tunnels: [{ host: '127.0.0.1', ports: [...ports] }],
  });

beforeAll(async () => {
  echo = await listen(greetAndEcho);
  closed = await freePort();
  world = await GatewayWorld.start({ scope: tunnelScope([echo.port, closed]) });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  echo.server.close();
});

describe.each(WAYS)('by way of %s', (way) => {
  it('-L carries bytes both ways and half-closed ends, and the record has destination, counts and digests', async () => {
    const next = world.control.sessions.length;
    const local = await freePort();
    await using client = sshClient(world, ['-N', '-L', `${local}:127.0.0.1:${echo.port}`, way]);
    const sent = randomBytes(5_000_000);
    const socket = await dial(local);
    socket.end(sent);
    const got = await readAll(socket);
    expect(got.length).toBe(sent.length + 11);
    expect(sha256(got)).toBe(sha256(Buffer.concat([Buffer.from('220 ready\r\n'), sent])));
    const id = await world.control.openedSession(next);
    client.child.kill();
    const { report } = await world.control.closing(id);
    expect(report.channels).toMatchObject([
      {
        kind: 'tunnel',
        coverage: 'opaque',
        label: 'tunnel',
        destination: { host: '127.0.0.1', port: echo.port },
        bytesFromClient: sent.length,
        bytesToClient: got.length,
        stdinSha256: sha256(sent),
        stdoutSha256: sha256(got),
      },
    ]);
    const [channel] = report.channels;
    expect(channel?.endedAt).toBeGreaterThanOrEqual(channel?.startedAt ?? Number.NaN);
    expect(channel?.startedAt).toBeGreaterThan(Date.now() - 60_000);
  });

  it('-W reaches a server that speaks first', async () => {
    const { stdout, code } = await ssh(world, ['-W', `127.0.0.1:${echo.port}`, way], { stdin: 'hello\n' });
    expect({ stdout, code }).toEqual({ stdout: '220 ready\r\nhello\n', code: 0 });
  });

  it('-D reaches what the scope names and nothing else', async () => {
    const local = await freePort();
    await using _client = sshClient(world, ['-N', '-D', String(local), way]);
    const socks = async (port: number): Promise<Socket> => {
      const socket = await dial(local);
      socket.write(Buffer.from([5, 1, 0]));
      await once(socket, 'data');
      socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 0xff]));
      return socket;
    };
    const allowed = await socks(echo.port);
    const [answer] = (await once(allowed, 'data')) as [Buffer];
    expect(answer[1]).toBe(0);
    allowed.destroy();
    const refused = await socks(world.sshd.port);
    await ended(refused);
  });

  it.each([
    ['another port', () => ['127.0.0.1', 9]],
    ['another host', () => ['db.internal', echo.port]],
    ['the target’s own sshd', () => ['localhost', world.sshd.port]],
    ['the gateway', () => ['127.0.0.1', world.gateway.port]],
  ] as const)('refuses %s with a sentence and lists it', async (_what, to) => {
    const [host, port] = to();
    const next = world.control.sessions.length;
    const { stderr, code } = await ssh(world, ['-W', `${host}:${port}`, way]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/administratively prohibited: daypass: .+/);
    const { report } = await world.control.closing(await world.control.session(next));
    expect(report.refusals).toEqual([`a tunnel to ${host}:${port} was refused`]);
    expect(report.channels).toEqual([]);
  });

  it('says what the target says where nobody listens', async () => {
    const next = world.control.sessions.length;
    const { stderr, code } = await ssh(world, ['-W', `127.0.0.1:${closed}`, way]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/connect failed: the target reports: .*refused/i);
    const id = await world.control.session(next);
    await world.control.closing(id);
    const says = /connect failed: the target reports: (.*?)\r?\n/.exec(stderr)?.[1];
    expect(linesOf(await world.read(id), FRAME.journal)).toContainEqual({ what: 'unopened', says });
  });

  it('reverse tunnels and sockets are refused, with the way that works', async () => {
    const reverse = await ssh(world, ['-R', '0:127.0.0.1:9', way, 'true']);
    expect(reverse.stderr).toMatch(/daypass: a tunnel from the target \(-R\) is refused: .*-L/);
    const local = await freePort();
    const next = world.control.sessions.length;
    await using client = sshClient(world, ['-N', '-L', `${local}:/run/some.sock`, way]);
    const socket = await dial(local);
    await ended(socket);
    client.child.kill();
    const { report } = await world.control.closing(await world.control.session(next));
    expect(report.refusals).toEqual(['a tunnel to a socket on the target (-L) was refused']);
  });
});

it('many are open at a time, beside the commands of the same connection, and no more than the limit', async () => {
  await using narrow = await GatewayWorld.start({
    scope: tunnelScope([echo.port]),
    limits: { tunnelsPerConnection: 30, channelsPerConnection: 2 },
  });
  const local = await freePort();
  await using client = sshClient(narrow, ['-N', '-L', `${local}:127.0.0.1:${echo.port}`, 'direct']);
  const open: Socket[] = [];
  for (let n = 0; n < 30; n += 1) {
    const socket = await dial(local);
    await once(socket, 'data');
    open.push(socket);
  }
  const refused = await dial(local);
  await ended(refused);
  expect(client.stderr()).toContain('daypass: one connection can have at most 30 tunnels at a time');
  for (const socket of open.splice(0)) {
    socket.end();
    await ended(socket);
  }
  const again = await dial(local);
  const [greeting] = (await once(again, 'data')) as [Buffer];
  expect(String(greeting)).toBe('220 ready\r\n');
  again.destroy();
});

it('a tunnel ends with the grant', async () => {
  const next = world.control.sessions.length;
  const local = await freePort();
  await using client = sshClient(world, ['-N', '-L', `${local}:127.0.0.1:${echo.port}`, 'web-01']);
  const socket = await dial(local);
  await once(socket, 'data');
  const id = await world.control.openedSession(next);
  const began = performance.now();
  world.gateway.terminate([id], REVOKED);
  await ended(socket);
  expect(performance.now() - began).toBeLessThan(1_000);
  expect(await client.exited).toBe(255);
  expect(client.stderr()).toMatch(/daypass: ended: your access was revoked/);
});
