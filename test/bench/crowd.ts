import { once } from 'node:events';
import { statfsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { rssMiB } from '../support/peers/raw-client.ts';
import { REVOKED } from '../support/samples/samples.ts';
import { GatewayWorld } from '../support/worlds/gateway-world.ts';
import type { FromClients, FromTarget, ToClients, ToTarget } from './crowd-messages.ts';
import { type Figure, limited, median, type Options, percentile, slope } from './figures.ts';
import { makeHostKey } from './host-key.ts';
import { type terminal, typed } from './keystrokes.ts';
import { certify, enter, Helper, leftBehind, now, type Place, workerOf } from './lab.ts';
import { runClient } from './transfers.ts';

const LOGIN_ROUNDS = 5;

type Clients = Helper<ToClients, FromClients>;

/** The gateway with one worker before a light target, and crowds of clients in processes of their own. */
class Crowd implements AsyncDisposable {
  readonly world: GatewayWorld;
  readonly target: Helper<ToTarget, FromTarget>;

  private constructor(world: GatewayWorld, target: Helper<ToTarget, FromTarget>) {
    this.world = world;
    this.target = target;
  }

  static async start(): Promise<Crowd> {
    const world = leftBehind.use(await GatewayWorld.start({ isGranted: false }));
    const target = leftBehind.use(new Helper<ToTarget, FromTarget>('./crowd-target.ts'));
    const { privateKey, line } = await makeHostKey(world.folder.path);
    target.send({ type: 'start', hostKey: privateKey });
    const { port } = await target.next('listening');
    world.addTarget('crowd', { address: '127.0.0.1', port, hostKeyLine: line });
    world.grant('shell');
    return new Crowd(world, target);
  }

  get place(): Place {
    const { gateway, login } = this.world;
    return { host: gateway.address, port: gateway.port, username: `${login}+crowd` };
  }

  get rssMiB(): number {
    return rssMiB(workerOf(this.world));
  }

  clients(): Clients {
    return leftBehind.use(new Helper<ToClients, FromClients>('./crowd-clients.ts'));
  }

  /** Resolves when all of them are in, and get output where they have a command. */
  async open(clients: Clients, sessions: number, command: string | null): Promise<void> {
    const { certificate, privateKey } = certify(this.world);
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    clients.send({ type: 'open', place: this.place, certificate, privateKey: pem, sessions, command });
    await clients.next('opened');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [this.world, this.target]) await leftBehind.dispose(each);
  }
}

export async function idle({ isQuick, progress }: Options): Promise<Figure[]> {
  const count = isQuick ? 200 : 1_000;
  await using crowd = await Crowd.start();
  const clients = crowd.clients();
  // What the first sessions load stays, however many follow.
  await crowd.open(clients, 20, null);
  await pause(3_000);
  const before = crowd.rssMiB;
  const begun = now();
  await crowd.open(clients, count, null);
  progress(`  ${count} sessions within ${((now() - begun) / 1000).toFixed(0)} s`);
  await pause(10_000);
  const after = crowd.rssMiB;
  progress(`  RSS ${before.toFixed(0)} MiB before, ${after.toFixed(0)} MiB after`);
  const echoes = await probe(crowd, isQuick ? 500 : 2_000);
  const logins: number[] = [];
  for (let round = 0; round < LOGIN_ROUNDS; round += 1) {
    const from = now();
    const { sshConfig, login } = crowd.world;
    await runClient('ssh', ['-F', sshConfig, '-l', `${login}+crowd`, 'direct', 'true']);
    logins.push(now() - from);
  }
  await leftBehind.dispose(clients);
  const name = `${count} idle recorded PTY sessions on one worker`;
  return [
    limited(`${name}: RSS of each`, ((after - before) * 1024) / count, 200, 'KiB', '≤'),
    limited(
      `${name}: lag of the event loop as a keystroke's echo sees it, p99`,
      percentile(echoes, 0.99),
      50,
      'ms',
      '<',
    ),
    limited(`${name}: a new login, ssh target true`, median(logins), 1_000, 'ms', '<'),
  ];
}

/** One more person types: whatever holds the worker up holds this up. */
async function probe(crowd: Crowd, keys: number): Promise<number[]> {
  const client = await enter(crowd.place, certify(crowd.world));
  const channel = await new Promise<Awaited<ReturnType<typeof terminal>>>((resolve, reject) => {
    client.shell({}, (error, got) => (error ? reject(error) : resolve(got)));
  });
  const times = await typed(channel, keys, 10);
  client.end();
  await once(client, 'close');
  return times;
}

