import { relative } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';
import { keepLengths } from './lengths.ts';

const SLOWEST = 10;

/** What CI reads: the slowest files, how many tests were skipped, and the counts in the last line. Nothing else is written after them. */
export function lastLine(): Reporter {
  let counts = { passed: 0, failed: 0, skipped: 0 };
  let slowest: string[] = [];
  return {
    onInit() {
      process.once('exit', () => {
        const { passed, failed, skipped } = counts;
        const files = slowest.length === 0 ? '' : `Slowest files:\n${slowest.join('\n')}\n`;
        process.stdout.write(`${files}Skipped: ${skipped}\nTests: ${passed} passed, ${failed} failed\n`);
      });
    },
    onTestRunEnd(modules, unhandledErrors) {
      counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
      for (const module of modules) {
        counts.failed += module.errors().length;
        for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
        for (const test of module.children.allTests()) counts[outcomeOf(test.result().state)] += 1;
      }
      const lengths = modules.map((module) => [nameOf(module), secondsOf(module)] as const);
      slowest = lengths
        .toSorted(([, a], [, b]) => b - a)
        .slice(0, SLOWEST)
        .map(([name, seconds]) => `${seconds.toFixed(1).padStart(6)} s  ${name}`);
      if (process.env['DAYPASS_KEEP_LENGTHS'] === '1') keepLengths(new Map(lengths));
    },
  };
}

const outcomeOf = (state: 'passed' | 'failed' | 'skipped' | 'pending') => (state === 'pending' ? 'failed' : state);
const nameOf = ({ moduleId, project }: TestModule): string => relative(project.config.root, moduleId);

function secondsOf(module: TestModule): number {
  const { duration, collectDuration, environmentSetupDuration, prepareDuration, setupDuration } = module.diagnostic();
  return (duration + collectDuration + environmentSetupDuration + prepareDuration + setupDuration) / 1_000;
}
