import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionId } from '../../../src/access/ids.ts';
import { moveRecording } from '../../../src/gateway/launch/local-host.ts';
import { fileRecording } from '../../../src/gateway/supervisor/filing.ts';
import { FRAME } from '../../../src/recording/format/format.ts';
import { isAlive } from '../../support/checks/alive.ts';
import { allDead, connected } from '../../support/checks/sockets.ts';
import { type Client, ssh, sshClient } from '../../support/peers/gateway-client.ts';
import { descendants, runOk } from '../../support/peers/processes.ts';
import { REVOKED } from '../../support/samples/samples.ts';
import { gatewayProcess } from '../../support/worlds/gateway-process.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { bytesOf, readBack } from '../../support/worlds/recorded.ts';
import { hang, WatchedHost } from '../../support/worlds/watched-host.ts';

let world: GatewayWorld;
const dispose = (): Promise<void> => world[Symbol.asyncDispose]();
const ports = (): number[] => [world.gateway.port, world.sshd.port];

it('a gateway that stops hears to its end each session that ends meanwhile', async () => {
  world = await GatewayWorld.start({ drainMs: 10_000 });
  await using client = sshClient(world, ['direct', 'echo in; sleep 2']);
  await once(client.stdout, 'data');
  const id = await world.control.openedSession(0);
  await dispose();
  expect(await client.exited).toBe(0);
  expect(client.stderr()).toContain('the gateway is restarting');
  const [closed] = world.control.closed_;
  expect(closed).toMatchObject({ id, report: { ending: { how: 'closed' }, recording: { head: expect.any(String) } } });
  expect(closed?.report.channels).toHaveLength(1);
});

describe('a worker', () => {
  beforeEach(async () => {
    world = await GatewayWorld.start();
  });
  afterEach(dispose);

  const workerPid = (): number => world.gateway.workers[0] ?? -1;

  it.each(['SIGSTOP', 'SIGKILL'] as const)(
    'that gets %s is replaced, and its sessions are interrupted',
    async (signal) => {
      await using client = sshClient(world, ['direct', 'echo recorded; cat']);
      await once(client.stdout, 'data');
      const id = await world.control.openedSession(0);
      await pause(200);
      const before = workerPid();
      const start = performance.now();
      process.kill(before, signal);
      expect(await world.control.endingOf(id)).toEqual({ how: 'interrupted' });
      expect(await client.exited).toBe(255);
      while (workerPid() === before || workerPid() === -1) await pause(20);
      expect(performance.now() - start).toBeLessThan(5_000);
      expect(await ssh(world, ['direct', 'echo again'])).toMatchObject({ code: 0, stdout: 'again\n' });
      expect(world.manifest(id)).toMatchObject({ state: 'interrupted', ending: { how: 'interrupted' } });
      expect(bytesOf(await world.read(id), 0, FRAME.stdout).toString()).toBe('recorded\n');
    },
  );

  it('that does not end a session within a second is killed, and the session ends all the same', async () => {
    await using client = sshClient(world, ['direct', 'echo in; cat']);
    await once(client.stdout, 'data');
    const id = await world.control.openedSession(0);
    process.kill(workerPid(), 'SIGSTOP');
    world.gateway.terminate([id], REVOKED);
    expect(await allDead(ports())).toBeLessThan(1_500);
    expect(await world.control.endingOf(id)).toEqual({ how: 'terminated', why: 'revoked' });
  });

  it('that dies takes the connections along that it was handed and had not taken yet; its successor gets the others', async () => {
    process.kill(workerPid(), 'SIGSTOP');
    const sockets = Array.from({ length: 5 }, () => connect(world.gateway.port, world.gateway.address));
    const fates = sockets.map(async (socket) => {
      const isServed = new Promise<string>((resolve) => {
        // Past our identification comes a worker's KEXINIT.
        socket.on('data', (bytes: Buffer) => bytes.includes('curve25519') && resolve('served'));
      });
      const isClosed = once(
        socket.on('error', () => {}),
        'close',
      ).then(() => 'closed');
      socket.write('SSH-2.0-x\r\n');
      return Promise.race([isServed, isClosed]);
    });
    await connected(world.gateway.port, 2 * sockets.length);
    await pause(200);
    process.kill(workerPid(), 'SIGKILL');
    expect((await Promise.all(fates)).sort()).toEqual(['closed', 'closed', 'served', 'served', 'served']);
    for (const socket of sockets) socket.destroy();
    await allDead([world.gateway.port], 1_000);
  });

  it('is not taken for silent because control itself stood still', async () => {
    await using client = sshClient(world, ['direct', 'echo in; cat']);
    await once(client.stdout, 'data');
    const before = workerPid();
    // Control runs in this process: nothing in it moves, its timers neither.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 7_000);
    await pause(2_000);
    client.child.stdin?.write('still here\n');
    expect(String((await once(client.stdout, 'data'))[0])).toBe('still here\n');
    expect(workerPid()).toBe(before);
  });

  it('ends when control goes away', async () => {
    const pid = workerPid();
    await world.gateway[Symbol.asyncDispose]();
    expect(() => process.kill(pid, 0)).toThrow();
  });

  it('knows nothing of control’s environment', async () => {
    process.env['DAYPASS_TEST_SECRET'] = 'canary-7f3a';
    try {
      await world[Symbol.asyncDispose]();
      world = await GatewayWorld.start();
      const environment = await runOk('cat', [`/proc/${workerPid()}/environ`]);
      expect(environment).not.toMatch(/canary|SLACK|DATABASE/);
    } finally {
      delete process.env['DAYPASS_TEST_SECRET'];
    }
  });
});

