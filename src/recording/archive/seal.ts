import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, opendir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { type Chain, type ChainEnd, walkChain } from '../format/chain.ts';
import {
  FILES,
  FolderError,
  KEY_FILE_MAX,
  openRegular,
  readSmall,
  replaceFile,
  SIGNATURE_FILE_MAX,
  SMALL_FILE_MAX,
  sha256,
} from '../format/folder.ts';
import { FORMAT } from '../format/format.ts';
import { Manifest } from '../format/manifest.ts';
import type { RecordingChecker, RecordingSigner } from '../format/signing.ts';
import type { Ledger } from './ledger.ts';

export type Sealed = {
  readonly state: 'closed' | 'interrupted';
  /** SHA-256 of manifest.json. */
  readonly manifest: string;
  readonly headAtStart: string | null;
  readonly head: string | null;
  readonly chunks: number;
  readonly bytes: number;
  /** Where the folder was not what the worker said: sentences of ours, empty in every honest case. */
  readonly doubts: readonly string[];
};

type Deps = {
  readonly signer: RecordingSigner;
  readonly checker: RecordingChecker;
  readonly ledger: Ledger;
  readonly now: () => Date;
};

/** How much of each chunk's head the index keeps: enough to find the chunk, while the last head proves the whole. */
export const MARK_BYTES = 8;
const DOUBTS_MAX = 20;
/** More than one chunk cannot be torn by a crash. */
const TORN_MAX = 1024 * 1024 + 64;

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const SealedManifest = z.looseObject({
  session: z.uuid(),
  state: z.enum(['closed', 'interrupted']),
  chain: z.looseObject({ head: Hash, chunks: z.int(), bytes: z.int() }).nullable(),
  seal: z.looseObject({ headAtStart: Hash.nullable(), doubts: z.array(z.string()) }),
});

/**
 * Seals a recording that lies out of its worker's reach: the chain is walked, what a crash tore is cut, and the manifest that says
 * what there is is signed and entered in the ledger. Doing it again changes nothing. Where it throws, nothing is lost. Null
 * where there is no folder. `reported`: where the chain ends by the worker's word.
 */
export async function sealRecording(deps: Deps, folder: string, reported: ChainEnd | null): Promise<Sealed | null> {
  const session = z.uuid().parse(basename(folder));
  if (!(await isFolder(folder))) return null;
  const sealed = (await alreadySealed(deps, folder, session)) ?? (await sealNow(deps, folder, session, reported));
  if (!deps.ledger.isSealed(session)) {
    const { state, manifest, head } = sealed;
    await deps.ledger.append({ what: 'sealed', at: deps.now().toISOString(), session, state, manifest, head });
  }
  return sealed;
}

