import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename } from 'node:fs/promises';
import { SessionId } from '../access/ids.ts';
import { LEFT_RECORDINGS_MAX, RECORDING_FILES_MAX } from './limits.ts';

export type Account = { readonly uid: number; readonly gid: number };

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;

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

  private constructor(spool: FileHandle, recordings: FileHandle, worker: Account, control: Account) {
    this.#spool = spool;
    this.#recordings = recordings;
    this.#worker = worker;
    this.#control = control;
  }

  /** Both folders have to be there, control's own, on one file system; the spool becomes the workers'. */
  static async open(
    folders: { readonly spool: string; readonly recordings: string },
    worker: Account,
    control: Account,
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
      if (to.uid !== control.uid) throw new Error(`${folders.recordings} belongs to uid ${to.uid}, not to control's`);
      if (from.uid !== 0 && from.uid !== worker.uid && from.uid !== control.uid) {
        throw new Error(`${folders.spool} belongs to uid ${from.uid}, who is neither control nor a worker`);
      }
      if (from.dev !== to.dev) throw new Error(`${folders.spool} and ${folders.recordings} lie on two file systems`);
      await spool.chown(worker.uid, worker.gid);
      await spool.chmod(0o700);
    } catch (error) {
      await Promise.all([spool.close(), recordings.close()]);
      throw error;
    }
    return new Spool(spool, recordings, worker, control);
  }

  /** Where a worker starts. */
  get path(): string {
    return `/proc/self/fd/${this.#spool.fd}`;
  }

  left(): Promise<SessionId[]> {
    return leftInSpool(this.path);
  }

  /** False where there is no such recording. */
  async collect(id: SessionId): Promise<boolean> {
    const folder = await openFolder(below(this.#spool, id)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (!folder) return false;
    try {
      await this.#take(folder, id);
      await rename(below(this.#spool, id), below(this.#recordings, id));
      await folder.chown(this.#control.uid, this.#control.gid);
    } finally {
      await folder.close();
    }
    return true;
  }

  async #take(folder: FileHandle, id: SessionId): Promise<void> {
    // From here on no worker can open anything in it, or put anything into it.
    await folder.chown(0, 0);
    await folder.chmod(0o700);
    const names = await readdir(`/proc/self/fd/${folder.fd}`);
    if (names.length > RECORDING_FILES_MAX) throw new Error(`the recording ${id} has ${names.length} files`);
    for (const name of names) {
      const file = await open(below(folder, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      try {
        await this.#takeFile(file, id);
      } finally {
        await file.close();
      }
    }
  }

  async #takeFile(file: FileHandle, id: SessionId): Promise<void> {
    const stats = await file.stat();
    const isOfWorker = stats.uid === this.#worker.uid || stats.uid === this.#control.uid;
    if (!stats.isFile() || stats.nlink !== 1 || !isOfWorker) {
      throw new Error(`the recording ${id} holds something else than plain files of its worker`);
    }
    await file.chown(this.#control.uid, this.#control.gid);
    await file.chmod(0o600);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#spool.close(), this.#recordings.close()]);
  }
}

const openFolder = (path: string): Promise<FileHandle> => open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

/** Recordings that an earlier run left in the spool when it died. */
export async function leftInSpool(spool: string): Promise<SessionId[]> {
  return (await readdir(spool)).flatMap((name) => SessionId.safeParse(name).data ?? []).slice(0, LEFT_RECORDINGS_MAX);
}
