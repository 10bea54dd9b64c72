import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SessionId } from '../../../src/access/ids.ts';
import { internalsOf, tapMessages } from '../../../src/gateway/ssh/ssh2-internals.ts';
import { allDead, connected } from '../../support/checks/sockets.ts';
import { ssh, sshClient, sshTerminal, WAYS } from '../../support/peers/gateway-client.ts';
import { descendants } from '../../support/peers/processes.ts';
import { RawClient } from '../../support/peers/raw-client.ts';
import { revokeAll, worstMoments } from '../../support/peers/worst-moments.ts';
import { REVOKED } from '../../support/samples/samples.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { WatchedHost } from '../../support/worlds/watched-host.ts';

const TERMINATED = { how: 'terminated', why: 'revoked' };

let world: GatewayWorld;
const dispose = (): Promise<void> => world[Symbol.asyncDispose]();

const ports = (): number[] => [world.gateway.port, world.sshd.port];
const terminate = (id: SessionId): void => world.gateway.terminate([id], REVOKED);

describe.each(WAYS)('ending a session that came by way of %s', (way) => {
  let next: number;
  beforeAll(async () => {
    world = await GatewayWorld.start();
  });
  beforeEach(() => {
    next = world.control.sessions.length;
  });
  afterAll(dispose);

  it('an idle one: both connections are dead within a second, and the person reads why', async () => {
    using terminal = sshTerminal(world, [way]);
    terminal.type('echo in $((40 + 2))\r');
    await terminal.shows(/in 42/);
    const id = await world.control.openedSession(next);
    terminate(id);
    expect(await allDead(ports())).toBeLessThan(1_000);
    await terminal.shows(/daypass: ended: your access was revoked\. Ask why in the engagement thread\./);
    expect(await terminal.exited()).toBe(255);
    expect(await world.control.endingOf(id)).toEqual(TERMINATED);
    expect(world.manifest(id)).toMatchObject({
      state: 'closed',
      ending: TERMINATED,
      channels: [{ kind: 'shell', pty: true }],
    });
  });

  it('one that pours out data', async () => {
    await using client = sshClient(world, [way, 'yes']);
    client.stdout.resume();
    await once(client.stdout, 'data');
    const id = await world.control.openedSession(next);
    terminate(id);
    expect(await allDead(ports())).toBeLessThan(1_000);
    expect(await client.exited).toBe(255);
    expect(await world.control.endingOf(id)).toEqual(TERMINATED);
  });

  it('one whose client has stopped reading', async () => {
    await using client = sshClient(world, [way, 'yes']);
    await once(client.stdout, 'data');
    const id = await world.control.openedSession(next);
    const pids = [client.pid, ...descendants(client.pid)];
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await pause(700);
    terminate(id);
    expect(await allDead(ports())).toBeLessThan(1_000);
    expect(await world.control.endingOf(id)).toEqual(TERMINATED);
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    expect(await client.exited).toBe(255);
    await allDead(ports());
  });

  it('one that is still connecting', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const [target] = world.control.targets.splice(0);
    world.control.grants.splice(0);
    if (target) world.addTarget(target.id, { address: '127.0.0.1', port, hostKeyLine: world.sshd.hostKeyLine });
    world.grant('shell');
    await using client = sshClient(world, [way, 'true']);
    const id = await world.control.session(next);
    await connected(port);
    terminate(id);
    expect(await allDead([port, world.gateway.port])).toBeLessThan(1_000);
    expect(await client.exited).toBe(255);
    expect(await world.control.endingOf(id)).toEqual(TERMINATED);
    silent.close();
    world.control.targets.splice(0, 1, ...(target ? [target] : []));
    world.control.grants.splice(0);
    world.grant('shell');
  });

  it('one in the middle of a file transfer', async () => {
    // Holes: it takes no room, and minutes to be sent.
    const large = join(world.folder.path, 'large');
    writeFileSync(large, '');
    truncateSync(large, 64 * 2 ** 30);
    const sftp = spawn('sftp', ['-q', '-F', world.sshConfig, '-b', '-', way], { stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    sftp.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const exited = once(sftp, 'exit');
    sftp.stdin.end(`get ${large} /dev/null\n`);
    const id = await world.control.openedSession(next);
    await pause(500);
    expect(sftp.exitCode).toBe(null);
    terminate(id);
    expect(await allDead(ports())).toBeLessThan(1_000);
    await exited;
    expect(said).toMatch(/your access was revoked/);
    expect(await world.control.endingOf(id)).toEqual(TERMINATED);
  });

  it('one whose client was killed: the target’s end goes as well', async () => {
    await using client = sshClient(world, [way, 'echo in; cat']);
    await once(client.stdout, 'data');
    const id = await world.control.openedSession(next);
    client.child.kill('SIGKILL');
    await allDead(ports());
    expect(await world.control.endingOf(id)).toEqual({ how: 'closed' });
  });
});

it('ending a session in the middle of an exchange of keys: both connections are dead within a second', async () => {
  world = await GatewayWorld.start();
  using raw = await RawClient.login(world);
  await raw.exec('yes');
  // It begins one, and takes no part in it.
  tapMessages(
    internalsOf(raw.client)._protocol,
    (payload) => [20, 31].includes(payload[0] ?? 0) || (payload[0] ?? 0) >= 80,
  );
  internalsOf(raw.client)._protocol.rekey();
  await pause(300);
  const id = await world.control.openedSession(0);
  terminate(id);
  expect(await allDead(ports())).toBeLessThan(1_000);
  expect(await world.control.endingOf(id)).toEqual(TERMINATED);
  await dispose();
});

it('ending sessions in the worst of moments, all at once: both connections of each are dead within a second', async () => {
  world = await GatewayWorld.start();
  await using worst = await worstMoments(world);
  const next = world.control.sessions.length;
  for (const [name, ms] of await revokeAll(world, worst)) expect([name, ms < 1_000]).toEqual([name, true]);
  const ids = world.control.sessions.slice(next);
  expect(ids).toHaveLength(Object.keys(worst.moments).length);
  for (const id of ids) expect(await world.control.endingOf(id)).toEqual(TERMINATED);
  await dispose();
});

describe('the end of access', () => {
  afterEach(dispose);

  it.each(['back', 'forward'] as const)('is put off by no clock that jumps %s', async (way) => {
    using host = new WatchedHost();
    world = await GatewayWorld.start({ seconds: 5, ...host.options });
    const ends = Date.parse(world.control.grants[0]?.terms.notAfter ?? '');
    await using client = sshClient(world, ['direct', 'echo in; cat']);
    await once(client.stdout, 'data');
    const id = await world.control.openedSession(0);
    host.jump(world.gateway.workers[0] ?? -1, way);
    expect(await world.control.endingOf(id)).toEqual({ how: 'terminated', why: 'expired' });
    expect(Date.now() - ends).toBeLessThan(1_000);
    await allDead(ports());
  });

  it.each(WAYS)('ends live sessions at most a second late, by way of %s', async (way) => {
    world = await GatewayWorld.start({ seconds: 4 });
    const [grant] = world.control.grants;
    using terminal = sshTerminal(world, [way]);
    terminal.type('echo in $((40 + 2))\r');
    await terminal.shows(/in 42/);
    const id = await world.control.openedSession(0);
    expect(await world.control.endingOf(id)).toEqual({ how: 'terminated', why: 'expired' });
    const late = Date.now() - Date.parse(grant?.terms.notAfter ?? '');
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(1_000);
    await terminal.shows(/ended: your access has expired/);
    await allDead(ports());
  });
});

describe('a session that control ends before its worker has heard of it', () => {
  afterEach(dispose);
  it('never begins', async () => {
    world = await GatewayWorld.start();
    const authorize = world.control.authorize.bind(world.control);
    world.control.authorize = async (ask) => {
      const decided = await authorize(ask);
      if (decided.ok && decided.value.kind === 'session') terminate(decided.value.session.id);
      return decided;
    };
    const { code, stderr } = await ssh(world, ['direct', 'true']);
    expect(code).toBe(255);
    expect(stderr).toMatch(/daypass: ended: your access was revoked/);
    expect(await world.control.endingOf(await world.control.session(0))).toEqual(TERMINATED);
    expect(world.control.opened_).toEqual([]);
  });
});

describe('a target that is not what it should be', () => {
  beforeEach(async () => {
    world = await GatewayWorld.start();
  });
  afterEach(dispose);

  it.each(WAYS)('another host key is refused and nothing is sent to it, by way of %s', async (way) => {
    const other = world.person.line;
    const [target] = world.control.targets.splice(0);
    world.control.grants.splice(0);
    if (target) world.addTarget(target.id, { address: target.address, port: target.port, hostKeyLine: other });
    world.grant('shell');
    const { code, stderr } = await ssh(world, [way, 'true']);
    expect(code).toBe(255);
    expect(stderr).toMatch(/daypass: web-01 shows a different host key than the one pinned/);
    const ending = await world.control.endingOf(await world.control.session(0));
    expect(ending).toEqual({ how: 'failed', why: 'host_key_mismatch' });
    expect(world.sshd.log()).not.toMatch(/Accepted/);
  });

  it('one that is not there is said to be unreachable', async () => {
    await world.sshd[Symbol.asyncDispose]();
    const { code, stderr } = await ssh(world, ['direct', 'true']);
    expect({ code, stderr }).toEqual({
      code: 255,
      stderr: expect.stringMatching(
        /^daypass: web-01 cannot be reached from the gateway: nothing is listening there \(connection refused\)\./m,
      ),
    });
    expect(await world.control.endingOf(await world.control.session(0))).toEqual({
      how: 'failed',
      why: 'target_unreachable',
    });
  });

  it('one that refuses the certificate is told apart', async () => {
    await using other = await GatewayWorld.start({ sourceAddress: '192.0.2.1' });
    const { code, stderr } = await ssh(other, ['web-01', 'true']);
    expect(code).toBe(255);
    expect(stderr).toMatch(/daypass: web-01 refused the gateway's certificate\. .*daypass targets check web-01/);
    expect(await other.control.endingOf(await other.control.session(0))).toEqual({
      how: 'failed',
      why: 'target_refused',
    });
  });

  it('one whose connection is lost in the middle is said to be', async () => {
    await using client = sshClient(world, ['direct', 'echo in; cat']);
    await once(client.stdout, 'data');
    for (const pid of descendants(world.sshd.pid)) process.kill(pid, 'SIGKILL');
    expect(await client.exited).toBe(255);
    expect(client.stderr()).toMatch(/daypass: The connection to web-01 was lost/);
  });
});
