import type { Reporter } from 'vitest/node';

/** The line that CI reads. It is written while the process exits, so that no other reporter writes after it. */
export function lastLine(): Reporter {
  let passed = 0;
  let failed = 0;
  return {
    onInit() {
      process.once('exit', () => {
        process.stdout.write(`Tests: ${passed} passed, ${failed} failed\n`);
      });
    },
    onTestRunEnd(modules, unhandledErrors) {
      passed = 0;
      failed = unhandledErrors.length;
      for (const module of modules) {
        failed += module.errors().length;
        for (const suite of module.children.allSuites()) failed += suite.errors().length;
        for (const test of module.children.allTests()) {
          const { state } = test.result();
          if (state === 'passed') passed += 1;
          if (state === 'failed') failed += 1;
        }
      }
    },
  };
}
