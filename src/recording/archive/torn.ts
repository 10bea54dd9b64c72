import { constants } from 'node:fs';
import { lstat } from 'node:fs/promises';
import type { ChainEnd } from '../format/chain.ts';
import { type Chain, walkChain } from '../format/chain.ts';
import { FILES, openRegular, readSmall, replaceFile, SMALL_FILE_MAX } from '../format/folder.ts';
import { CHUNK_MAX, LENGTH_BYTES, TAG_BYTES } from '../format/format.ts';
import { Manifest, manifestText } from '../format/manifest.ts';

/** A crash tears one chunk at most. */
const TORN_MAX = LENGTH_BYTES + CHUNK_MAX + TAG_BYTES;

/**
 * Closes the recording of a worker that died: what is half a chunk is cut, and the manifest says what happened and how far the chain
 * goes. Null where there is nothing to close: it was closed, or the folder holds something that no recorder makes, which is left as
 * it is.
 */
export async function closeTornRecording(folder: string, at: Date): Promise<ChainEnd | null> {
  if (!(await lstat(folder)).isDirectory()) return null;
  const manifest = await readLiveManifest(folder);
  if (!manifest) return null;
  const chain = await cutTear(folder);
  const interrupted = { state: 'interrupted', end: at.toISOString(), ending: { how: 'interrupted' } } as const;
  await replaceFile(folder, FILES.manifest, manifestText({ ...manifest, ...interrupted, chain } as Manifest));
  return chain;
}

async function cutTear(folder: string): Promise<ChainEnd | null> {
  const file = await openRegular(folder, FILES.container, constants.O_RDWR).catch(() => null);
  if (!file) return null;
  try {
    const walked = await walkChain(file);
    if (walked.kind === 'unreadable') return null;
    const { head, chunks, bytes }: Chain = walked.chain;
    const rest = (await file.stat()).size - bytes;
    if (rest > 0 && rest < TORN_MAX) await file.truncate(bytes);
    return { head, chunks, bytes };
  } finally {
    await file.close();
  }
}

async function readLiveManifest(folder: string): Promise<Manifest | null> {
  try {
    const text = await readSmall(folder, FILES.manifest, SMALL_FILE_MAX);
    const read = Manifest.safeParse(JSON.parse(text?.toString('utf8') ?? 'null'));
    return read.success && read.data.state === 'live' ? read.data : null;
  } catch {
    // Torn itself, or not a file: what else is there stands alone.
    return null;
  }
}
