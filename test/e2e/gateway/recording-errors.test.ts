import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SessionId } from '../../../src/access/ids.ts';
import { FRAME } from '../../../src/recording/format/format.ts';
import { BACKLOG_MAX } from '../../../src/recording/write/recorder.ts';
import { inject } from '../../support/checks/injected.ts';
import { describeAsRoot } from '../../support/checks/root.ts';
import { allDead } from '../../support/checks/sockets.ts';
import { type Client, ssh, sshClient, sshTerminal } from '../../support/peers/gateway-client.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { mountLossy, renewWorker } from '../../support/worlds/mounts.ts';
import { bytesOf } from '../../support/worlds/recorded.ts';

const CLOCK = 'while date +%s.%N; do sleep 0.02; done';
const MOMENT = 12 * 21;
const FLOOD = 'seq 1 100000000';
const WRITES = 'writev,write,pwrite64';
const SYNCS = 'fdatasync,fsync';

let world: GatewayWorld;
beforeAll(async () => {
  world = await GatewayWorld.start();
});
afterAll(() => world[Symbol.asyncDispose]());

describeAsRoot('a disk that answers with an error', () => {
  it.each([
    ['a line now and then', CLOCK, WRITES, MOMENT],
    ['as much as it takes', FLOOD, WRITES, BACKLOG_MAX],
    ['a line now and then, of what it had taken before', CLOCK, SYNCS, MOMENT],
    ['as much as it takes, of what it had taken before', FLOOD, SYNCS, BACKLOG_MAX],
  ])('ends the session within a second and says so: %s', async (_name, command, calls, ahead) => {
    const next = world.control.sessions.length;
    await using client = sshClient(world, ['direct', command]);
    const received = collected(client);
    const id = await world.control.openedSession(next);
    while (statSync(spooled(world, id)).size < 2_000) await pause(10);
    {
      await using fault = await inject(workerOf(world), calls, spooled(world, id));
      expect(await client.exited).toBe(255);
      const since = await fault.struck;
      expect(performance.now() - since).toBeLessThan(1_000);
      await allDead([world.sshd.port], 1_000);
      expect(client.stderr()).toMatch(/daypass: recording failed \(EIO\); session ended\. Nothing passes/);
      await failedAt(world, id, received(), ahead);
      // Nobody asks again whether the disk has what it said that it lost, or gives it more.
      expect(fault.count()).toBe(1);
    }
    expect(await ssh(world, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
    expect(await world.control.endingOf(await world.control.session(next + 1))).toEqual({ how: 'closed' });
  });

  it('for the last that it was given lets nobody call that recording whole', async () => {
    const next = world.control.sessions.length;
    await using client = sshClient(world, ['direct', 'echo ready; read go; echo the last words']);
    const received = collected(client);
    await once(client.stdout, 'data');
    const id = await world.control.openedSession(next);
    await using _fault = await inject(workerOf(world), SYNCS, spooled(world, id));
    client.child.stdin?.end('go\n');
    await client.exited;
    await failedAt(world, id, received(), MOMENT);
    expect((await world.control.closing(id)).report.recording).toBeNull();
  });

  it('ends only the session that it concerns, and tells a person at a terminal', async () => {
    const next = world.control.sessions.length;
    await using other = sshClient(world, ['web-01', 'echo ready; read go; echo done']);
    const received = collected(other);
    await once(other.stdout, 'data');
    using terminal = sshTerminal(world, ['-tt', 'direct']);
    const id = await world.control.openedSession(next + 1);
    await using _fault = await inject(workerOf(world), WRITES, spooled(world, id));
    terminal.type('echo typed at it\r');
    await terminal.shows(/daypass: recording failed \(EIO\); session ended\. Nothing passes unrecorded/);
    expect(await terminal.exited()).toBe(255);
    other.child.stdin?.end('go\n');
    expect(await other.exited).toBe(0);
    expect(received().toString()).toBe('ready\ndone\n');
    const first = await world.control.openedSession(next);
    expect(await world.control.endingOf(first)).toEqual({ how: 'closed' });
  });

  it('is found out also where it takes what it is given and loses it', async () => {
    await using lossy = await GatewayWorld.start({ minFreeMiB: 0 });
    await using disk = await mountLossy(lossy.folder.path, join(lossy.folder.path, 'spool'));
    await renewWorker(lossy);
    await using client = sshClient(lossy, ['web-01', 'read go; while seq 1 20000; do sleep 0.1; done']);
    const id = await lossy.control.openedSession(0);
    disk.lose();
    const since = performance.now();
    client.child.stdin?.write('go\n');
    client.stdout.resume();
    expect(await client.exited).toBe(255);
    expect(performance.now() - since).toBeLessThan(2_000);
    // The kernel passes on what the disk below said.
    expect(client.stderr()).toMatch(/daypass: recording failed \((?:EIO|ENOSPC)\); session ended/);
    expect(await lossy.control.endingOf(id)).toEqual({ how: 'failed', why: 'recording_failed' });
    disk.keep();
    expect(await ssh(lossy, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
    expect(await lossy.control.endingOf(await lossy.control.session(1))).toEqual({ how: 'closed' });
  });
});

const workerOf = (world: GatewayWorld): number => world.gateway.workers[0] ?? -1;
const spooled = (world: GatewayWorld, id: SessionId): string => join(world.folder.path, 'spool', id, 'recording.bin');

/** All that a client has shown so far. */
function collected(client: Client): () => Buffer {
  const pieces: Buffer[] = [];
  client.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  return () => Buffer.concat(pieces);
}

/**
 * The recording is there up to the fault, is called interrupted, and what was delivered is what it holds and no more behind it than
 * its writer may have accepted and not yet written.
 */
async function failedAt(world: GatewayWorld, id: SessionId, received: Buffer, ahead: number): Promise<void> {
  expect(await world.control.endingOf(id)).toEqual({ how: 'failed', why: 'recording_failed' });
  const read = await world.read(id);
  const { torn, ...chain } = read.end;
  expect(torn).toBe(false);
  expect(world.manifest(id)).toMatchObject({ state: 'interrupted', ending: { how: 'interrupted' }, chain });
  const recorded = bytesOf(read, 0, FRAME.stdout);
  const both = Math.min(recorded.length, received.length);
  expect(both).toBeGreaterThan(0);
  expect(received.subarray(0, both).equals(recorded.subarray(0, both))).toBe(true);
  expect(received.length - recorded.length).toBeLessThanOrEqual(ahead);
}
