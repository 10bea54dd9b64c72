import { chmod, cp, lchown, lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SessionId } from '../access/ids.ts';
import { closeTornRecording } from '../recording/torn.ts';

/** Takes a recording out of its worker's reach: from the spool to the recordings, control's own and 0700. */
export async function fileRecording(spool: string, recordings: string, id: SessionId): Promise<void> {
  const from = join(spool, id);
  const to = join(recordings, id);
  const stats = await lstat(from).catch(() => null);
  if (!stats) return;
  if (!stats.isDirectory()) throw new Error(`${from} is not a folder`);
  await closeTornRecording(from, new Date());
  await move(from, to);
  await chmod(to, 0o700);
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  if (uid !== 0 || gid === undefined) return;
  for (const name of await readdir(to)) await lchown(join(to, name), uid, gid);
  await lchown(to, uid, gid);
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error;
    await cp(from, to, { recursive: true, errorOnExist: true, force: false, verbatimSymlinks: true });
    await rm(from, { recursive: true });
  }
}

/** Recordings that an earlier run left in the spool when it died. */
export async function leftInSpool(spool: string): Promise<SessionId[]> {
  return (await readdir(spool)).flatMap((name) => SessionId.safeParse(name).data ?? []);
}
