import { constants } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FolderError, openRegular, readSmall, SMALL_FILE_MAX, sha256 } from '../format/folder.ts';
import type { RecordingChecker } from '../format/signing.ts';
import { LEDGER_FILE, LEDGER_LINE_MAX, type LedgerEntry, ledgerLines, NO_LINE, readLedgerLine } from './ledger.ts';
import { ASIDE_FOLDER } from './seal.ts';
import { shownName, type Verdict, verifyRecording } from './verify.ts';

export type LedgerProblem = { readonly line: number; readonly offset: number; readonly why: string };

export type LedgerVerdict = {
  readonly lines: number;
  /** SHA-256 of the last line: who keeps it elsewhere can see that none was taken from the end. */
  readonly last: string;
  readonly problems: readonly LedgerProblem[];
};

type Known = { readonly sealed: LedgerEntry | null; readonly erased: LedgerEntry | null };

const PROBLEMS_MAX = 100;

/** Reads a ledger from its first line to its last, and says of every line that cannot be believed why. */
export async function verifyLedger(
  recordings: string,
  checker: RecordingChecker,
): Promise<{ readonly verdict: LedgerVerdict; readonly known: ReadonlyMap<string, Known> }> {
  const problems: LedgerProblem[] = [];
  const known = new Map<string, Known>();
  const state = { line: 0, n: 0, prev: NO_LINE as string | null, last: NO_LINE };
  const note = (offset: number, why: string): void => {
    if (problems.length < PROBLEMS_MAX) problems.push({ line: state.line, offset, why });
  };
  const verdict = (): LedgerVerdict => ({ lines: state.line, last: state.last, problems });
  const file = await openRegular(recordings, LEDGER_FILE, constants.O_RDONLY).catch((error: unknown) => {
    if (!(error instanceof FolderError)) throw error;
    note(0, error.message);
    return null;
  });
  if (!file) return { verdict: verdict(), known };
  try {
    for await (const { line, offset, whole } of ledgerLines(file)) {
      state.line += 1;
      if (!whole) {
        note(
          offset,
          line.length >= LEDGER_LINE_MAX ? 'it is too long for a line' : 'it is torn: by a crash, or cut off',
        );
        break;
      }
      checkLine(line, offset, { state, known, note, checker });
    }
  } finally {
    await file.close();
  }
  return { verdict: verdict(), known };
}

type Reading = {
  readonly state: { line: number; n: number; prev: string | null; last: string };
  readonly known: Map<string, Known>;
  readonly note: (offset: number, why: string) => void;
  readonly checker: RecordingChecker;
};

function checkLine(line: string, offset: number, { state, known, note, checker }: Reading): void {
  const read = readLedgerLine(line, checker);
  const prev = sha256(Buffer.from(line, 'latin1'));
  const before = state.prev;
  state.last = prev;
  if (!read?.isSigned) {
    note(offset, 'it was edited or added: the recording key did not sign it');
    state.n += 1;
    // What follows names the line that was here: nothing can be said of that link.
    state.prev = null;
    return;
  }
  const { entry } = read;
  if (entry.n > state.n + 1) note(offset, `lines ${state.n + 1} to ${entry.n - 1} were removed before it`);
  else if (entry.n < state.n + 1) note(offset, `it is line ${entry.n}, put where line ${state.n + 1} belongs`);
  else if (before !== null && entry.prev !== before)
    note(offset, 'the line before it is not the one it was written after');
  state.n = entry.n;
  state.prev = prev;
  const { session, what } = entry;
  const others = known.get(session) ?? { sealed: null, erased: null };
  if (others[what]) note(offset, `it lists recording ${session} as ${what} a second time`);
  known.set(session, { ...others, [what]: entry });
}

/** Compares a recording with what the ledger has of it. */
function againstLedger(verdict: Verdict, known: Known | undefined): Verdict {
  const why = differenceFrom(verdict, known);
  if (why === null) return verdict;
  const problem = { file: LEDGER_FILE, chunk: null, offset: null, why };
  return { ...verdict, state: 'broken', problems: [...verdict.problems, problem] };
}

function differenceFrom(verdict: Verdict, known: Known | undefined): string | null {
  if (!known?.sealed) return 'the ledger does not list this recording: it was added, or its line was removed';
  if (known.sealed.what !== 'sealed' || known.erased?.what === 'sealed') return 'the ledger contradicts itself';
  if (verdict.manifest !== null && known.sealed.manifest !== verdict.manifest) {
    return 'the ledger lists a different manifest for this recording';
  }
  if (verdict.erasure !== null && known.erased?.erasure !== verdict.erasure) {
    return 'the ledger does not list this erasure';
  }
  if (verdict.erasure === null && known.erased) return 'the ledger lists it as erased, but the folder does not';
  return null;
}

/** Recordings of version 0.1 are plain casts, which were never sealed and never will be. */
export async function isOfEarlierVersion(folder: string): Promise<boolean> {
  const bytes = await readSmall(folder, 'manifest.json', SMALL_FILE_MAX).catch(() => null);
  return bytes?.subarray(0, 200).includes('"format": "daypass-recording-1"') ?? false;
}

export type Progress = (done: number, of: number) => void;

/** Being filed at this moment, by the launcher. */
const isOnItsWay = (name: string): boolean => z.uuid().safeParse(/^\.(.+)\.(?:taken|filing)$/.exec(name)?.[1]).success;

/** The ids of the recordings in a folder; anything else there is told to `other`. */
export async function listRecordings(recordings: string, other: (name: string) => void): Promise<string[]> {
  const ids: string[] = [];
  for await (const { name } of await opendir(recordings)) {
    if (z.uuid().safeParse(name).success) ids.push(name);
    else if (name !== LEDGER_FILE && name !== ASIDE_FOLDER && !isOnItsWay(name)) other(name);
  }
  return ids.sort();
}

/**
 * Verifies every recording of a folder and its ledger, and hands each verdict to `told`. Control may seal and erase meanwhile:
 * what does not agree with the ledger at first is compared once more with the ledger as it is at the end.
 */
export async function verifyAll(
  recordings: string,
  checker: RecordingChecker,
  { told, progress }: { readonly told: (verdict: Verdict) => void; readonly progress: Progress },
): Promise<LedgerVerdict> {
  const before = await verifyLedger(recordings, checker);
  const ids = await listRecordings(recordings, (name) => told(stray(name)));
  const seen = new Set(ids);
  const open: Verdict[] = [];
  for (const [index, session] of ids.entries()) {
    progress(index, ids.length);
    const verdict = await verifyRecording(join(recordings, session), session, checker);
    if (differenceFrom(verdict, before.known.get(session)) === null) told(verdict);
    else open.push(verdict);
  }
  progress(ids.length, ids.length);
  const after = await verifyLedger(recordings, checker);
  for (const each of open) {
    const verdict = await verifyRecording(join(recordings, each.session), each.session, checker);
    told(againstLedger(verdict, after.known.get(each.session)));
  }
  for (const [session, entries] of after.known) {
    if (seen.has(session)) continue;
    const verdict = await verifyRecording(join(recordings, session), session, checker);
    told(againstLedger(verdict, entries));
  }
  return after.verdict;
}

const stray = (name: string): Verdict => ({
  session: shownName(name),
  state: 'broken',
  problems: [
    { file: '.', chunk: null, offset: null, why: 'it is not a recording, nor anything else that Daypass puts here' },
  ],
  ...{ rule: null, end: null, head: null, chunks: 0, bytes: 0, manifest: null, erasure: null },
});
