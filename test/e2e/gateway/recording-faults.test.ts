import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FRAME } from '../../../src/recording/format/format.ts';
import { describeAsRoot } from '../../support/checks/root.ts';
import { allDead } from '../../support/checks/sockets.ts';
import { type Client, sshClient, WAYS } from '../../support/peers/gateway-client.ts';
import { runOk } from '../../support/peers/processes.ts';
import { rssMiB } from '../../support/peers/raw-client.ts';
import { REVOKED } from '../../support/samples/samples.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { mountExt4, mountTmpfs, renewWorker } from '../../support/worlds/mounts.ts';
import { bytesOf } from '../../support/worlds/recorded.ts';

const STALL_MS = 10_000;
const SAMPLE_MS = 250;

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

    it('a store that stalls for ten seconds holds the session up with memory flat, and then it goes on', async () => {
      await using world = await GatewayWorld.start({ minFreeMiB: 0 });
      await using disk = await mountExt4(world.folder.path, join(world.folder.path, 'spool'));
      await renewWorker(world);
      await using quiet = sshClient(world, ['web-01', 'cat']);
      const told = lines(quiet);
      const quietId = await world.control.openedSession(0);
      await using revoked = sshClient(world, ['direct', 'cat']);
      revoked.stdout.resume();
      const revokedId = await world.control.openedSession(1);
      quiet.child.stdin?.write('before\n');
      await told.until('before');
      const whole = Array.from({ length: 6_000_000 }, (_, n) => `${n + 1}\n`).join('');
      await using client = sshClient(world, ['direct', 'seq 1 6000000']);
      let received = 0;
      let lastMs = 0;
      const hash = createHash('sha256');
      client.stdout.on('data', (bytes: Buffer) => {
        received += bytes.length;
        lastMs = performance.now();
        hash.update(bytes);
      });
      await once(client.stdout, 'data');
      await disk.freeze();
      const [worker = -1] = world.gateway.workers;
      while (performance.now() - lastMs < 1_000) await pause(100);
      const before = { received, rss: rssMiB(worker) };
      expect(before.received).toBeLessThan(whole.length);
      // One who begins now waits for the store too.
      await using late = sshClient(world, ['direct', 'echo late']);
      const lateTold = lines(late);
      // What others of this worker send is accepted up to a bound of their own, and who has to go does not wait for a disk.
      quiet.child.stdin?.write('meanwhile\n');
      await told.until('meanwhile');
      const revokedAt = performance.now();
      world.gateway.terminate([revokedId], REVOKED);
      await revoked.exited;
      expect(performance.now() - revokedAt).toBeLessThan(1_000);
      for (let n = 0; n < STALL_MS / SAMPLE_MS; n += 1) {
        await pause(SAMPLE_MS);
        expect(rssMiB(worker)).toBeLessThan(before.rss + 8);
      }
      expect(received).toBe(before.received);
      expect(lateTold.text()).toBe('');
      await disk.thaw();
      expect(await client.exited).toBe(0);
      expect(await late.exited).toBe(0);
      quiet.child.stdin?.end('after\n');
      expect(await quiet.exited).toBe(0);
      expect(world.gateway.workers).toEqual([worker]);
      expect(received).toBe(whole.length);
      expect(hash.digest('hex')).toBe(sha256(whole));
      const id = await world.control.session(2);
      expect(await world.control.endingOf(id)).toEqual({ how: 'closed' });
      expect(world.manifest(id).channels[0]?.stdoutSha256).toBe(sha256(whole));
      expect(bytesOf(await world.read(id), 0, FRAME.stdout).equals(Buffer.from(whole))).toBe(true);
      expect(await world.control.endingOf(quietId)).toEqual({ how: 'closed' });
      expect(bytesOf(await world.read(quietId), 0, FRAME.stdout).toString()).toBe('before\nmeanwhile\nafter\n');
      expect(await world.control.endingOf(revokedId)).toEqual({ how: 'terminated', why: 'revoked' });
      expect(lateTold.text()).toBe('late\n');
    });
  });
});

async function failed(world: GatewayWorld): Promise<void> {
  const id = await world.control.session(0);
  expect(await world.control.endingOf(id)).toEqual({ how: 'failed', why: 'recording_failed' });
}

/** What a client has shown, for a test that waits for some of it. */
function lines({ stdout }: Client): { text(): string; until(word: string): Promise<void> } {
  let text = '';
  stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  return {
    text: () => text,
    async until(word) {
      while (!text.includes(word)) await once(stdout, 'data', { signal: AbortSignal.timeout(5_000) });
    },
  };
}