describe('a worker in an endless loop', () => {
  it('is replaced within seconds; its sessions are interrupted, and those of another worker go on', async () => {
    using host = new WatchedHost();
    await using own = await GatewayWorld.start({ workers: 2, ...host.options });
    const begin = async (): Promise<Client> => {
      const client = sshClient(own, ['direct', 'echo in; cat']);
      await once(client.stdout, 'data');
      return client;
    };
    // One to each: connections go round.
    await using first = await begin();
    await using second = await begin();
    const firstId = await own.control.openedSession(0);
    const secondId = await own.control.openedSession(1);
    const [hung = -1, other = -1] = own.gateway.workers;
    const start = performance.now();
    host.hang(hung);
    const over = await Promise.race([first, second].map((client, n) => client.exited.then((code) => ({ n, code }))));
    expect(over.code).toBe(255);
    const [dead, alive] = over.n === 0 ? [firstId, secondId] : [secondId, firstId];
    expect(await own.control.endingOf(dead)).toEqual({ how: 'interrupted' });
    expect(isAlive(hung)).toBe(false);
    const survivor = over.n === 0 ? second : first;
    survivor.child.stdin?.write('still here\n');
    expect(String((await once(survivor.stdout, 'data'))[0])).toBe('still here\n');
    expect(own.control.closed_.map(({ id }) => id)).not.toContain(alive);
    while (own.gateway.workers.length < 2) await pause(20);
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(own.gateway.workers).toContain(other);
    for (let n = 0; n < 2; n += 1) {
      expect(await ssh(own, ['direct', 'echo again'])).toMatchObject({ code: 0, stdout: 'again\n' });
    }
  });

  it('that comes to its end after two seconds keeps its sessions, and what started beside it goes again', async () => {
    using host = new WatchedHost();
    await using own = await GatewayWorld.start(host.options);
    await using client = sshClient(own, ['direct', 'echo in; cat']);
    await once(client.stdout, 'data');
    const { workers } = own.gateway;
    for (let n = 0; n < 2; n += 1) {
      host.holdUp(workers[0] ?? -1);
      client.child.stdin?.write(`still here ${n}\n`);
      const [echo] = await once(client.stdout, 'data', { signal: AbortSignal.timeout(10_000) });
      expect(String(echo)).toBe(`still here ${n}\n`);
    }
    const running = (): number[] => descendants(process.pid).filter((pid) => commandOf(pid).includes('watched-worker'));
    await expect.poll(running, { timeout: 5_000 }).toEqual(workers);
    expect(own.gateway.workers).toEqual(workers);
    expect(await ssh(own, ['direct', 'echo in'])).toMatchObject({ code: 0, stdout: 'in\n' });
  });
});

