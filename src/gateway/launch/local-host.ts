import { cp, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionId } from '../../access/ids.ts';
import type { Log } from '../../log.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import { ForkHost, type ForkHostOptions, type Listen } from './fork-host.ts';
import { filedWithoutCopy, leftInSpool, Spool } from './spool.ts';

export type LocalHostOptions = {
  readonly listen: Listen;
  readonly spool: string;
  readonly recordings: string;
  readonly log: Log;
  /** Of the workers, where this process is root. */
  readonly workerUid?: number;
  readonly workerGid?: number;
  readonly limits?: Partial<Limits>;
};

/** Runs the workers in children of this process, which takes their recordings itself. */
export async function localHost({
  listen: at,
  spool,
  recordings,
  log,
  workerUid,
  workerGid,
  limits,
}: LocalHostOptions): Promise<ForkHost> {
  const { kexMs, loginMs } = { ...DEFAULT_LIMITS, ...limits };
  const listen: Listen = { ...at, door: { kexMs, loginMs, ...at.door } };
  for (const folder of [spool, recordings]) await mkdir(folder, { recursive: true, mode: 0o700 });
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  if (workerUid === undefined || workerGid === undefined || uid === undefined || gid === undefined) {
    const files: ForkHostOptions['files'] = {
      collect: (id) => moveRecording(spool, recordings, id),
      left: () => leftInSpool(spool),
    };
    return new ForkHost({ listen, cwd: spool, account: null, log, files });
  }
  const account = { uid: workerUid, gid: workerGid };
  const files = await Spool.open({ spool, recordings }, account, { uid, gid }, filedWithoutCopy(log));
  return new ForkHost({ listen, cwd: files.path, account, log, files });
}

/** From the spool to the recordings, where one account owns both. */
export async function moveRecording(spool: string, recordings: string, id: SessionId): Promise<boolean> {
  const [from, to] = [join(spool, id), join(recordings, id)];
  const stats = await lstat(from).catch(() => null);
  if (!stats) return false;
  if (!stats.isDirectory()) throw new Error(`${from} is not a folder`);
  try {
    await rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error;
    await cp(from, to, { recursive: true, errorOnExist: true, force: false, verbatimSymlinks: true });
    await rm(from, { recursive: true });
  }
  return true;
}
