import { describe, expect, it } from 'vitest';

export const isRoot = process.getuid?.() === 0;

/**
 * Tests of what only root can do. To an ordinary user one test stands in their place and says aloud that they have not run: that
 * everything passed then says nothing about them.
 */
export function describeAsRoot(name: string, tests: () => void): void {
  if (isRoot) return void describe(name, tests);
  it(`${name}: nothing of it is shown here, for it takes root`, () => {
    process.stderr.write(`not run, for it takes root: ${name}\n`);
    expect(process.getuid?.()).not.toBe(0);
  });
}
