import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import {
  appendFile,
  chmod,
  link,
  mkdir,
  readFile,
  rename,
  rmdir,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sftp, WAYS, type Way } from '../../support/peers/gateway-client.ts';
import {
  channelsOf,
  MIB,
  observing,
  refusalsOf,
  sha256,
  sha256OfFile,
  TUNNEL_ONLY,
} from '../../support/peers/gateway-tools.ts';
import { run } from '../../support/peers/processes.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/**
 * sshfs, which needs the kernel's FUSE. Where this machine has none, as containers often do, sftp makes the requests that sshfs would
 * make, and the test's name says so: it shows that the gateway passes them, not that sshfs works.
 */

const hasFuse = mayOpen('/dev/fuse');

let world: GatewayWorld;
beforeAll(async () => {
  world = await GatewayWorld.start({ scopeName: 'files-rw' });
});
afterAll(() => world?.[Symbol.asyncDispose]());

function mayOpen(path: string): boolean {
  try {
    closeSync(openSync(path, 'r+'));
    return true;
  } catch {
    return false;
  }
}

const folder = (name: string): string => {
  const path = join(world.folder.path, name);
  mkdirSync(path);
  return path;
};

/** Mounts, works, unmounts. */
async function mounted(of: GatewayWorld, way: Way, there: string, at: string, work: () => Promise<void>) {
  // -f: it ends with the mount, and its words are ours to read.
  const ended = run('sshfs', ['-f', '-F', of.sshConfig, `${way}:${there}`, at], { timeoutMs: 100_000 });
  try {
    await Promise.race([expect.poll(() => isMounted(at), { timeout: 20_000 }).toBe(true), ended]);
    if (isMounted(at)) await work();
  } finally {
    if (isMounted(at)) await run('fusermount3', ['-u', '-z', at]);
  }
  return ended;
}

const isMounted = (at: string): boolean => readFileSync('/proc/mounts', 'utf8').includes(` ${at} fuse.sshfs `);

/** Without -z above, what is mounted is looked at through the mount alone. */
async function workThrough(at: string, there: string): Promise<void> {
  const big = randomBytes(3 * MIB);
  await writeFile(join(at, 'big'), big);
  expect(sha256OfFile(join(there, 'big'))).toBe(sha256(big));
  writeFileSync(join(there, 'made'), big);
  expect(sha256(await readFile(join(at, 'made')))).toBe(sha256(big));
  await mkdir(join(at, 'sub'));
  await rename(join(at, 'big'), join(at, 'sub', 'moved'));
  await link(join(at, 'sub', 'moved'), join(at, 'hard'));
  await symlink('moved', join(at, 'sub', 'link'));
  await chmod(join(at, 'sub', 'moved'), 0o640);
  await utimes(join(at, 'sub', 'moved'), 1_000_000_000, 1_000_000_000);
  await truncate(join(at, 'hard'), 10);
  await appendFile(join(at, 'hard'), 'more');
  expect(readdirSync(join(at, 'sub')).toSorted()).toEqual(['link', 'moved']);
  expect(statfsSync(at).blocks).toBeGreaterThan(0);
  await unlink(join(at, 'sub', 'link'));
  await unlink(join(at, 'sub', 'moved'));
  await rmdir(join(at, 'sub'));
  expect(readFileSync(join(there, 'hard')).length).toBe(14);
  expect(existsSync(join(there, 'sub'))).toBe(false);
  await expect(readFile(join(at, 'none'))).rejects.toThrow(/ENOENT/);
}

/** The same requests, as sftp makes them. */
const asSftp = (there: string, given: string): string =>
  [
    ...[`cd ${there}`, `lcd ${there}`, `put ${given} big`, 'get big made', 'mkdir sub', 'rename big sub/moved'],
    ...['ln sub/moved hard', 'symlink moved sub/link', 'chmod 640 sub/moved', `put -p ${given} hard`, 'ls -l sub'],
    ...['df', 'rm sub/link', 'rm sub/moved', 'rmdir sub', '-get none', ''],
  ].join('\n');

describe.each(WAYS)('by way of %s', (way) => {
  const name = hasFuse
    ? 'sshfs mounts'
    : 'no /dev/fuse on this machine: in the place of sshfs, sftp does what a mount would do';
  it(`${name}: files are read, written, moved, linked and removed, and the log counts them`, async () => {
    const there = folder(`there-${way}`);
    const at = folder(`mount-${way}`);
    const { outcome, reports } = await observing(world, async () => {
      if (hasFuse) return mounted(world, way, there, at, () => workThrough(at, there));
      const given = join(world.folder.path, `given-${way}`);
      writeFileSync(given, randomBytes(3 * MIB));
      return sftp(world, way, asSftp(there, given));
    });
    expect(outcome.code).toBe(0);
    expect(reports).toMatchObject([{ ending: { how: 'closed' }, refusals: [] }]);
    expect(channelsOf(reports)).toMatchObject([
      { kind: 'subsystem', command: 'sftp', label: 'sftp', coverage: 'metadata', files: { refused: 0 } },
    ]);
    const [channel] = channelsOf(reports);
    expect(channel?.files?.written).toBeGreaterThanOrEqual(2);
    expect(channel?.files?.read).toBeGreaterThanOrEqual(1);
    expect(channel?.files?.changed).toBeGreaterThanOrEqual(7);
    expect(channel?.bytesFromClient).toBeGreaterThan(3 * MIB);
    expect(channel?.bytesToClient).toBeGreaterThan(3 * MIB);
  });

  it(`${hasFuse ? 'sshfs' : 'sftp in the place of sshfs'} is refused without files in the scope, and nothing is mounted`, async () => {
    await using none = await GatewayWorld.start({ scope: TUNNEL_ONLY });
    const at = folder(`never-${way}`);
    const { outcome, reports } = await observing(none, () =>
      hasFuse ? mounted(none, way, '/', at, async () => {}) : sftp(none, way, 'ls /\n'),
    );
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toMatch(/daypass: scope tunnel:db does not allow the subsystem sftp/);
    expect(isMounted(at)).toBe(false);
    expect(channelsOf(reports)).toEqual([]);
    expect(refusalsOf(reports)).toHaveLength(1);
  });
});
