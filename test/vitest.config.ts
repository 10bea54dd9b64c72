import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { lastLine } from './support/checks/last-line.ts';
import { ByLength } from './support/checks/lengths.ts';
import { useRunFolder } from './support/checks/run-folder.ts';

useRunFolder();

const LONG = process.env['DAYPASS_LONG'] === '1';
/** These hold the product to seconds, or put it under load: each runs with the machine to itself. */
const ALONE = [
  'gateway/endings',
  'gateway/flood',
  'gateway/hostile*',
  'gateway/launcher',
  'gateway/notices',
  'gateway/recording-errors',
  'gateway/supervision',
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
    // As long as it takes on a busy machine: what is waited for is the test, not the second.
    expect: { poll: { timeout: 20_000 } },
    maxWorkers: 2,
    sequence: { sequencer: ByLength },
    // One that was left in hides all others of its file.
    allowOnly: process.env['npm_lifecycle_event'] !== 'test',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          // They share nothing but pure code.
          isolate: false,
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
          isolate: false,
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
          // Most of their time they wait.
          maxWorkers: 3,
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
