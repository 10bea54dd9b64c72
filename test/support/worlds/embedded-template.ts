import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../../../src/log.ts';
import { openBackend } from '../../../src/store/store.ts';
import { runOk } from '../peers/processes.ts';
import { openBeside, testSeals } from './beside.ts';

const log = createLog('silent');

/** Makes what is to be copied, in this folder. */
type Make = (dataDir: string) => Promise<void>;

const TEMPLATES = {
  empty: async (dataDir) => (await openBackend({ databaseUrl: null, dataDir, log })).close(),
  migrated: async (dataDir) => {
    const options = { databaseUrl: null, dataDir, log, seals: testSeals };
    await (await openBeside(options))[Symbol.asyncDispose]();
  },
} satisfies Record<string, Make>;

/** Making a database takes seconds, copying one tenths of a second. */
export async function copyTemplate(dataDir: string, kind: keyof typeof TEMPLATES): Promise<void> {
  // One for the whole run, whose folder goes with it.
  const folder = join(tmpdir(), 'daypass-templates');
  await mkdir(folder, { recursive: true });
  const template = join(folder, kind);
  if (!existsSync(template)) {
    const making = await mkdtemp(join(folder, 'making-'));
    await TEMPLATES[kind](making);
    // Another test file may have been quicker.
    await rename(making, template).catch((error: unknown) => {
      if (!existsSync(template)) throw error;
    });
  }
  // Node's own takes two seconds for it.
  await runOk('cp', ['-r', `${template}/.`, dataDir]);
}
