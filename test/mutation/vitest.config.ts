import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { useRunFolder } from '../support/checks/run-folder.ts';

useRunFolder();

const folders = (process.env['DAYPASS_MUTATION_TESTS'] ?? 'test/unit/').split(',');
const hasDatabases = folders.some((folder) => folder.startsWith('test/integration/'));

/** For Stryker, which runs the tests of some folders over and over in one process; test/mutation/stryker.mjs says which. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: folders.map((folder) => `${folder}**/*.test.ts`),
    // Loading modules takes longer than most tests.
    isolate: false,
    env: { DAYPASS_MUTATION: '1' },
    globalSetup: hasDatabases ? ['test/support/worlds/shared-databases.ts'] : [],
    expect: { poll: { timeout: 20_000 } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Stryker has the results; an empty list would mean the default one.
    reporters: [{}],
  },
});
