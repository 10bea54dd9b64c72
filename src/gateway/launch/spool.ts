import { constants } from 'node:fs';
import {
  copyFile,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rmdir,
  statfs,
  unlink,
} from 'node:fs/promises';
import { SessionId } from '../../access/ids.ts';
import type { Log } from '../../log.ts';
import { LEFT_RECORDINGS_MAX, RECORDING_FILES_MAX } from '../limits.ts';

export type Account = { readonly uid: number; readonly gid: number };

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, COPYFILE_EXCL, COPYFILE_FICLONE } = constants;

/** Below a folder that is open: whatever its name leads to meanwhile. */
const below = (folder: FileHandle, name: string): string => `/proc/self/fd/${folder.fd}/${name}`;

/**
 * The workers' folder and control's, as root sees both. Either account may do what it likes with its own: nothing here goes by a name
 * that one of them could have turned into a link, and only plain files that have no second name go from one to the other.
 */
export class Spool implements AsyncDisposable {
  readonly #spool: FileHandle;
  readonly #recordings: FileHandle;
  readonly #worker: Account;
  readonly #control: Account;

  readonly #noRoom: (id: SessionId) => void;

  private constructor(
    folders: { readonly spool: FileHandle; readonly recordings: FileHandle },
    worker: Account,
    control: Account,
    noRoom: (id: SessionId) => void,
  ) {
    this.#spool = folders.spool;
    this.#recordings = folders.recordings;
    this.#worker = worker;
    this.#control = control;
    this.#noRoom = noRoom;
  }

