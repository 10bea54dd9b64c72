import { FXF } from '../../sftpwire/wire.ts';
import { ContentDigest, type Waiting } from './content-digest.ts';
import { asPath, type FileOperation, type ShownPath } from './operation.ts';

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [FXF.READ, 'read'],
  [FXF.WRITE, 'write'],
  [FXF.APPEND, 'append'],
  [FXF.CREAT, 'create'],
  [FXF.TRUNC, 'truncate'],
  [FXF.EXCL, 'exclusive'],
];

export const flagNames = (flags: number): string[] => FLAG_NAMES.filter(([bit]) => flags & bit).map(([, name]) => name);

export type Opening = {
  readonly path: ShownPath;
  /** Null for a folder. */
  readonly flags: number | null;
  readonly mode: number | null;
  readonly micros: number;
};

/** One handle, from the target's answer to its close: what passed through it, and in which order. */
export class OpenFile {
  readonly opening: Opening;
  readonly isForWriting: boolean;
  readonly #read: ContentDigest;
  readonly #written: ContentDigest;
  #bytesRead = 0;
  #bytesWritten = 0;
  /** Where the target said that the file ends. */
  #end: number | null = null;
  /** Whether the file holds nothing but what was written through this handle. */
  #isFresh: boolean;
  #wasListed = false;

  constructor(opening: Opening, waiting: Waiting) {
    this.opening = opening;
    const flags = opening.flags ?? 0;
    this.isForWriting = (flags & ~FXF.READ) !== 0;
    this.#isFresh = (flags & FXF.TRUNC) !== 0 || (flags & (FXF.CREAT | FXF.EXCL)) === (FXF.CREAT | FXF.EXCL);
    this.#read = new ContentDigest(waiting);
    this.#written = new ContentDigest(waiting);
    if (flags & FXF.APPEND) this.#written.spoil('it was appended to what was there');
  }

  /** Not a folder, of which only names are asked. */
  get hasContent(): boolean {
    return this.opening.flags !== null;
  }

  read(offset: number, bytes: Buffer): void {
    this.#bytesRead += bytes.length;
    this.#read.put(offset, bytes);
  }

  /** The target says that the file ends here, or before. */
  ended(offset: number): void {
    if (offset === this.#read.next) this.#end = offset;
  }

  write(offset: number, bytes: Buffer): void {
    this.#bytesWritten += bytes.length;
    this.#written.put(offset, bytes);
  }

  /** How far it was written without holes, as asked. */
  get writtenTo(): number {
    return this.#written.next;
  }

  /** Its size was set, when so much had been written. */
  resized(size: number, writtenTo: number): void {
    if (size === writtenTo) this.#isFresh = true;
    else this.#written.spoil('its size was changed');
  }

  spoilWritten(why: string): void {
    this.#written.spoil(why);
  }

  listed(): void {
    this.#wasListed = true;
  }

  /** Its entry; call once. */
  entry(result: FileOperation['result'], status: string, micros: number, unfinished: string | null): FileOperation {
    const { path, flags, mode, micros: startedMicros } = this.opening;
    const frame = { ...asPath(path), result, status, startedMicros, endedMicros: micros };
    if (flags === null) {
      const whyNot = this.#wasListed ? null : 'its names were not asked for';
      const why = unfinished ?? whyNot;
      this.#spoilAll();
      return { protocol: 'sftp', operation: 'list', ...frame, ...(why === null ? {} : { why }) };
    }
    const digests = this.#digests(unfinished);
    return {
      protocol: 'sftp',
      operation: 'file',
      ...frame,
      flags: flagNames(flags),
      ...(mode === null ? {} : { mode }),
      bytesRead: this.#bytesRead,
      bytesWritten: this.#bytesWritten,
      ...digests,
    };
  }

  get counts(): { readonly isRead: boolean; readonly isWritten: boolean } {
    const flags = this.opening.flags;
    if (flags === null) return { isRead: false, isWritten: false };
    const makes = (flags & (FXF.CREAT | FXF.TRUNC)) !== 0;
    return { isRead: this.#bytesRead > 0 || !this.isForWriting, isWritten: this.#bytesWritten > 0 || makes };
  }

  #digests(unfinished: string | null): Pick<FileOperation, 'readSha256' | 'writtenSha256' | 'why'> {
    if (unfinished !== null) {
      this.#spoilAll();
      return { why: unfinished };
    }
    const { isRead, isWritten } = this.counts;
    if (this.#end !== this.#read.next) this.#read.spoil('it was not read to its end');
    if (!this.#isFresh) this.#written.spoil('it may hold more than what was written');
    const read = this.#read.finish();
    const written = this.#written.finish();
    const why = (isWritten ? written.why : null) ?? (isRead ? read.why : null);
    return {
      ...(isRead && read.digest !== null ? { readSha256: read.digest } : {}),
      ...(isWritten && written.digest !== null ? { writtenSha256: written.digest } : {}),
      ...(why === null ? {} : { why }),
    };
  }

  #spoilAll(): void {
    this.#read.spoil('');
    this.#written.spoil('');
  }
}
