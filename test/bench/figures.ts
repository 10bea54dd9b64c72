/** What one row of the table says. */
export type Figure = {
  readonly name: string;
  /** Null where it could not be measured; `target` then says why. */
  readonly ours: number | null;
  /** OpenSSH's figure of the same run, or the figure to reach where nothing of OpenSSH's compares. */
  readonly reference: number | null;
  readonly unit: string;
  readonly ratio: number | null;
  readonly target: string;
  readonly met: boolean;
  /** Two builds that were measured in turn do not differ by more than the rounds of one of them. */
  readonly isWithinSpread?: boolean;
};

export type Options = {
  /** Smaller sizes, for work on the gateway; the figures say less. */
  readonly isQuick: boolean;
  readonly progress: (line: string) => void;
};

export const median = (values: readonly number[]): number => percentile(values, 0.5);

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** By how much y grows per x: least squares. */
export function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const above = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  return above / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
}

const rounded = (value: number): number => Number(value.toPrecision(value >= 100 ? 4 : 3));

type Goal = { readonly atLeast: number } | { readonly atMost: number } | { readonly below: number };

/** A row whose figure has to be in proportion to the reference. */
export function compared(name: string, ours: number, reference: number, unit: string, goal: Goal | null): Figure {
  const ratio = ours / reference;
  const [target, met] = judged(ratio, goal);
  return {
    name,
    ours: rounded(ours),
    reference: rounded(reference),
    unit,
    ratio: Number(ratio.toFixed(2)),
    target,
    met,
  };
}

/** A row whose figure has to stay within a limit. */
export function limited(name: string, ours: number, limit: number, unit: string, word: '≤' | '<'): Figure {
  const met = word === '≤' ? ours <= limit : ours < limit;
  const ratio = Number((ours / limit).toFixed(2));
  return { name, ours: rounded(ours), reference: limit, unit, ratio, target: `${word} ${limit} ${unit}`, met };
}

/** A row of which all have to succeed; the reference is how many do elsewhere, or all. */
export function counted(name: string, ours: number, all: number, reference = all): Figure {
  const ratio = Number((ours / reference).toFixed(2));
  return { name, ours, reference, unit: `of ${all}`, ratio, target: `${all} of ${all}`, met: ours === all };
}

/** With one decimal, or two where it has them. */
const times = (goal: number): string => goal.toFixed(2).replace(/0$/, '');

function judged(ratio: number, goal: Goal | null): [string, boolean] {
  if (goal === null) return ['–', true];
  if ('atLeast' in goal) return [`≥ ${times(goal.atLeast)} ×`, ratio >= goal.atLeast];
  if ('atMost' in goal) return [`≤ ${times(goal.atMost)} ×`, ratio <= goal.atMost];
  return [`< ${times(goal.below)} ×`, ratio < goal.below];
}

export function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, ours, reference, unit, ratio, target, met, isWithinSpread }) => [
    name,
    ours === null ? '–' : `${ours} ${unit}`,
    reference === null ? '–' : `${reference} ${unit}`,
    ratio === null ? '–' : ratio.toFixed(2),
    target,
    target === '–' ? '' : met ? 'met' : isWithinSpread ? 'unclear: rounds overlap' : 'MISSED',
  ]);
  const all = [['figure', 'ours', 'reference', 'ratio', 'to reach', ''], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return `${all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}