  /** Both folders have to be there, control's own, on one file system; the spool becomes the workers'. */
  static async open(
    folders: { readonly spool: string; readonly recordings: string },
    worker: Account,
    control: Account,
    noRoom: (id: SessionId) => void = () => {},
  ): Promise<Spool> {
    await mkdir(folders.spool, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    const spool = await openFolder(folders.spool);
    const recordings = await openFolder(folders.recordings).catch(async (error: unknown) => {
      await spool.close();
      throw error;
    });
    try {
      const [from, to] = [await spool.stat(), await recordings.stat()];
      if (to.uid !== control.uid)
        throw new Error(`${folders.recordings} belongs to uid ${to.uid}, not to control's uid`);
      if (from.uid !== 0 && from.uid !== worker.uid && from.uid !== control.uid) {
        throw new Error(`${folders.spool} belongs to uid ${from.uid}, which is neither control's nor the workers'`);
      }
      if (from.dev !== to.dev)
        throw new Error(`${folders.spool} and ${folders.recordings} are on different file systems`);
      await spool.chown(worker.uid, worker.gid);
      await spool.chmod(0o700);
    } catch (error) {
      await Promise.all([spool.close(), recordings.close()]);
      throw error;
    }
    return new Spool({ spool, recordings }, worker, control, noRoom);
  }

  /** Where a worker starts. */
  get path(): string {
    return `/proc/self/fd/${this.#spool.fd}`;
  }

  async left(): Promise<SessionId[]> {
    const names = await readdir(`/proc/self/fd/${this.#recordings.fd}`);
    const taken = names.flatMap((name) => SessionId.safeParse(/^\.(.+)\.taken$/.exec(name)?.[1]).data ?? []);
    return [...new Set([...taken, ...(await leftInSpool(this.path))])].slice(0, LEFT_RECORDINGS_MAX);
  }

  /**
   * Files a recording under control's account; false if there is none. The folder first leaves the spool for a name that only
   * control and root can reach, so what is checked is what is filed. Its files are then copied: a worker can still hold the originals
   * open for writing. Without room for a copy the originals are filed, which `noRoom` is told.
   */
  async collect(id: SessionId): Promise<boolean> {
    const [taken, filed] = [below(this.#recordings, takenName(id)), below(this.#recordings, id)];
    const isFiled = await exists(filed);
    if (!(await exists(taken))) {
      if (!(await exists(below(this.#spool, id)))) return false;
      if (isFiled) throw new Error(`recording ${id} already exists`);
      await (await openFolder(below(this.#spool, id))).close();
      await rename(below(this.#spool, id), taken);
    }
    try {
      const folder = await openFolder(taken);
      try {
        // A run that was killed after filing it and before it removed the originals.
        if (!isFiled) await this.#file(folder, id);
        if (!(await this.#isSame(folder, filed))) await removeFiles(folder);
      } finally {
        await folder.close();
      }
    } catch (error) {
      // The next start tries again, from where it is.
      await rename(taken, below(this.#spool, id)).catch(() => {});
      throw error;
    }
    await rmdir(taken).catch(ignoring('ENOENT'));
    return true;
  }

  async #file(folder: FileHandle, id: SessionId): Promise<void> {
    // From here on no worker can open anything in it, or put anything into it.
    await folder.chown(0, 0);
    await folder.chmod(0o700);
    const names = await readdir(`/proc/self/fd/${folder.fd}`);
    if (names.length > RECORDING_FILES_MAX) throw new Error(`recording ${id} has too many files: ${names.length}`);
    let bytes = 0;
    for (const name of names) bytes += await this.#take(folder, name, id);
    if (await this.#copy(folder, names, bytes, id)) return;
    this.#noRoom(id);
    await rename(below(this.#recordings, takenName(id)), below(this.#recordings, id));
    await folder.chown(this.#control.uid, this.#control.gid);
  }

  /** Its size in bytes. */
  async #take(folder: FileHandle, name: string, id: SessionId): Promise<number> {
    await using file = await open(below(folder, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stats = await file.stat();
    const isOfWorker = stats.uid === this.#worker.uid || stats.uid === this.#control.uid;
    if (!stats.isFile() || stats.nlink !== 1 || !isOfWorker) {
      throw new Error(`recording ${id} contains something other than plain files of its worker`);
    }
    await file.chown(this.#control.uid, this.#control.gid);
    await file.chmod(0o600);
    return stats.size;
  }

  /** False where the disk has no room for it. */
  async #copy(from: FileHandle, names: readonly string[], bytes: number, id: SessionId): Promise<boolean> {
    const { bavail, bsize } = await statfs(`/proc/self/fd/${this.#recordings.fd}`);
    if (bytes > bavail * bsize) return false;
    const path = below(this.#recordings, `.${id}.filing`);
    await removeFolder(path);
    await mkdir(path, { mode: 0o700 });
    await using to = await openFolder(path);
    try {
      for (const name of names) await this.#copyFile(below(from, name), below(to, name));
    } catch (error) {
      await removeFolder(path);
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
      throw error;
    }
    await to.sync();
    await to.chown(this.#control.uid, this.#control.gid);
    await rename(path, below(this.#recordings, id));
    await this.#recordings.sync();
    return true;
  }

  async #copyFile(from: string, to: string): Promise<void> {
    await copyFile(from, to, COPYFILE_EXCL | COPYFILE_FICLONE);
    await using file = await open(to, O_RDONLY | O_NOFOLLOW);
    await file.chmod(0o600);
    await file.chown(this.#control.uid, this.#control.gid);
    await file.sync();
  }

  async #isSame(folder: FileHandle, path: string): Promise<boolean> {
    const [one, other] = [await folder.stat(), await lstat(path)];
    return one.dev === other.dev && one.ino === other.ino;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#spool.close(), this.#recordings.close()]);
  }
}

/** What an operator is told where a recording's own files were filed. */
export const filedWithoutCopy =
  (log: Log) =>
  (session: SessionId): void =>
    log.error({ session }, 'no room to copy a recording: its worker may still hold the filed files open for writing');

const openFolder = (path: string): Promise<FileHandle> => open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

/** In control's folder, where no worker reaches: a recording on its way from one account to the other. */
const takenName = (id: SessionId): string => `.${id}.taken`;

const ignoring =
  (code: string) =>
  (error: NodeJS.ErrnoException): void => {
    if (error.code !== code) throw error;
  };

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      ignoring('ENOENT')(error);
      return false;
    },
  );

async function removeFiles(folder: FileHandle): Promise<void> {
  for (const name of await readdir(`/proc/self/fd/${folder.fd}`)) await unlink(below(folder, name));
}

/** A flat folder, of which there may be none. */
async function removeFolder(path: string): Promise<void> {
  if (!(await exists(path))) return;
  const folder = await openFolder(path);
  try {
    await removeFiles(folder);
  } finally {
    await folder.close();
  }
  await rmdir(path);
}

/** Recordings that an earlier run left in the spool when it died. */
export async function leftInSpool(spool: string): Promise<SessionId[]> {
  return (await readdir(spool)).flatMap((name) => SessionId.safeParse(name).data ?? []).slice(0, LEFT_RECORDINGS_MAX);
}
