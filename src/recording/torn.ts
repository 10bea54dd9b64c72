import { constants } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { MANIFEST_BYTES_MAX, MANIFEST_FILE, Manifest, writeManifest } from './manifest.ts';
import { openInFolder } from './session-recording.ts';

/** Longer than any line that a recorder writes. */
const TAIL_MAX = 8 * 1024 * 1024;

/**
 * Closes the recording of a worker that died: the last line of each cast is made whole, and the manifest says what happened. What
 * was written stays; where the folder holds something that no recorder makes, it is left as it is.
 */
export async function closeTornRecording(folder: string, at: Date): Promise<void> {
  if (!(await lstat(folder)).isDirectory()) return;
  for (const name of await readdir(folder)) {
    if (/^channel-\d+\.cast$/.test(name)) await mendCast(folder, name);
  }
  const manifest = await readLiveManifest(folder);
  if (!manifest) return;
  const ending = { how: 'interrupted' };
  await writeManifest(folder, { ...manifest, state: 'interrupted', end: at.toISOString(), ending });
}

async function mendCast(folder: string, name: string): Promise<void> {
  const file = await openInFolder(folder, name, constants.O_RDWR);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) return;
    const start = Math.max(0, stats.size - TAIL_MAX);
    const tail = Buffer.alloc(stats.size - start);
    await file.read(tail, 0, tail.length, start);
    const torn = tail.subarray(tail.lastIndexOf(0x0a) + 1);
    if (torn.length === 0) return;
    const whole = Buffer.from(completeLine(torn.toString('utf8')));
    const at = stats.size - torn.length;
    await file.truncate(at);
    await file.write(whole, 0, whole.length, at);
  } finally {
    await file.close();
  }
}

/**
 * Makes an event of the beginning of one: cuts what is half a character or half an escape, and closes string and array. Of a line
 * whose text had not begun nothing can be kept.
 */
export function completeLine(torn: string): string {
  const event = /^\[\d+(?:\.\d+)?(?:e-\d+)?,"([or])","((?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-f]{4}))*)/.exec(torn);
  if (!event || event[1] === 'r') return '';
  const kept = event[0].replace(/\uFFFD+$/, '');
  return `${kept}"]\n`;
}

async function readLiveManifest(folder: string): Promise<Manifest | null> {
  try {
    const file = await openInFolder(folder, MANIFEST_FILE, constants.O_RDONLY);
    try {
      const stats = await file.stat();
      if (!stats.isFile() || stats.size > MANIFEST_BYTES_MAX) return null;
      const read = Manifest.safeParse(JSON.parse(await file.readFile('utf8')));
      return read.success && read.data.state === 'live' ? read.data : null;
    } finally {
      await file.close();
    }
  } catch {
    // Torn itself, or never written: the casts stand alone.
    return null;
  }
}
