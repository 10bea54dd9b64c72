/**
 * Mutation testing: Stryker changes one thing in the code at a time, and some test has to notice. The code is what decides, and what
 * stands in front of bytes from strangers. `--mutate` takes a part of it, by a pattern or the path of a file.
 */

const CODE = [
  'src/access/**/*.ts',
  'src/use-cases/**/*.ts',
  'src/ca/**/*.ts',
  'src/sshwire/**/*.ts',
  'src/gateway/sftp/**/*.ts',
  'src/gateway/door/**/*.ts',
  'src/gateway/session/{client-asks,flow,recorder-gate,session-policy,target-requests}.ts',
  'src/gateway/pipe/{login-reasons,registry}.ts',
  'src/gateway/downstream/{jump,offered-key,registered}.ts',
];

/** A folder's own tests have to notice, not those of whatever stands on it: that is quicker, and they show what is wrong at its place. */
const TESTS = [
  ['src/access/', ['test/unit/access/']],
  ['src/use-cases/', ['test/unit/use-cases/', 'test/integration/use-cases/']],
  ['src/ca/', ['test/unit/ca/']],
  ['src/sshwire/', ['test/unit/sshwire/']],
  ...['sftp/', 'door/', 'session/', 'pipe/', 'downstream/'].map((folder) => [
    `src/gateway/${folder}`,
    [`test/unit/gateway/${folder}`],
  ]),
];

const at = process.argv.findIndex((word) => word === '--mutate' || word === '-m');
const asked = at < 0 ? CODE : (process.argv[at + 1] ?? '').split(',');
const folders = asked.map((pattern) => pattern.split(/[*?{[]/, 1)[0] ?? '');
const isAsked = ([folder]) => folders.some((each) => each.startsWith(folder) || folder.startsWith(each));

// test/mutation/vitest.config.ts reads it in the process that runs the tests.
process.env.DAYPASS_MUTATION_TESTS = TESTS.filter(isAsked)
  .flatMap(([, tests]) => tests)
  .join(',');

export default {
  mutate: CODE,
  testRunner: 'vitest',
  // Which tests there are is decided above; Vitest would look for them anew for each mutant.
  vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
  coverageAnalysis: 'perTest',
  // What a module does when it is loaded: schemas, tables, descriptions of settings, and most sentences with them. Each such mutant
  // would take a new process and all tests. No other strings are left out: a refusal says what happened, and tests read it.
  ignoreStatic: true,
  thresholds: { high: 95, low: 90, break: 90 },
  reporters: ['clear-text', 'json'],
  clearTextReporter: { logTests: false, reportTests: false },
  jsonReporter: { fileName: '.artifacts/mutation.json' },
  tempDirName: '.artifacts/mutation',
  cleanTempDir: 'always',
  ignorePatterns: ['/.artifacts', '/.build', '/dist', '/data'],
  // Vitest checks no types, and Stryker would ask TypeScript's API, which version 7 does not have.
  disableTypeChecks: false,
  tsconfigFile: 'none',
  timeoutMS: 15_000,
};
