import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Client, ssh, sshClient, WAYS, type Way } from '../../support/peers/gateway-client.ts';
import { freePort, greeter } from '../../support/peers/gateway-tools.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/**
 * What VS Code's Remote-SSH does: one ssh with -D whose shell reads a long script on stdin, which installs a server and starts it on
 * the target's loopback; then WebSockets through the tunnel, and after a lost connection another ssh to the same server.
 */

let world: GatewayWorld;
beforeAll(async () => {
  world = await GatewayWorld.start({ scopeName: 'ide' });
});
afterAll(() => world?.[Symbol.asyncDispose]());

const WS = createRequire(import.meta.url).resolve('ws');

/** Answers each message with its count, and what came, and keeps counting when its clients change. It ends when told, or left. */
const SERVER = `
const { WebSocketServer } = require(${JSON.stringify(WS)});
let messages = 0;
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 1 << 26 });
server.on('listening', () => console.log('listeningOn=' + server.address().port + '='));
server.on('connection', (socket) => socket.on('message', (data, isBinary) => {
  if (!isBinary && String(data) === 'stop') process.exit(0);
  socket.send(String(++messages));
  socket.send(data, { binary: true });
}));
setTimeout(() => process.exit(0), 300_000);
`;

/** As long as the real one is, so that stdin takes many packets. */
function installScript(folder: string): string {
  const ballast = Array.from({ length: 4_000 }, (_, n) => `# ${n} ${'-'.repeat(60)}`).join('\n');
  return [
    'set -eu',
    ballast,
    `mkdir -p ${folder} && cd ${folder}`,
    `cat > server.cjs <<'END'${SERVER}END`,
    `[ -s log ] || { setsid ${process.execPath} server.cjs > log 2>&1 < /dev/null & }`,
    'until grep -q listeningOn log; do sleep 0.05; done',
    'cat log',
    "echo 'installed'",
    // It stays, and answers for the connection.
    'while read -r line; do echo "heard $line"; done',
    '',
  ].join('\n');
}

type Remote = { readonly client: Client; readonly socks: number; readonly port: number };

async function start(way: Way, folder: string): Promise<Remote> {
  const socks = await freePort();
  const client = sshClient(world, ['-T', '-D', String(socks), '-o', 'ConnectTimeout=15', way, 'bash']);
  client.child.stdin?.write(installScript(folder));
  let said = '';
  for await (const chunk of client.stdout.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (said.includes('installed')) break;
  }
  const port = Number(/listeningOn=(\d+)=/.exec(said)?.[1]);
  if (!Number.isInteger(port)) throw new Error(`no server: ${said}${client.stderr()}`);
  return { client, socks, port };
}

/** RFC 1928, by way of ssh -D, which says yes before it has asked: a refused tunnel is one that ends, with that answer or before. */
async function dial(socks: number, port: number): Promise<Socket> {
  const socket = connect(socks, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  socket.write(Buffer.from([5, 1, 0]));
  await once(socket, 'data');
  const answered = Promise.race([once(socket, 'data'), once(socket, 'close')]);
  socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 0xff]));
  await answered;
  return socket;
}

async function openWebSocket({ socks, port }: Remote): Promise<WebSocket> {
  const through = await dial(socks, port);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { createConnection: () => through });
  await once(socket, 'open');
  return socket;
}

/** What came back: the server's count, and whether the content did. */
async function exchange(socket: WebSocket, content: Buffer): Promise<{ count: number; isSame: boolean }> {
  const got: Buffer[] = [];
  const both = new Promise<void>((resolve) => {
    socket.on('message', function take(data) {
      if (got.push(data as Buffer) < 2) return;
      socket.off('message', take);
      resolve();
    });
  });
  socket.send(content);
  await both;
  return { count: Number(String(got[0])), isSame: got[1]?.equals(content) === true };
}

