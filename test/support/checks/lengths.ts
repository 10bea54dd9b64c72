import { readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** How long each test file takes, in seconds, as last measured: the longest begin first, so that none runs alone at the end. */

const FILE = new URL('../../lengths.json', import.meta.url);

const kept = (): Record<string, number> => JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, number>;

/** Short ones are left out: their order changes nothing. */
const WORTH_KEEPING = 2;

export function keepLengths(lengths: ReadonlyMap<string, number>): void {
  const whole = [...lengths]
    .filter(([, seconds]) => seconds >= WORTH_KEEPING)
    .map(([name, seconds]) => [name, Math.round(seconds)] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(whole), null, 2)}\n`);
}

export class ByLength extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const lengths = kept();
    const seconds = ({ moduleId, project }: TestSpecification): number =>
      lengths[relative(project.config.root, moduleId)] ?? 0;
    return files.toSorted((a, b) => seconds(b) - seconds(a));
  }
}
