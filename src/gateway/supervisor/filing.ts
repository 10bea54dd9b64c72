import { cp, lstat, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionId } from '../../access/ids.ts';
import { closeTornRecording } from '../../recording/archive/torn.ts';
import type { WorkerHost } from '../launch/worker-host.ts';

/** Takes a recording out of its worker's reach and closes it where the worker could not. False where there is none. */
export async function fileRecording(
  host: Pick<WorkerHost, 'collect'>,
  recordings: string,
  id: SessionId,
): Promise<boolean> {
  if (!(await host.collect(id))) return false;
  await closeTornRecording(join(recordings, id), new Date());
  return true;
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
