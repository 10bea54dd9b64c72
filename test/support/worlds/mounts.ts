import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { run, runOk } from '../peers/processes.ts';
import type { GatewayWorld } from './gateway-world.ts';

/** Needs root: file systems of their own that a test may fill, break or freeze. */
export type Mounted = AsyncDisposable & { readonly path: string };

export async function mountTmpfs(path: string, size: string): Promise<Mounted> {
  await runOk('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', path]);
  return mounted(path);
}

export type Ext4 = Mounted & {
  /** Writes wait until `thaw`, as on a store that does not answer. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** The kernel finds an error and goes on read-only. */
  breakDown(): void;
};

export async function mountExt4(folder: string, path: string): Promise<Ext4> {
  const image = join(folder, 'ext4.img');
  await runOk('truncate', ['-s', '256M', image]);
  await runOk('mkfs.ext4', ['-q', image]);
  mkdirSync(path, { recursive: true });
  await runOk('mount', ['-o', 'loop,errors=remount-ro', image, path]);
  const device = basename((await runOk('findmnt', ['-no', 'SOURCE', path])).trim());
  const plain = mounted(path);
  return {
    path,
    freeze: async () => void (await runOk('fsfreeze', ['-f', path])),
    thaw: async () => void (await runOk('fsfreeze', ['-u', path])),
    breakDown: () => writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, 'made by a test'),
    async [Symbol.asyncDispose]() {
      await run('fsfreeze', ['-u', path]);
      await plain[Symbol.asyncDispose]();
    },
  };
}

export type Lossy = Mounted & {
  /** From now on it takes what it is given, and what did not lie there before does not come to lie there. */
  lose(): void;
  keep(): void;
};

/** A file system on a disk that promises more than it has, as thin volumes do. */
export async function mountLossy(folder: string, path: string): Promise<Lossy> {
  const below = join(folder, 'below');
  mkdirSync(below);
  const plain = await mountTmpfs(below, '64m');
  const [image, filler] = [join(below, 'ext4.img'), join(below, 'filler')];
  await runOk('truncate', ['-s', '1G', image]);
  await runOk('mkfs.ext4', ['-q', '-O', '^has_journal', image]);
  mkdirSync(path, { recursive: true });
  await runOk('mount', ['-o', 'loop,errors=continue', image, path]);
  const upper = mounted(path);
  return {
    path,
    lose() {
      const file = openSync(filler, 'w');
      const piece = Buffer.alloc(64 * 1024);
      try {
        while (writeSync(file, piece) > 0);
      } catch {
        // Nothing is left now.
      } finally {
        closeSync(file);
      }
    },
    keep: () => rmSync(filler),
    async [Symbol.asyncDispose]() {
      rmSync(filler, { force: true });
      await upper[Symbol.asyncDispose]();
      await plain[Symbol.asyncDispose]();
    },
  };
}

const mounted = (path: string): Mounted => ({
  path,
  async [Symbol.asyncDispose]() {
    await run('umount', ['-l', path]);
  },
});

/** Workers stand in the spool: one that starts now stands on what is mounted there. */
export async function renewWorker(world: GatewayWorld): Promise<void> {
  const [before = -1] = world.gateway.workers;
  process.kill(before, 'SIGKILL');
  while (world.gateway.workers.length === 0 || world.gateway.workers[0] === before) await pause(50);
}
