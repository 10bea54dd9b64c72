import { statfsSync } from 'node:fs';
import { MIN_FREE_MIB } from './product.ts';

const MIB = 1024 * 1024;
/** What a demo's keys, database and recordings take, plus what the gateway keeps free for itself. */
export const NEEDED_MIB = MIN_FREE_MIB + 150;

export function freeMiB(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return Math.floor((bavail * bsize) / MIB);
}

/** Why there is too little room; null where there is enough. */
export function tooLittleRoom(folder: string, free: number): string | null {
  if (free >= NEEDED_MIB) return null;
  return `The demo needs ${NEEDED_MIB} MiB of disk space in ${folder}, but only ${free} MiB are free. Free up space, or choose another folder: TMPDIR=<folder> npm run demo`;
}

/** Why the demo failed. Programs on a full disk blame whatever they could not write, so the disk is named first. */
export function whyFailed(error: unknown, folder: string, free: number): string {
  const why = error instanceof Error ? error.message : String(error);
  const isFull = free < MIN_FREE_MIB || /ENOSPC|No space left on device/i.test(why);
  return isFull ? `The disk that holds ${folder} is full: only ${free} MiB are free.\n${why}` : why;
}
