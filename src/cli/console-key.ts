import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSeq, parseDocument } from 'yaml';
import { readPrivateFile, syncFolder, writePrivateFile } from '../ca/files.ts';
import { identitiesOf, identityFile, newIdentity, recipientOf } from '../recording/format/wrapped-key.ts';

/** The identity that reads recordings. Workers never see it, and control does without it once it lies elsewhere. */
export const CONSOLE_KEY_FILE = 'console.agekey';

/** Makes the pair where there is none; returns its recipient. */
export async function consoleRecipient(keys: string): Promise<{ recipient: string; isNew: boolean }> {
  const path = join(keys, CONSOLE_KEY_FILE);
  if (existsSync(path)) {
    const [identity = ''] = identitiesOf(readPrivateFile(path));
    return { recipient: await recipientOf(identity), isNew: false };
  }
  const pair = await newIdentity();
  writePrivateFile(path, identityFile(pair, new Date()));
  syncFolder(keys);
  return { recipient: pair.recipient, isNew: true };
}

/** Puts a recipient into daypass.yml, which keeps its comments. */
export function addRecipient(file: string, text: string, recipient: string): void {
  const document = parseDocument(text);
  const recipients = document.getIn(['recordings', 'recipients']);
  if (isSeq(recipients)) recipients.add(recipient);
  else document.setIn(['recordings', 'recipients'], [recipient]);
  writeFileSync(`${file}.new`, document.toString({ lineWidth: 0 }), { mode: statSync(file).mode & 0o777 });
  renameSync(`${file}.new`, file);
}
