import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FRAME } from '../../src/recording/format.ts';
import { sshClient, WAYS } from '../support/gateway-client.ts';
import { GatewayWorld } from '../support/gateway-world.ts';
import { mountExt4, mountTmpfs, renewWorker } from '../support/mounts.ts';
import { runOk } from '../support/processes.ts';
import { rssMiB } from '../support/raw-client.ts';
import { bytesOf } from '../support/recorded.ts';
import { describeAsRoot } from '../support/root.ts';
import { allDead } from '../support/sockets.ts';

const LONG = process.env['DAYPASS_LONG'] === '1';
const KILLS = LONG ? 200 : 3;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('a recording that cannot be written any more', () => {
  it.each(WAYS)('ends the session within a second and says so, by way of %s', async (way) => {
    await using world = await GatewayWorld.start();
    await using client = sshClient(world, [way, 'read go; exec yes a line of text']);
    const id = await world.control.openedSession(0);
    // No file of this worker may grow beyond 2 MiB.
    await runOk('prlimit', ['--pid', String(world.gateway.workers[0]), '--fsize=2097152']);
    let received = 0;
    client.stdout.on('data', (bytes: Buffer) => {
      received += bytes.length;
    });
    client.child.stdin?.write('go\n');
    await once(client.stdout, 'data');
    expect(await client.exited).toBe(255);
    await allDead([world.sshd.port]);
    expect(client.stderr()).toMatch(/daypass: recording failed \(EFBIG\); session ended/);
    expect(await world.control.endingOf(id)).toEqual({ how: 'failed', why: 'recording_failed' });
    // What was delivered was accepted by the writer, whose backlog is bounded.
    expect(received).toBeLessThan(2 * 1024 * 1024 + 24 * 1024 * 1024);
  });

  describeAsRoot('on a file system that a test may break', () => {
    it('a full disk does the same', async () => {
      await using world = await GatewayWorld.start({ minFreeMiB: 0 });
      await using _full = await mountTmpfs(join(world.folder.path, 'spool'), '3m');
      await renewWorker(world);
      await using client = sshClient(world, ['web-01', 'exec yes a line of text']);
      client.stdout.resume();
      expect(await client.exited).toBe(255);
      expect(client.stderr()).toMatch(/daypass: recording failed \(ENOSPC\); session ended/);
      await failed(world);
    });

    it('a file system that has become read-only does the same', async () => {
      await using world = await GatewayWorld.start({ minFreeMiB: 0 });
      await using disk = await mountExt4(world.folder.path, join(world.folder.path, 'spool'));
      await renewWorker(world);
      await using client = sshClient(world, ['direct', 'while date; do sleep 0.05; done']);
      await once(client.stdout, 'data');
      client.stdout.resume();
      const since = performance.now();
      disk.breakDown();
      expect(await client.exited).toBe(255);
      expect(performance.now() - since).toBeLessThan(2_000);
      expect(client.stderr()).toMatch(/daypass: recording failed \((?:EROFS|EIO)\); session ended/);
      await failed(world);
    });

    it('a store that stalls holds the session up with memory flat, and then it goes on', async () => {
      await using world = await GatewayWorld.start({ minFreeMiB: 0 });
      await using disk = await mountExt4(world.folder.path, join(world.folder.path, 'spool'));
      await renewWorker(world);
      await using client = sshClient(world, ['direct', 'seq 1 6000000']);
      let received = 0;
      let lastMs = 0;
      client.stdout.on('data', (bytes: Buffer) => {
        received += bytes.length;
        lastMs = performance.now();
      });
      await once(client.stdout, 'data');
      await disk.freeze();
      const [worker = -1] = world.gateway.workers;
      while (performance.now() - lastMs < 1_000) await pause(100);
      const before = { received, rss: rssMiB(worker) };
      await pause(LONG ? 10_000 : 3_000);
      expect(received).toBe(before.received);
      expect(rssMiB(worker)).toBeLessThan(before.rss + 8);
      await disk.thaw();
      expect(await client.exited).toBe(0);
      const whole = Array.from({ length: 6_000_000 }, (_, n) => `${n + 1}\n`).join('');
      expect(received).toBe(whole.length);
      const id = await world.control.session(0);
      expect(await world.control.endingOf(id)).toEqual({ how: 'closed' });
      expect(world.manifest(id).channels[0]?.stdoutSha256).toBe(sha256(whole));
      expect(bytesOf(await world.read(id), 0, FRAME.stdout).equals(Buffer.from(whole))).toBe(true);
    });
  });

  it(`a worker that is killed loses no second of it, ${KILLS} times`, async () => {
    await using world = await GatewayWorld.start();
    for (let n = 0; n < KILLS; n += 1) {
      await using client = sshClient(world, ['direct', 'while date +%s.%N; do sleep 0.02; done']);
      await once(client.stdout, 'data');
      client.stdout.resume();
      // Anywhere in its second.
      await pause(200 + ((n * 137) % 800));
      const killedAt = Date.now() / 1_000;
      await renewWorker(world);
      const id = await world.control.session(n);
      expect(await world.control.endingOf(id)).toEqual({ how: 'interrupted' });
      const read = await world.read(id);
      const lines = bytesOf(read, 0, FRAME.stdout).toString().trim().split('\n');
      expect(killedAt - Number(lines.at(-1))).toBeLessThan(1);
      expect(read.end.torn).toBe(false);
      const { torn: _torn, ...chain } = read.end;
      expect(world.manifest(id)).toMatchObject({ state: 'interrupted', chain });
      await client.exited;
    }
  });
});

async function failed(world: GatewayWorld): Promise<void> {
  const id = await world.control.session(0);
  expect(await world.control.endingOf(id)).toEqual({ how: 'failed', why: 'recording_failed' });
}
