import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { compared, type Figure, median, type Options, table } from './figures.ts';

/** This build and another, in turn: what this one's figures are, in proportion to the other's. */

const ROUNDS = 3;
/** How much worse a figure may be before it is a miss: rounds of one build differ by about as much. */
const LEAST = 0.98;

/** Figures of which more is better; of all others less is. */
const MORE_IS_BETTER = /^(MB\/s|of \d+)$/;

/** The exit status of wrong usage. */
const NO_SUCH_ROW = 2;

export async function against(folder: string, rows: readonly string[], options: Options): Promise<Figure[]> {
  const other = buildIn(folder);
  const figures: Figure[] = [];
  for (const row of rows) {
    figures.push(...(await inTurn(row, other, options)));
    options.progress(table(figures));
  }
  return figures;
}

/** One row, three times in each build. One that the other build does not have says nothing. */
async function inTurn(row: string, other: string, { isQuick, progress }: Options): Promise<Figure[]> {
  const flags = ['--json', '--only', row, ...(isQuick ? ['--quick'] : [])];
  const [ours, others]: [Figure[], Figure[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    const builds = [other, process.cwd()];
    for (const build of round % 2 === 0 ? builds : builds.toReversed()) {
      progress(`${row}, round ${round + 1} of ${ROUNDS}, ${build}`);
      const figures = await measured(build, flags);
      if (figures === null) return [];
      (build === other ? others : ours).push(...figures);
    }
  }
  return [...new Set(ours.map(({ name }) => name))].flatMap((name) => versus(name, ours, others));
}

function buildIn(folder: string): string {
  const path = resolve(folder);
  if (existsSync(join(path, 'test/bench/bench.ts')) && existsSync(join(path, 'node_modules/tsx'))) return path;
  throw new Error(`${folder} holds no other build: check it out there and run npm ci.`);
}

function versus(name: string, ours: readonly Figure[], others: readonly Figure[]): Figure[] {
  const valuesOf = (figures: readonly Figure[]): number[] =>
    figures.filter((each) => each.name === name).flatMap(({ ours: value }) => value ?? []);
  const [now, before] = [valuesOf(ours), valuesOf(others)];
  if (now.length === 0 || before.length === 0) return [];
  const { unit = '', target } = ours.find((each) => each.name === name) ?? {};
  // What explains other lines is no goal here either.
  const isMoreBetter = MORE_IS_BETTER.test(unit);
  const goal = target === '–' ? null : isMoreBetter ? { atLeast: LEAST } : { atMost: 1 / LEAST };
  const isWithinSpread = isMoreBetter
    ? Math.max(...now) >= Math.min(...before)
    : Math.min(...now) <= Math.max(...before);
  return [{ ...compared(name, median(now), median(before), unit, goal), isWithinSpread }];
}

/** Null where that build knows no such row. */
async function measured(folder: string, flags: readonly string[]): Promise<Figure[] | null> {
  const tsx = createRequire(join(folder, 'package.json')).resolve('tsx/cli');
  const child = spawn(process.execPath, [tsx, 'test/bench/bench.ts', ...flags], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === NO_SUCH_ROW) return null;
  if (code !== 0) throw new Error(`the bench of ${folder} ended with ${code}`);
  return JSON.parse(out) as Figure[];
}
