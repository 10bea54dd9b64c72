import { existsSync } from 'node:fs';
import { mkdtemp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { createLog } from '../../../src/log.ts';
import { openBackend } from '../../../src/store/store.ts';
import { runOk } from '../peers/processes.ts';

const log = createLog('silent');

/** Making a database takes seconds, copying one tenths of a second. */
export async function copyTemplate(dataDir: string): Promise<void> {
  const folder = inject('embeddedTemplates');
  const template = join(folder, 'template');
  if (!existsSync(template)) {
    const making = await mkdtemp(join(folder, 'making-'));
    const backend = await openBackend({ databaseUrl: null, dataDir: making, log });
    await backend.close();
    // Another test file may have been quicker.
    await rename(making, template).catch((error: unknown) => {
      if (!existsSync(template)) throw error;
    });
  }
  // Node's own takes two seconds for it.
  await runOk('cp', ['-r', `${template}/.`, dataDir]);
}
