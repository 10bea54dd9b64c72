import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** The keys cannot be used as they lie on disk. Its message names the path and the remedy, never what a file holds. */
export class KeysError extends Error {
  readonly code = 'keys_refused';
  readonly path: string;
  constructor(path: string, problem: string, remedy: string) {
    super(`${path}: ${problem}. ${remedy}`);
    this.name = 'KeysError';
    this.path = path;
  }
}

const FILE_BYTES_MAX = 16_384;
const OTHERS = 0o077;

/** Refuses a folder that others could look into, or that somebody else could exchange. */
export function checkPrivateFolder(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats) throw new KeysError(path, 'there is no such folder', 'Make the keys with `daypass init`.');
  if (stats.isSymbolicLink()) throw symbolicLink(path);
  if (!stats.isDirectory())
    throw new KeysError(path, 'it is not a folder', 'Name the folder that `daypass init` made.');
  checkOwnedAlone(path, stats, 0o700);
}

/** Reads a small file that nobody else can read. What is checked is what is read: the open file, not its name. */
export function readPrivateFile(path: string): string {
  const file = openPrivate(path);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new KeysError(path, 'it is not a file', 'Restore it from a backup.');
    checkOwnedAlone(path, stats, 0o600);
    if (stats.size > FILE_BYTES_MAX)
      throw new KeysError(path, 'it is too large for a key', 'Restore it from a backup.');
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function openPrivate(path: string): number {
  try {
    // O_NONBLOCK: opening a named pipe that was put there must not wait for a writer.
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ELOOP') throw symbolicLink(path);
    if (code === 'ENOENT') throw new KeysError(path, 'it is missing', 'Restore it from a backup.');
    if (code === 'EACCES')
      throw new KeysError(path, 'it cannot be read', 'Run Daypass as the user that owns the keys.');
    throw error;
  }
}

const symbolicLink = (path: string): KeysError =>
  new KeysError(
    path,
    'it is a symbolic link',
    'Put the keys themselves there, so that their owner and mode can be checked.',
  );

function checkOwnedAlone(path: string, stats: Stats, wanted: number): void {
  const user = process.geteuid?.();
  if (user !== undefined && stats.uid !== user) {
    const folder = stats.isDirectory() ? path : dirname(path);
    const remedy = `Run Daypass as user ${stats.uid}, or: chown -R ${user} ${folder}`;
    throw new KeysError(path, `it belongs to user ${stats.uid}, and Daypass runs as user ${user}`, remedy);
  }
  const mode = stats.mode & 0o7777;
  if ((mode & OTHERS) !== 0) {
    const remedy = `If nobody else can have read the keys: chmod ${wanted.toString(8)} ${path}. Otherwise make new ones.`;
    throw new KeysError(path, `its mode is 0${mode.toString(8)}, so other users can reach it`, remedy);
  }
}

/** Writes a new file with mode 0600 and waits until the disk has it; an existing one is a fault. */
export function writePrivateFile(path: string, content: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    fchmodSync(file, 0o600);
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

export function syncFolder(path: string): void {
  const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
