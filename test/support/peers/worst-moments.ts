import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { SessionId } from '../../../src/access/ids.ts';
import { WINDOW_MAX } from '../../../src/gateway/limits.ts';
import { internalsOf, tapMessages } from '../../../src/gateway/ssh/ssh2-internals.ts';
import { encode, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import { allDead, clientsOf, connected, connections } from '../checks/sockets.ts';
import { REVOKED } from '../samples/samples.ts';
import type { GatewayWorld } from '../worlds/gateway-world.ts';
import { type Attack, channelData, confirm, hostileTarget, strangeHost } from './hostile-target.ts';
import { makeKeyFile } from './openssh.ts';
import { RawClient } from './raw-client.ts';

/** How long they go on before all of them are revoked at once. */
const SETTLE_MS = 500;
const GIVEN_UP_MS = 10_000;

/** A session in the worst of moments: where its contractor's TCP connection comes from, and whom the target's port is. */
type Live = Disposable & { readonly client: number; readonly target: number };
type Begin = (world: GatewayWorld) => Promise<Live>;

const portOf = ({ socket }: RawClient): number => (socket as { localPort?: number }).localPort ?? 0;

/** By way of the sshd; `begin` is given the client once it is in. */
const atSshd =
  (begin: (raw: RawClient) => Promise<void>): Begin =>
  async (world) => {
    const before = new Set(clientsOf(world.sshd.port));
    const raw = await RawClient.login(world);
    await begin(raw);
    await connected(world.sshd.port, 2 * before.size + 1);
    return {
      client: portOf(raw),
      target: newest(world.sshd.port, before),
      [Symbol.dispose]: () => raw[Symbol.dispose](),
    };
  };

/** By way of a target of their own, which has one connection at a time. */
const atTarget =
  (id: string, port: () => number, isIn: (raw: RawClient) => Promise<void> = async () => {}): Begin =>
  async (world) => {
    const raw = await RawClient.login(world, id);
    await connected(port());
    await isIn(raw);
    return { client: portOf(raw), target: port(), [Symbol.dispose]: () => raw[Symbol.dispose]() };
  };

const PIECE = Buffer.alloc(32_768, 'x');

/** As much as is taken from it at once. */
async function pour(raw: RawClient, channel: number): Promise<void> {
  for (let sent = 0; sent < 2 * 2 ** 20; sent += PIECE.length) raw.send(channelData(channel, PIECE));
}

/** It begins an exchange of keys, and takes no part in it. */
async function deafenClient(raw: RawClient): Promise<void> {
  await raw.exec('yes', WINDOW_MAX);
  const { _protocol: protocol } = internalsOf(raw.client);
  tapMessages(protocol, ([number = 0]) => [20, 31].includes(number) || number >= 80);
  protocol.rekey();
}

async function stallClient(raw: RawClient): Promise<void> {
  await raw.exec('yes', WINDOW_MAX);
  raw.socket.pause();
}

const KEXINIT = encode(
  uint8(20),
  randomBytes(16),
  ...['curve25519-sha256', 'ssh-ed25519', 'aes128-gcm@openssh.com', 'aes128-gcm@openssh.com'].map((name) =>
    string(name),
  ),
  ...['hmac-sha2-256', 'hmac-sha2-256', 'none', 'none', '', ''].map((name) => string(name)),
  uint8(0),
  uint32(0),
);
const opener = (payload: Buffer): number => payload.readUInt32BE(12);

/** What it does once something is asked for in a channel. */
const onRequest = (act: NonNullable<Attack['onMessage']>): Attack => ({
  onMessage(payload, send, socket) {
    if (payload[0] === 90) send(confirm(opener(payload), { window: WINDOW_MAX }));
    if (payload[0] === 98) act(payload, send, socket);
  },
});

/** It reads nothing more, so that what the gateway sends it waits. */
const STALLED: Attack = onRequest((_, send, socket) => {
  send(encode(uint8(99), uint32(0)));
  socket.pause();
});

/** It begins an exchange of keys, and takes no part in it. */
function deafTarget(): Attack {
  let isDeaf = false;
  return {
    ...onRequest((_, send, socket) => {
      isDeaf = true;
      socket.once('close', () => {
        isDeaf = false;
      });
      send(KEXINIT);
    }),
    isDeafTo: ([number = 0]) => isDeaf && (number === 20 || number === 30),
  };
}

const newest = (port: number, before: ReadonlySet<number>): number =>
  clientsOf(port).find((each) => !before.has(each)) ?? 0;

/** OpenSSH's own client in the middle of a large file. */
const transfer =
  (line: (file: string) => string): Begin =>
  async (world) => {
    const [clients, targets] = [world.gateway.port, world.sshd.port].map((port) => new Set(clientsOf(port)));
    const next = world.control.sessions.length;
    const args = ['-q', '-F', world.sshConfig, '-b', '-', 'direct'];
    const child: ChildProcess = spawn('sftp', args, { stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin?.on('error', () => {}).end(`${line(join(world.folder.path, 'large'))}\n`);
    await world.control.openedSession(next);
    return {
      client: newest(world.gateway.port, clients ?? new Set()),
      target: newest(world.sshd.port, targets ?? new Set()),
      [Symbol.dispose]: () => void child.kill('SIGKILL'),
    };
  };

export type WorstMoments = AsyncDisposable & { readonly moments: Readonly<Record<string, Begin>> };

/** The worst of moments, each with a target of its own where the sshd would not do. */
export async function worstMoments(world: GatewayWorld): Promise<WorstMoments> {
  const { path, line } = await makeKeyFile(world.folder.path, 'ed25519', 'worst_host_key');
  const privateKey = readFileSync(path, 'utf8');
  const targets: AsyncDisposable[] = [];
  const add = async (id: string, target: ReturnType<typeof hostileTarget>): Promise<() => number> => {
    const { address, port, ...rest } = await target;
    targets.push(rest);
    world.addTarget(id, { address, port, hostKeyLine: line });
    return () => port;
  };
  const silent = await add(
    'silent-01',
    strangeHost(line, () => {}),
  );
  const halfway = await add(
    'halfway-01',
    strangeHost(line, (socket) => socket.write('SSH-2.0-slow\r\n')),
  );
  const undecided = await add('undecided-01', hostileTarget(privateKey, line, { letsNobodyIn: true }));
  const stalled = await add('stalled-01', hostileTarget(privateKey, line, STALLED));
  const deaf = await add('deaf-01', hostileTarget(privateKey, line, deafTarget()));
  writeFileSync(join(world.folder.path, 'large'), '');
  // Holes: it takes no room, and minutes to be sent.
  truncateSync(join(world.folder.path, 'large'), 64 * 2 ** 30);
  world.grant('shell');
  const moments = {
    'a client that does not read': atSshd(stallClient),
    'a client in an exchange of keys': atSshd(deafenClient),
    'a target in an exchange of keys': atTarget('deaf-01', deaf, async (raw) => void (await raw.exec('x'))),
    'a target that does not read': atTarget('stalled-01', stalled, async (raw) => pour(raw, await raw.exec('x'))),
    'a target that says nothing': atTarget('silent-01', silent),
    'a target in its first exchange of keys': atTarget('halfway-01', halfway),
    'a target that has not decided the login': atTarget('undecided-01', undecided),
    'sftp get': transfer((file) => `get ${file} /dev/null`),
    'sftp put': transfer((file) => `put ${file} /dev/null`),
  };
  return {
    moments,
    async [Symbol.asyncDispose]() {
      for (const target of targets) await target[Symbol.asyncDispose]();
    },
  };
}

/** All of them at once; how long each took to die, by the kernel's own table of connections. */
export async function revokeAll(world: GatewayWorld, { moments }: WorstMoments): Promise<ReadonlyMap<string, number>> {
  const live = new Map<string, Live>();
  const ids: SessionId[] = [];
  for (const [name, begin] of Object.entries(moments)) {
    const each = await begin(world);
    const id = world.control.sessions.at(-1);
    if (!id || each.client === 0 || each.target === 0) throw new Error(`${name}: no session to revoke`);
    live.set(name, each);
    ids.push(id);
  }
  await pause(SETTLE_MS);
  const before = new Set(connections().flat());
  for (const [name, { client, target }] of live) {
    if (![client, target].every((port) => before.has(port))) throw new Error(`${name}: over before it was revoked`);
  }
  world.gateway.terminate(ids, REVOKED);
  const begun = performance.now();
  const died = new Map<string, number>();
  while (died.size < live.size && performance.now() - begun < GIVEN_UP_MS) {
    const alive = new Set(connections().flat());
    for (const [name, { client, target }] of live) {
      if (!died.has(name) && !alive.has(client) && !alive.has(target)) died.set(name, performance.now() - begun);
    }
    await pause(5);
  }
  for (const [name, each] of live) {
    if (!died.has(name)) died.set(name, GIVEN_UP_MS);
    each[Symbol.dispose]();
  }
  await allDead([world.gateway.port, world.sshd.port]);
  return died;
}
