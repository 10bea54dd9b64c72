import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, opendir } from 'node:fs/promises';
import { z } from 'zod';
import { asciiOnly } from '../../access/printable.ts';
import { type Chain, walkChain } from '../format/chain.ts';
import {
  FILES,
  FolderError,
  hasEntry,
  KEY_FILE_MAX,
  openRegular,
  readSmall,
  SIGNATURE_FILE_MAX,
  SMALL_FILE_MAX,
  sha256,
} from '../format/folder.ts';
import type { RecordingChecker, SignedFile } from '../format/signing.ts';
import { MARK_BYTES } from './seal.ts';

/** What is wrong with a recording, and where. */
export type Problem = {
  readonly file: string;
  readonly chunk: number | null;
  readonly offset: number | null;
  readonly why: string;
};

export type Verdict = {
  readonly session: string;
  /** `erased`: everything holds and nobody can read it any more. `broken`: see the problems. */
  readonly state: 'closed' | 'interrupted' | 'erased' | 'broken';
  readonly problems: readonly Problem[];
  /** The rule under which it was erased. */
  readonly rule: string | null;
  readonly end: string | null;
  readonly head: string | null;
  readonly chunks: number;
  readonly bytes: number;
  /** Digests of what was signed, as the ledger has them. */
  readonly manifest: string | null;
  readonly erasure: string | null;
};

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const ManifestRead = z.looseObject({
  format: z.literal('daypass-recording-2'),
  session: z.uuid(),
  state: z.enum(['closed', 'interrupted']),
  end: z.iso.datetime(),
  keySha256: Hash.nullable(),
  chain: z.looseObject({ head: Hash, chunks: z.int(), bytes: z.int() }).nullable(),
  seal: z.looseObject({ indexSha256: Hash.nullable(), headAtStart: Hash.nullable() }),
});
type ManifestRead = z.infer<typeof ManifestRead>;

const Erasure = z.strictObject({
  format: z.literal('daypass-erasure-1'),
  session: z.uuid(),
  rule: z.string().max(200),
  at: z.iso.datetime(),
  keySha256: Hash,
});
export type Erasure = z.infer<typeof Erasure>;

const EXPECTED: ReadonlySet<string> = new Set(Object.values(FILES));
const PROBLEMS_MAX = 20;

/** Checks a sealed folder: signature, manifest, key, index and every chunk. It needs no key and changes nothing. */
export async function verifyRecording(folder: string, session: string, checker: RecordingChecker): Promise<Verdict> {
  const problems: Problem[] = [];
  const note = (file: string, why: string, chunk: number | null = null, offset: number | null = null): void => {
    if (problems.length < PROBLEMS_MAX) problems.push({ file, chunk, offset, why });
  };
  const nothing = { rule: null, end: null, head: null, chunks: 0, bytes: 0, manifest: null, erasure: null };
  const broken = (): Verdict => ({ session, state: 'broken', problems, ...nothing });
  const found = await lstat(folder).catch(() => null);
  if (!found?.isDirectory()) {
    note('.', found ? 'it is not a folder' : 'there is no such recording');
    return broken();
  }
  await noteStrays(folder, note);
  const signed = await readSigned(folder, 'recording', checker, note);
  if (!signed) return broken();
  const read = ManifestRead.safeParse(signed.value);
  if (!read.success || read.data.session !== session) {
    note(FILES.manifest, read.success ? 'it is the manifest of another session' : 'it is not a sealed manifest');
    return broken();
  }
  const manifest = read.data;
  const erasure = await checkKey(folder, manifest, checker, note);
  await checkChain(folder, manifest, note);
  return {
    session,
    state: problems.length > 0 ? 'broken' : erasure ? 'erased' : manifest.state,
    problems,
    rule: erasure?.value.rule ?? null,
    end: manifest.end,
    head: manifest.chain?.head ?? null,
    chunks: manifest.chain?.chunks ?? 0,
    bytes: manifest.chain?.bytes ?? 0,
    manifest: signed.digest,
    erasure: erasure?.digest ?? null,
  };
}

type Note = (file: string, why: string, chunk?: number | null, offset?: number | null) => void;

async function noteStrays(folder: string, note: Note): Promise<void> {
  for await (const { name } of await opendir(folder)) {
    if (!EXPECTED.has(name)) note(shownName(name), 'it is not part of a recording');
  }
}

/** Of a file or folder that is none of ours. */
export const shownName = (name: string): string => asciiOnly(name.slice(0, 100));

/** A small file, or a problem; null also where it is not there. */
async function readFileOr(folder: string, name: string, limit: number, note: Note): Promise<Buffer | null> {
  try {
    return await readSmall(folder, name, limit);
  } catch (error) {
    if (!(error instanceof FolderError)) throw error;
    note(name, error.message);
    return null;
  }
}

async function readSigned(
  folder: string,
  what: SignedFile,
  checker: RecordingChecker,
  note: Note,
): Promise<{ value: unknown; digest: string } | null> {
  const [name, signatureName] =
    what === 'recording' ? [FILES.manifest, FILES.signature] : [FILES.erasure, FILES.erasureSignature];
  const bytes = await readFileOr(folder, name, SMALL_FILE_MAX, note);
  const signature = await readFileOr(folder, signatureName, SIGNATURE_FILE_MAX, note);
  if (!bytes) note(name, 'it is missing');
  if (!signature) note(signatureName, 'it is missing: the recording was never sealed, or the signature was removed');
  if (!bytes || !signature) return null;
  // latin1: a signature file is ASCII, and no byte of it may be lost in reading.
  if (!checker.file(what, bytes, signature.toString('latin1'))) {
    note(signatureName, `it is not the signature of this ${name} by the recording key`);
    return null;
  }
  try {
    return { value: JSON.parse(bytes.toString('utf8')), digest: sha256(bytes) };
  } catch {
    note(name, 'it is not JSON');
    return null;
  }
}

