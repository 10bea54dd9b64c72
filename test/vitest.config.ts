import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { lastLine } from './support/checks/last-line.ts';
import { useRunFolder } from './support/checks/run-folder.ts';

useRunFolder();

const LONG = process.env['DAYPASS_LONG'] === '1';
/** These hold the product to seconds, or put it under load: each runs with the machine to itself. */
const ALONE = [
  'gateway/authority-away',
  'gateway/endings',
  'gateway/flood',
  'gateway/hostile*',
  'gateway/launcher',
  'gateway/malicious-worker',
  'gateway/notices',
  'gateway/recording-errors',
  'gateway/supervision',
  'gateway/worker-output',
];
const alone = ALONE.map((name) => `test/e2e/${name}.test.ts`);
const seconds = (short: number): number => short * 1000 * (LONG ? 30 : 1);

const e2e = {
  // Gateway workers and commands run what is built once.
  globalSetup: ['test/support/worlds/build.ts'],
  testTimeout: seconds(120),
  hookTimeout: seconds(120),
};

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
          globalSetup: ['test/support/worlds/shared-databases.ts'],
          testTimeout: seconds(120),
          hookTimeout: seconds(120),
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          ...e2e,
          include: ['test/e2e/**/*.test.ts'],
          exclude: alone,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: { name: 'alone', ...e2e, include: alone, maxWorkers: 1, sequence: { groupOrder: 3 } },
      },
    ],
  },
});
