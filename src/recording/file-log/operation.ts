import { z } from 'zod';
import { Digest } from '../../access/ids.ts';

/** Longer than any path that a Linux target can open (PATH_MAX), in characters after replacement. */
export const PATH_MAX = 4_096;
const WHY_MAX = 200;
const STATUS_MAX = 40;
const Bytes = z.int().nonnegative();
const Path = z.string().max(PATH_MAX + 1);

/**
 * What was done to files, one entry each: `file` is an opened file until its close; `unparsed` says that from here on what passes is no
 * transfer, and kept as what a command says.
 */
const OperationName = z.enum([
  'file',
  'list',
  'rename',
  'remove',
  'mkdir',
  'rmdir',
  'attributes',
  'symlink',
  'hardlink',
  'copy',
  'warning',
  'unparsed',
]);
export type OperationName = z.infer<typeof OperationName>;

const Protocol = z.enum(['sftp', 'scp']);

/** An entry of the file log, as recordings hold it. */
export const FileOperation = z
  .strictObject({
    protocol: Protocol,
    operation: OperationName,
    /** Bytes that are no UTF-8 are shown as U+FFFD, and what is too long ends in an ellipsis: `pathHex` has such a path's bytes. */
    path: Path,
    pathHex: z
      .string()
      .max(2 * PATH_MAX)
      .optional(),
    /** The other path of a rename, link or copy. */
    target: Path.optional(),
    targetHex: z
      .string()
      .max(2 * PATH_MAX)
      .optional(),
    /** Where scp's old protocol puts `path`, which is as its sender named it: only the target knows whether this is a folder. */
    into: Path.optional(),
    intoHex: z
      .string()
      .max(2 * PATH_MAX)
      .optional(),
    /** How it was opened: `read`, `write`, `append`, `create`, `truncate`, `exclusive`; or which attributes were set. */
    flags: z.array(z.string().max(STATUS_MAX)).max(16).optional(),
    mode: z.int().nonnegative().optional(),
    /** As announced by its sender, or set. */
    size: Bytes.optional(),
    /** `refused` is the status "permission denied", whoever gave it; `unanswered`: the channel ended first. */
    result: z.enum(['ok', 'failed', 'refused', 'unanswered']),
    status: z.string().max(STATUS_MAX).optional(),
    bytesRead: Bytes.optional(),
    bytesWritten: Bytes.optional(),
    /** Of the content as it passed, where it passed whole: from its first byte to its end, without holes. */
    readSha256: Digest.optional(),
    writtenSha256: Digest.optional(),
    /** Why there is no digest, or what went wrong. */
    why: z.string().max(WHY_MAX).optional(),
    /** Microseconds since the session's start. */
    startedMicros: Bytes,
    endedMicros: Bytes,
  })
  .readonly();
export type FileOperation = z.infer<typeof FileOperation>;

export type OnOperation = (operation: FileOperation) => void;

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder('utf-8', { ignoreBOM: true });

export type ShownPath = { readonly text: string; readonly hex: string | undefined };

/** The path as text; with its bytes where the text does not say all. */
export function showPath(bytes: Uint8Array): ShownPath {
  const isLong = bytes.length > PATH_MAX;
  const kept = isLong ? bytes.subarray(0, PATH_MAX) : bytes;
  if (!isLong) {
    try {
      return { text: strict.decode(kept), hex: undefined };
    } catch {
      // Its bytes are shown instead.
    }
  }
  return {
    text: `${lossy.decode(kept)}${isLong ? '…' : ''}`,
    hex: Buffer.from(kept.buffer, kept.byteOffset, kept.byteLength).toString('hex'),
  };
}

/** Where a path stands in an entry; absent keys stay absent. */
export const asPath = ({ text, hex }: ShownPath): Pick<FileOperation, 'path' | 'pathHex'> =>
  hex === undefined ? { path: text } : { path: text, pathHex: hex };

export const asTarget = ({ text, hex }: ShownPath): Pick<FileOperation, 'target' | 'targetHex'> =>
  hex === undefined ? { target: text } : { target: text, targetHex: hex };

export const asInto = ({ text, hex }: ShownPath): Pick<FileOperation, 'into' | 'intoHex'> =>
  hex === undefined ? { into: text } : { into: text, intoHex: hex };

/** A clause from outside, kept short. */
export const clause = (text: string): string => text.slice(0, WHY_MAX);