const STREAMS = 50;
const MINUTES = 10;
const REVOCATIONS = 500;

/** 50 sessions stream while others are let in and thrown out again. */
export async function streams({ isQuick, progress }: Options): Promise<Figure[]> {
  await using crowd = await Crowd.start();
  const seconds = secondsThatFit(crowd, isQuick ? 60 : MINUTES * 60, progress);
  const clients = crowd.clients();
  await crowd.open(clients, STREAMS, 'stream');
  clients.send({ type: 'report' });
  await clients.next('report');
  const begun = now();
  const end = begun + seconds * 1000;
  const watching = watch(crowd, clients, end);
  const revoked = await revokeUntil(crowd, end, isQuick ? 40 : REVOCATIONS);
  progress(`  ${revoked.length} revocations, median ${median(revoked).toFixed(0)} ms`);
  const { memory, stallMs, megabytes } = await watching;
  progress(
    `  ${(megabytes / seconds).toFixed(1)} MB/s arrived in all; RSS ${memory.map(([, mib]) => mib.toFixed(0)).join(' ')} MiB`,
  );
  await leftBehind.dispose(clients);
  const settled = memory.slice(Math.floor(memory.length / 4));
  const mean = settled.reduce((sum, [, mib]) => sum + mib, 0) / settled.length;
  const growth = slope(settled) * MINUTES * 60;
  const name = `${STREAMS} recorded sessions of 1 MB/s, ${seconds} s`;
  return [
    limited(`${name}: longest stall of any`, stallMs, 1_000, 'ms', '≤'),
    limited(`${name}: throughput missing`, Math.max(0, STREAMS - megabytes / seconds), STREAMS / 20, 'MB/s', '≤'),
    limited(`${name}: growth of RSS in ${MINUTES} min`, Math.max(0, growth), Math.round(mean / 10), 'MiB', '≤'),
    limited(
      `revoke → both sockets dead, ${revoked.length} times under that load, p99`,
      percentile(revoked, 0.99),
      250,
      'ms',
      '<',
    ),
    limited('revoke → both sockets dead: slowest', Math.max(...revoked), 1_000, 'ms', '≤'),
  ];
}

/** Live recordings cannot be dropped: the disk has to hold them all. */
function secondsThatFit({ world }: Crowd, wanted: number, progress: Options['progress']): number {
  const { bavail, bsize } = statfsSync(world.folder.path);
  const fits = Math.floor((bavail * bsize) / (STREAMS * 1_000_000) / 2);
  if (fits < wanted) progress(`  the disk has room for ${fits} s only`);
  return Math.min(wanted, fits);
}

async function watch(crowd: Crowd, clients: Clients, end: number) {
  const memory: [number, number][] = [];
  let stallMs = 0;
  let megabytes = 0;
  const begun = now();
  for (;;) {
    await pause(Math.max(0, Math.min(5_000, end - now())));
    clients.send({ type: 'report' });
    const report = await clients.next('report');
    if (report.alive < STREAMS) throw new Error(`${STREAMS - report.alive} of the streaming sessions have ended`);
    stallMs = Math.max(stallMs, report.stallMs);
    megabytes += report.bytes / 1e6;
    memory.push([(now() - begun) / 1000, crowd.rssMiB]);
    if (now() >= end) return { memory, stallMs, megabytes };
  }
}

/** Evenly over the time; each takes as long as it takes. */
async function revokeUntil(crowd: Crowd, end: number, count: number): Promise<number[]> {
  const { control, gateway } = crowd.world;
  const victims = crowd.clients();
  const times: number[] = [];
  const begun = now();
  for (let index = 0; index < count && now() < end; index += 1) {
    await pause(Math.max(0, begun + ((end - begun) / count) * index - now()));
    const command = `stream victim-${index}`;
    await crowd.open(victims, 1, command);
    const id = control.sessions.at(-1);
    if (!id) throw new Error('no session was opened');
    const from = now();
    gateway.terminate([id], REVOKED);
    const client = await victims.next('gone');
    let target = await crowd.target.next('gone');
    while (target.command !== command) target = await crowd.target.next('gone');
    times.push(Math.max(client.atMs, target.atMs) - from);
  }
  await leftBehind.dispose(victims);
  return times;
}