describe('without a word from control', () => {
  it('no session begins', async () => {
    world = await GatewayWorld.start({ limits: { leaseNewMs: 1 } });
    await pause(300);
    const { code, stderr } = await ssh(world, ['direct', 'true']);
    expect(code).toBe(255);
    expect(stderr).toMatch(/daypass: The gateway is not accepting new sessions right now/);
    expect(world.control.sessions).toEqual([]);
    await dispose();
  });

  it('neither begins nor lives where control goes on but does not know what was revoked, until it does', async () => {
    let unknownSince: number | null = null;
    const knownMsAgo = (): number => (unknownSince === null ? 0 : performance.now() - unknownSince);
    world = await GatewayWorld.start({ limits: { leaseNewMs: 1_500, leaseLiveMs: 2_500 }, knownMsAgo });
    await using client = sshClient(world, ['direct', 'echo in; cat']);
    await once(client.stdout, 'data');
    unknownSince = performance.now();
    expect(await client.exited).toBe(255);
    expect(client.stderr()).toMatch(/daypass: session ended: the gateway has lost contact with control/);
    expect((await ssh(world, ['direct', 'true'])).stderr).toMatch(/is not accepting new sessions right now/);
    unknownSince = null;
    await expect
      .poll(async () => (await ssh(world, ['direct', 'echo back'])).stdout, { timeout: 20_000 })
      .toBe('back\n');
    await dispose();
  });

  it('live sessions end', async () => {
    await using away = await gatewayProcess({ leaseLiveMs: 2_000 });
    await using client = sshClient(away, ['direct', 'echo in; cat']);
    await once(client.stdout, 'data');
    process.kill(away.pid, 'SIGSTOP');
    expect(await client.exited).toBe(255);
    expect(client.stderr()).toMatch(/daypass: session ended: the gateway has lost contact with control/);
    process.kill(away.pid, 'SIGCONT');
  });

  it('a control that was killed takes its workers and their sessions along, and the recording is filed at the next start', async () => {
    await using away = await gatewayProcess({});
    await using client = sshClient(away, ['direct', 'echo in; cat']);
    await once(client.stdout, 'data');
    await pause(200);
    process.kill(away.pid, 'SIGKILL');
    expect(await client.exited).toBe(255);
    await allGone(away.workers);
    const [id = ''] = readdirSync(away.spool);
    const recordings = `${away.spool}-filed`;
    mkdirSync(recordings);
    const collect = (each: SessionId): Promise<boolean> => moveRecording(away.spool, recordings, each);
    await fileRecording({ collect }, recordings, SessionId.parse(id));
    const manifest = JSON.parse(readFileSync(`${recordings}/${id}/manifest.json`, 'utf8'));
    expect(manifest).toMatchObject({ state: 'interrupted', session: id });
    expect(bytesOf(await readBack(`${recordings}/${id}`, [away.identity]), 0, FRAME.stdout).toString()).toBe('in\n');
  });

  it('a control that was killed takes along what hangs', async () => {
    await using away = await gatewayProcess({});
    await using client = sshClient(away, ['direct', 'echo in; cat']);
    await once(client.stdout, 'data');
    for (const worker of away.workers) hang(worker);
    process.kill(away.pid, 'SIGKILL');
    expect(await client.exited).toBe(255);
    await allGone(away.workers);
  });
});

/** Empty where the process has ended meanwhile. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

async function allGone(pids: readonly number[]): Promise<void> {
  for (let tries = 0; pids.some(isAlive); tries += 1) {
    if (tries > 200) throw new Error(`still there: ${pids.filter(isAlive)}`);
    await pause(20);
  }
}
