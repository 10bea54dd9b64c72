import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  FILES,
  openRegular,
  readSmall,
  replaceFile,
  SIGNATURE_FILE_MAX,
  sha256,
  syncFolder,
} from '../format/folder.ts';
import type { RecordingChecker, RecordingSigner } from '../format/signing.ts';
import type { Ledger } from './ledger.ts';
import { type Erasure, type Verdict, verifyRecording } from './verify.ts';

type Deps = {
  readonly signer: RecordingSigner;
  readonly checker: RecordingChecker;
  readonly ledger: Ledger;
  readonly now: () => Date;
};

const ERASURE_MAX = 4_096;

/** A recording that cannot be erased, with the sentence that says why. */
export class EraseError extends Error {
  readonly code = 'not_erased';
}

/**
 * Makes a recording unreadable for good by destroying its wrapped key, and leaves a signed note that says under which rule. The
 * chain of what can no longer be read still holds. Doing it again finishes what was interrupted; the first rule stays.
 */
export async function eraseRecording(deps: Deps, folder: string, rule: string): Promise<{ readonly rule: string }> {
  const session = basename(folder);
  const verdict = await verifyRecording(folder, session, deps.checker);
  if (verdict.manifest === null) throw new EraseError(`${session}: ${refusal(verdict)}`);
  const erasure = await writeErasure(deps, folder, session, rule);
  await destroyKey(folder);
  if (!deps.ledger.isErased(session)) {
    const { bytes, value } = erasure;
    const at = deps.now().toISOString();
    await deps.ledger.append({ what: 'erased', at, session, rule: value.rule, erasure: sha256(bytes) });
  }
  return { rule: erasure.value.rule };
}

const refusal = (verdict: Verdict): string => verdict.problems[0]?.why ?? 'it is not sealed';

async function writeErasure(
  { checker, signer, now }: Deps,
  folder: string,
  session: string,
  rule: string,
): Promise<{ bytes: Buffer; value: Erasure }> {
  const begun = await readSmall(folder, FILES.erasure, ERASURE_MAX);
  const signature = await readSmall(folder, FILES.erasureSignature, SIGNATURE_FILE_MAX);
  if (begun && signature && checker.file('erasure', begun, signature.toString('latin1'))) {
    return { bytes: begun, value: JSON.parse(begun.toString('utf8')) as Erasure };
  }
  const manifest = await readSmall(folder, FILES.manifest, Number.MAX_SAFE_INTEGER);
  const { keySha256 } = JSON.parse(manifest?.toString('utf8') ?? '{}') as { keySha256?: string | null };
  if (typeof keySha256 !== 'string')
    throw new EraseError(`${session}: it was sealed without a key, so there is nothing to erase`);
  const value: Erasure = { format: 'daypass-erasure-1', session, rule, at: now().toISOString(), keySha256 };
  const bytes = Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
  await replaceFile(folder, FILES.erasure, bytes);
  await replaceFile(folder, FILES.erasureSignature, signer.file('erasure', bytes));
  return { bytes, value };
}

/** Overwritten first: on a file system that writes in place, what is left of it on the disk is noise. */
async function destroyKey(folder: string): Promise<void> {
  const file = await openRegular(folder, FILES.key, constants.O_RDWR);
  if (!file) return;
  try {
    const { size } = await file.stat();
    await file.write(randomBytes(size), 0, size, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await unlink(join(folder, FILES.key));
  await syncFolder(folder);
}