/** The wrapped key is the one that the manifest names, or it was erased under a signed rule. */
async function checkKey(
  folder: string,
  manifest: ManifestRead,
  checker: RecordingChecker,
  note: Note,
): Promise<{ value: Erasure; digest: string } | null> {
  const isErased = (await hasEntry(folder, FILES.erasure)) || (await hasEntry(folder, FILES.erasureSignature));
  const key = await readFileOr(folder, FILES.key, KEY_FILE_MAX, note);
  if (!isErased) {
    if (key === null && manifest.keySha256 !== null) note(FILES.key, 'it is missing, and no erasure explains why');
    if (key !== null && sha256(key) !== manifest.keySha256) note(FILES.key, 'it was changed after it was sealed');
    return null;
  }
  const signed = await readSigned(folder, 'erasure', checker, note);
  if (!signed) return null;
  const erasure = Erasure.safeParse(signed.value);
  if (!erasure.success || erasure.data.session !== manifest.session || erasure.data.keySha256 !== manifest.keySha256) {
    note(FILES.erasure, 'it is the erasure of something else');
    return null;
  }
  if (key !== null) note(FILES.key, 'it is still there, although the recording was erased: erase it again');
  return { value: erasure.data, digest: signed.digest };
}

async function checkChain(folder: string, manifest: ManifestRead, note: Note): Promise<void> {
  if (manifest.chain === null && (await hasEntry(folder, FILES.index)))
    note(FILES.index, 'the manifest does not list it');
  const file = await openOr(folder, FILES.container, note);
  if (!file) {
    if (manifest.chain !== null) note(FILES.container, 'it is missing');
    return;
  }
  try {
    if (manifest.chain === null) return note(FILES.container, 'the manifest does not list it');
    await compareChain(file, folder, manifest, note);
  } finally {
    await file.close();
  }
}

async function openOr(folder: string, name: string, note: Note): Promise<FileHandle | null> {
  try {
    return await openRegular(folder, name, constants.O_RDONLY);
  } catch (error) {
    if (!(error instanceof FolderError)) throw error;
    note(name, error.message);
    return null;
  }
}

async function compareChain(file: FileHandle, folder: string, manifest: ManifestRead, note: Note): Promise<void> {
  const { chain: sealed, seal } = manifest;
  if (!sealed) return;
  const marks = await Marks.open(folder, seal.indexSha256, note);
  try {
    let isCompared = true;
    const walked = await walkChain(file, async ({ index, offset, head }) => {
      if (index >= sealed.chunks)
        note(FILES.container, 'it was not there when the recording was sealed', index, offset);
      else if (marks && !(await marks.has(index, head))) note(FILES.container, 'it was changed', index, offset);
      else return true;
      isCompared = false;
      return false;
    });
    if (walked.kind === 'unreadable') return note(FILES.container, walked.why, null, 0);
    if (isCompared) noteDifferences(walked.chain, manifest, note);
  } finally {
    await marks?.close();
  }
}

function noteDifferences(chain: Chain, manifest: ManifestRead, note: Note): void {
  const { chain: sealed, seal, keySha256, session } = manifest;
  const { header } = chain;
  // Signed as it was found, where the manifest says so under seal.doubts.
  const isOwn = header.keySha256 === keySha256 && header.session === session;
  if (chain.headAtStart !== seal.headAtStart) note(FILES.container, 'its header was changed', null, 0);
  else if (!isOwn && !hasDoubts(seal)) note(FILES.container, 'its header names a different key or session', null, 0);
  else if (chain.torn) note(FILES.container, chain.torn.why, chain.chunks, chain.bytes);
  else if (sealed && chain.chunks < sealed.chunks)
    note(FILES.container, 'it is cut off here', chain.chunks, chain.bytes);
  else if (sealed && (chain.head !== sealed.head || chain.bytes !== sealed.bytes)) {
    note(FILES.container, 'its chain does not end with the sealed head');
  }
}

const hasDoubts = (seal: object): boolean => 'doubts' in seal && Array.isArray(seal.doubts) && seal.doubts.length > 0;

/** The index of a recording: it tells which chunk was changed. That one was changed, the last head tells without it. */
class Marks {
  readonly #file: FileHandle;
  readonly #buffer = Buffer.allocUnsafe(64 * 1024);
  #start = 0;
  #length = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(folder: string, digest: string | null, note: Note): Promise<Marks | null> {
    const file = await openOr(folder, FILES.index, note);
    if (!file) {
      note(FILES.index, 'it is missing');
      return null;
    }
    if ((await digestOf(file)) === digest) return new Marks(file);
    await file.close();
    note(FILES.index, 'it was changed after it was sealed');
    return null;
  }

  async has(index: number, head: Buffer): Promise<boolean> {
    const at = index * MARK_BYTES;
    if (at < this.#start || at + MARK_BYTES > this.#start + this.#length) {
      const { bytesRead } = await this.#file.read(this.#buffer, 0, this.#buffer.length, at);
      this.#start = at;
      this.#length = bytesRead;
    }
    const mark = this.#buffer.subarray(at - this.#start, at - this.#start + MARK_BYTES);
    return this.#length >= MARK_BYTES && mark.equals(head.subarray(0, MARK_BYTES));
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function digestOf(file: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(64 * 1024);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
}