describe.each(WAYS)('by way of %s', (way) => {
  it('the server is installed, spoken to through loopback, and found again after the connection was lost', async () => {
    const folder = join(world.folder.path, `ide-${way}`);
    mkdirSync(folder);
    const next = world.control.sessions.length;
    const first = await start(way, folder);
    await using lost = first.client;
    const socket = await openWebSocket(first);
    expect(await exchange(socket, randomBytes(3_000_000))).toEqual({ count: 1, isSame: true });
    // A long stream of small messages, and a second one beside it.
    const beside = await openWebSocket(first);
    for (let n = 2; n <= 40; n += 1) {
      expect(await exchange(n % 2 === 0 ? beside : socket, randomBytes(100 * n))).toEqual({ count: n, isSame: true });
    }
    first.client.child.stdin?.write('alive\n');
    const [answer] = (await once(first.client.stdout, 'data')) as [Buffer];
    expect(String(answer)).toBe('heard alive\n');
    const id = await world.control.session(next);
    lost.child.kill('SIGKILL');
    const { report } = await world.control.closing(id);
    expect(report).toMatchObject({ ending: { how: 'closed' }, refusals: [] });
    const [shell, ...tunnels] = report.channels;
    expect(shell).toMatchObject({ kind: 'exec', command: 'bash', pty: false });
    expect(shell?.bytesFromClient).toBe(Buffer.byteLength(installScript(folder)) + 6);
    expect(tunnels).toHaveLength(2);
    for (const tunnel of tunnels) {
      const destination = { host: '127.0.0.1', port: first.port };
      expect(tunnel).toMatchObject({ kind: 'tunnel', label: 'tunnel', coverage: 'opaque', destination });
    }
    expect(tunnels[0]?.bytesFromClient).toBeGreaterThan(3_000_000);
    expect(tunnels[0]?.bytesToClient).toBeGreaterThan(3_000_000);

    const second = await start(way, folder);
    await using found = second.client;
    expect(second.port).toBe(first.port);
    const again = await openWebSocket(second);
    expect(await exchange(again, Buffer.from('again'))).toEqual({ count: 41, isSame: true });
    again.send('stop');
    await once(again, 'close');
    found.child.stdin?.end();
    expect(await found.exited).toBe(0);
  });

  it('-L leads to loopback too, by each of its names', async () => {
    await using echo = await greeter();
    for (const name of ['127.0.0.1', 'localhost', '[::1]']) {
      const { stdout, stderr } = await ssh(world, ['-W', `${name}:${echo.port}`, way]);
      // Nothing listens on ::1 here: the target's own words say that it was asked.
      if (name === '[::1]') expect(stderr).toMatch(/connect failed: the target reports/);
      else expect(stdout).toBe('220 loopback\r\n');
    }
  });

  it('loopback’s sshd, other hosts and the gateway are refused with a sentence, and listed', async () => {
    const socks = await freePort();
    const next = world.control.sessions.length;
    await using client = sshClient(world, ['-T', '-D', String(socks), way, 'echo up; cat']);
    await once(client.stdout, 'data');
    for (const port of [world.sshd.port, world.gateway.port]) {
      const socket = await dial(socks, port);
      if (!socket.closed) await once(socket, 'close', { signal: AbortSignal.timeout(5_000) });
      // The two answers of SOCKS and no more.
      expect(socket.bytesRead).toBeLessThanOrEqual(12);
    }
    client.child.stdin?.end();
    expect(await client.exited).toBe(0);
    const { report } = await world.control.closing(await world.control.session(next));
    expect(report.refusals).toEqual([
      `a tunnel to 127.0.0.1:${world.sshd.port} was refused`,
      `a tunnel to 127.0.0.1:${world.gateway.port} was refused`,
    ]);
    expect(client.stderr()).toMatch(/administratively prohibited: daypass: /);
    const elsewhere = await ssh(world, ['-W', '192.0.2.1:80', way]);
    expect(elsewhere.code).not.toBe(0);
    expect(elsewhere.stderr).toMatch(
      /administratively prohibited: daypass: scope ide does not allow a tunnel to 192\.0\.2\.1:80/,
    );
  });

  it('under shell the script runs, but no tunnel leads to its server', async () => {
    await using shell = await GatewayWorld.start();
    await using echo = await greeter();
    const { code, stderr } = await ssh(shell, ['-W', `127.0.0.1:${echo.port}`, way]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/administratively prohibited: daypass: scope shell does not allow a tunnel/);
    const { report } = await shell.control.closing(await shell.control.session(0));
    expect(report.refusals).toEqual([`a tunnel to 127.0.0.1:${echo.port} was refused`]);
  });
});
