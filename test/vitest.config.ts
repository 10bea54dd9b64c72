import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { lastLine } from './support/checks/last-line.ts';
import { ByLength } from './support/checks/lengths.ts';
import { useRunFolder } from './support/checks/run-folder.ts';

useRunFolder();

const LONG = process.env['DAYPASS_LONG'] === '1';
const filesOf = (names: readonly string[]): string[] => names.map((name) => `test/e2e/gateway/${name}.test.ts`);
/** These put the product under load, or hold it to a second: each runs with the machine to itself. */
const alone = filesOf(['endings', 'flood', 'hostile', 'recording-errors', ...(LONG ? ['recording-kills'] : [])]);
/** These hold it to seconds, most of which they wait: they run beside each other, and nothing else does. */
const quiet = filesOf(['authority-away', 'hostile-client', 'hostile-target', 'launcher', 'notices', 'supervision']);
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
    // Two have something to do most of the time, and a third where one of them waits.
    maxWorkers: 3,
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
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          ...e2e,
          include: ['test/e2e/**/*.test.ts'],
          exclude: [...alone, ...quiet],
          // What they share, they leave as it was: loading it anew for each takes a tenth of their time.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'quiet', ...e2e, include: quiet, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: { name: 'alone', ...e2e, include: alone, maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
