import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { lastLine } from './support/last-line.ts';
import { useRunFolder } from './support/run-folder.ts';

useRunFolder();

const LONG = process.env['DAYPASS_LONG'] === '1';
const seconds = (short: number): number => short * 1000 * (LONG ? 30 : 1);

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    reporters: ['default', lastLine()],
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: seconds(20),
          hookTimeout: seconds(20),
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/support/shared-databases.ts'],
          testTimeout: seconds(120),
          hookTimeout: seconds(120),
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          // Gateway workers are forked from their sources, with the flags of the process that forks them.
          execArgv: ['--import', 'tsx'],
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: seconds(120),
          hookTimeout: seconds(120),
          // Each file starts a whole product with its sshds; their figures are measured on a machine of two cores.
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