async function isFolder(path: string): Promise<boolean> {
  const found = await lstat(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (found && !found.isDirectory()) throw new FolderError('.', 'it is not a folder');
  return found !== null;
}

async function alreadySealed({ checker }: Deps, folder: string, session: string): Promise<Sealed | null> {
  const [bytes, signature] = [
    await readSmall(folder, FILES.manifest, SMALL_FILE_MAX).catch(noFile),
    await readSmall(folder, FILES.signature, SIGNATURE_FILE_MAX).catch(noFile),
  ];
  if (!bytes || !signature || !checker.file('recording', bytes, signature.toString('utf8'))) return null;
  const { session: sealedSession, state, chain, seal } = SealedManifest.parse(JSON.parse(bytes.toString('utf8')));
  // Signed, but for another folder: somebody laid it here.
  if (sealedSession !== session) return null;
  const { headAtStart, doubts } = seal;
  const { head, chunks, bytes: length } = chain ?? { head: null, chunks: 0, bytes: 0 };
  return { state, manifest: sha256(bytes), headAtStart, head, chunks, bytes: length, doubts };
}

const noFile = (error: unknown): null => {
  if (error instanceof FolderError) return null;
  throw error;
};

async function sealNow(deps: Deps, folder: string, session: string, reported: ChainEnd | null): Promise<Sealed> {
  const doubts: string[] = [];
  await setStraysAside(folder, doubts);
  const walked = await walkAndIndex(folder, doubts);
  const key = await readSmall(folder, FILES.key, KEY_FILE_MAX);
  const keySha256 = key && sha256(key);
  const said = await workersManifest(folder, session, doubts);
  doubts.push(...contradictions(session, walked?.chain ?? null, keySha256, reported));
  const isWhole = reported !== null && said?.state === 'closed' && walked !== null && doubts.length === 0;
  const state = isWhole ? 'closed' : 'interrupted';
  const at = deps.now().toISOString();
  const chain = walked && { head: walked.chain.head, chunks: walked.chain.chunks, bytes: walked.chain.bytes };
  const headAtStart = walked?.chain.headAtStart ?? null;
  const kept = doubts.slice(0, DOUBTS_MAX);
  const manifest = {
    ...(said ?? { format: FORMAT }),
    session,
    state,
    end: said?.end ?? at,
    ending: said?.ending ?? { how: 'interrupted' },
    chain,
    keySha256,
    seal: { at, headAtStart, indexSha256: walked?.index ?? null, doubts: kept },
  };
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  await replaceFile(folder, FILES.manifest, bytes);
  await replaceFile(folder, FILES.signature, deps.signer.file('recording', bytes));
  const { head, chunks, bytes: length } = chain ?? { head: null, chunks: 0, bytes: 0 };
  return { state, manifest: sha256(bytes), headAtStart, head, chunks, bytes: length, doubts: kept };
}

/** Where what lies on the disk is not what the worker said it wrote. */
function contradictions(
  session: string,
  chain: Chain | null,
  keySha256: string | null,
  reported: ChainEnd | null,
): string[] {
  const doubts: string[] = [];
  if (chain && chain.header.session !== session) doubts.push('the recording belongs to another session');
  if (chain && keySha256 === null) doubts.push('there is no wrapped key');
  if (chain && keySha256 !== null && chain.header.keySha256 !== keySha256)
    doubts.push('the wrapped key is a different one');
  if (!reported) return doubts;
  if (!chain) return [...doubts, 'the worker reported a recording, but there is none'];
  if (chain.torn) doubts.push('the worker reported it whole, but it is torn');
  const isSame = chain.head === reported.head && chain.chunks === reported.chunks && chain.bytes === reported.bytes;
  if (!isSame) doubts.push('the recording is not the one that the worker reported');
  return doubts;
}

const WORKERS_FILES: ReadonlySet<string> = new Set([FILES.container, FILES.key, FILES.manifest]);
/** What an interrupted write of ours or of a worker's may leave. */
const LEFT_OVER: ReadonlySet<string> = new Set([
  FILES.index,
  FILES.signature,
  ...Object.values(FILES).map((name) => `${name}.new`),
]);

/** Moves what no recorder writes to a place of its own: a sealed folder holds nothing that its seal does not cover. */
async function setStraysAside(folder: string, doubts: string[]): Promise<void> {
  const strays: string[] = [];
  for await (const { name } of await opendir(folder)) {
    const isOurs = WORKERS_FILES.has(name) && (await lstat(join(folder, name))).isFile();
    if (!isOurs) strays.push(name);
  }
  for (const name of strays) {
    await setAside(folder, name);
    if (!LEFT_OVER.has(name)) doubts.push('the folder held something that no recorder writes');
  }
}

export const ASIDE_FOLDER = '.aside';

async function setAside(folder: string, name: string): Promise<void> {
  const aside = join(dirname(folder), ASIDE_FOLDER, basename(folder));
  await mkdir(aside, { recursive: true, mode: 0o700 });
  let to = join(aside, name);
  for (let n = 1; await lstat(to).catch(() => null); n += 1) to = join(aside, `${name}.${n}`);
  await rename(join(folder, name), to);
}

type WalkedAndIndexed = { readonly chain: Chain; readonly index: string };

/** Walks the chain, writes where each chunk begins to be provable, and cuts what a crash tore. */
async function walkAndIndex(folder: string, doubts: string[]): Promise<WalkedAndIndexed | null> {
  const file = await openRegular(folder, FILES.container, constants.O_RDWR);
  if (!file) return null;
  try {
    const marks = new Marks();
    const walked = await walkChain(file, ({ head }) => marks.add(head));
    if (walked.kind === 'unreadable') {
      await setAside(folder, FILES.container);
      doubts.push('what the worker left is not a recording');
      return null;
    }
    await cutTornEnd(file, walked.chain, folder, doubts);
    await file.sync();
    const index = marks.bytes();
    await replaceFile(folder, FILES.index, index);
    return { chain: walked.chain, index: sha256(index) };
  } finally {
    await file.close();
  }
}

class Marks {
  #bytes = Buffer.alloc(4_096);
  #length = 0;

  add(head: Buffer): true {
    if (this.#length + MARK_BYTES > this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes], 2 * this.#bytes.length);
    this.#length += head.copy(this.#bytes, this.#length, 0, MARK_BYTES);
    return true;
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

async function cutTornEnd(file: FileHandle, chain: Chain, folder: string, doubts: string[]): Promise<void> {
  const rest = (await file.stat()).size - chain.bytes;
  if (rest <= 0) return;
  if (rest > TORN_MAX) {
    doubts.push('whole chunks end long before the file does');
    await copyTail(file, chain.bytes, folder);
  }
  await file.truncate(chain.bytes);
}

/** No crash leaves so much: it is kept beside the recordings for whoever looks into it. */
async function copyTail(from: FileHandle, start: number, folder: string): Promise<void> {
  const name = `${FILES.container}.after-${start}`;
  const to = await openRegular(folder, name, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC);
  if (!to) throw new Error('the end of a recording could not be set aside');
  try {
    const piece = Buffer.allocUnsafe(256 * 1024);
    for (let at = start; ; ) {
      const { bytesRead } = await from.read(piece, 0, piece.length, at);
      if (bytesRead === 0) break;
      await to.writeFile(piece.subarray(0, bytesRead));
      at += bytesRead;
    }
    await to.sync();
  } finally {
    await to.close();
  }
  await setAside(folder, name);
}

/** The manifest as the worker left it, where it is one at all, and of this session; else it is set aside. */
async function workersManifest(folder: string, session: string, doubts: string[]): Promise<Manifest | null> {
  const bytes = await readSmall(folder, FILES.manifest, SMALL_FILE_MAX).catch(noFile);
  const read = Manifest.safeParse(parseJson(bytes));
  if (read.success && read.data.session === session) return read.data;
  if (bytes !== null) {
    await setAside(folder, FILES.manifest);
    doubts.push(read.success ? 'the manifest belongs to another session' : 'what the worker left is not a manifest');
  }
  return null;
}

function parseJson(bytes: Buffer | null): unknown {
  try {
    return bytes && JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}
