import type { webApi } from '@slack/bolt';
import { z } from 'zod';
import { entities } from '../words/text.ts';
import { faultOf } from '../workspace/fault.ts';
import type { Fetch } from '../workspace/network.ts';
import type { AccessFile } from './access-files.ts';
import { codeBlock } from './personal-messages.ts';

const UPLOAD_TIMEOUT_MS = 10_000;
/** Slack cuts a message's text at 40,000 characters. */
const TEXT_MAX = 38_000;

/** The workspace, or a proxy in front of it, rejects the file: it is sent as text. */
export class FileRefused extends Error {
  readonly code = 'file_refused';
}

type Sharing = {
  readonly web: webApi.WebClient;
  readonly fetch: Fetch;
  /** Called right before the call that makes the message visible. */
  readonly posting: () => void;
  readonly signal: AbortSignal;
};

/**
 * Files become visible with the last of three calls, which makes the message: only that one can be doubtful. Returns the id of the first
 * file: Slack makes the message a moment later and does not say its ts.
 */
export async function shareFiles(
  deps: Sharing,
  channelId: string,
  comment: string,
  files: readonly AccessFile[],
): Promise<string> {
  const uploaded: { id: string; title: string }[] = [];
  for (const file of files) uploaded.push({ id: await upload(deps, file), title: file.name });
  const [first, ...rest] = uploaded;
  if (!first) throw new Error('a message with files has at least one');
  deps.posting();
  const complete = { files: [first, ...rest] as [typeof first], channel_id: channelId, initial_comment: comment };
  await deps.web.files.completeUploadExternal(complete).catch(whenRefused);
  return first.id;
}

async function upload({ web, fetch, signal }: Sharing, file: AccessFile): Promise<string> {
  const bytes = Buffer.from(file.content, 'utf8');
  const target = await web.files.getUploadURLExternal({ filename: file.name, length: bytes.length }).catch(whenRefused);
  const { url, id } = z.object({ url: z.url(), id: z.string() }).parse({ url: target.upload_url, id: target.file_id });
  const timeout = AbortSignal.any([signal, AbortSignal.timeout(UPLOAD_TIMEOUT_MS)]);
  const answer = await fetch(url, { method: 'POST', body: bytes, signal: timeout });
  if (answer.ok) return id;
  const told = `upload answered ${answer.status}`;
  throw answer.status >= 400 && answer.status < 500 && answer.status !== 429 ? new FileRefused(told) : new Error(told);
}

/** Slack's clear answers about a file are about files; what is wrong with the place shows when the text is posted there. */
function whenRefused(error: unknown): never {
  const fault = faultOf(error);
  const unclear = fault.kind === 'doubtful' || fault.kind === 'app' || fault.error === 'ratelimited';
  throw unclear ? error : new FileRefused(fault.error, { cause: error });
}

/** The same message without files: each as a block to copy, as far as a message holds them. */
export function filesAsText(text: string, files: readonly AccessFile[]): string {
  const parts = [
    'Slack did not accept the files of this message, so they are below as text. First save each one under its name in `~/Downloads`.',
    text,
  ];
  let left = TEXT_MAX - parts.join('\n').length;
  const missing: string[] = [];
  for (const file of files) {
    const part = `\`${entities(file.name)}\`\n${codeBlock(file.content.trimEnd().split('\n'))}`;
    left -= part.length + 1;
    if (left >= 0) parts.push(part);
    else missing.push(file.name);
  }
  if (missing.length > 0)
    parts.push(`There was no room for ${missing.map((name) => `\`${entities(name)}\``).join(', ')}.`);
  return parts.join('\n');
}
