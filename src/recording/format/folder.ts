import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Files of a recording as control meets them: what lies there was written by a worker, or by whoever reached the disk. */

export const FILES = {
  container: 'recording.bin',
  index: 'recording.idx',
  key: 'key.age',
  manifest: 'manifest.json',
  signature: 'manifest.json.sig',
  erasure: 'erased.json',
  erasureSignature: 'erased.json.sig',
} as const;

export const SMALL_FILE_MAX = 16 * 1024 * 1024;
export const SIGNATURE_FILE_MAX = 16_384;
export const KEY_FILE_MAX = 1024 * 1024;

/** A file that is not what it has to be. The message is a clause of ours. */
export class FolderError extends Error {
  readonly code = 'recording_folder';
  readonly file: string;
  constructor(file: string, why: string) {
    super(why);
    this.name = 'FolderError';
    this.file = file;
  }
}

/** Opens a regular file, never through a link and never waiting for a pipe; null where there is none. */
export async function openRegular(folder: string, name: string, flags: number): Promise<FileHandle | null> {
  let file: FileHandle;
  try {
    file = await open(join(folder, name), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT') return null;
    if (code === 'ELOOP') throw new FolderError(name, 'it is a symbolic link');
    if (code === 'EISDIR' || code === 'ENXIO') throw new FolderError(name, 'it is not a file');
    throw error;
  }
  try {
    if ((await file.stat()).isFile()) return file;
    throw new FolderError(name, 'it is not a file');
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Whether a name is there at all, whatever it is. */
export const hasEntry = (folder: string, name: string): Promise<boolean> =>
  lstat(join(folder, name)).then(
    () => true,
    () => false,
  );

/** The whole of a small file; null where there is none. */
export async function readSmall(folder: string, name: string, limit: number): Promise<Buffer | null> {
  const file = await openRegular(folder, name, constants.O_RDONLY);
  if (!file) return null;
  try {
    const { size } = await file.stat();
    if (size > limit) throw new FolderError(name, `it is larger than ${limit} bytes`);
    const bytes = Buffer.alloc(size);
    let at = 0;
    while (at < size) {
      const { bytesRead } = await file.read(bytes, at, size - at, at);
      if (bytesRead === 0) throw new FolderError(name, 'it became shorter while it was read');
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Replaces a file as a whole and waits until the disk has it: a crash leaves the old one or the new one. */
export async function replaceFile(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  const path = join(folder, name);
  // Left by a crash, or laid there: a second name of another file, or a pipe that nobody reads.
  await rm(`${path}.new`, { force: true });
  const file = await open(`${path}.new`, NEW_FILE, 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncFolder(folder);
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
