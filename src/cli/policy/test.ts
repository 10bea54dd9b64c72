import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parse, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { IsoSeconds } from '../../access/policy.ts';
import type { Config } from '../../config/load.ts';
import { print, printJson, Refused } from '../output.ts';
import { AskText, askOf, problemsIn, type Verdict, verdictOf } from './ask.ts';

/** What is left out is not compared. */
const Expectation = z.union([
  z.strictObject({
    allowed: z.literal(true),
    rules: z.array(z.string()).optional(),
    approvals: z.int().optional(),
    max_duration: IsoSeconds.optional(),
  }),
  z.strictObject({ refused: z.enum(['no_rule', 'too_long', 'ticket']), rules: z.array(z.string()).optional() }),
]);

const Cases = z.strictObject({
  cases: z.array(z.strictObject({ name: z.string().min(1), ask: AskText, expect: Expectation })).min(1),
});

export function testCommand(policy: Command, config: () => Config): void {
  policy
    .command('test')
    .description(
      'Hold policy.yml to a file of cases, each a request and what policy should say about it. Exit code 0: it says so; 1: it does not.',
    )
    .argument('<file>', 'YAML; docs/policy.md has an example')
    .option('--json', 'print JSON')
    .action((file: string, options: { readonly json?: boolean }) => {
      const read = config();
      const results = casesIn(file).map(({ name, ask, expect }) => {
        const got = verdictOf(read, askOf(read, ask));
        return { name, passed: isAsExpected(got, expect), got };
      });
      if (options.json) printJson({ results });
      else {
        for (const { name, passed, got } of results) print(passed ? `ok    ${name}` : `FAIL  ${name}: ${worded(got)}`);
      }
      process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
    });
}

function casesIn(file: string): z.infer<typeof Cases>['cases'] {
  try {
    const cases = Cases.safeParse(parse(readFileSync(file, 'utf8')));
    if (cases.success) return cases.data.cases;
    throw new Refused(`${file} cannot be used:\n${problemsIn(cases.error)}`, 2);
  } catch (error) {
    if (error instanceof YAMLParseError) throw new Refused(`${file} is not valid YAML: ${error.message}`, 2);
    if (error instanceof Error && 'code' in error) throw new Refused(`${file} cannot be read: ${error.message}`, 2);
    throw error;
  }
}

function isAsExpected(got: Verdict, expected: z.infer<typeof Expectation>): boolean {
  const sameRules = expected.rules === undefined || expected.rules.join('\n') === got.rules.join('\n');
  if ('refused' in expected) return !got.allowed && got.refused === expected.refused && sameRules;
  const { approvals, max_duration: max } = expected;
  if (!got.allowed || !sameRules) return false;
  return (approvals ?? got.approvals) === got.approvals && (max ?? got.maxSeconds) === got.maxSeconds;
}

const worded = (got: Verdict): string => {
  const by = got.rules.length === 0 ? '' : `, by ${got.rules.map((rule) => `“${rule}”`).join(' and ')}`;
  if (!got.allowed) return `policy refuses it (${got.refused})${by}`;
  return `policy allows it with ${got.approvals} approvals for at most ${got.maxSeconds} seconds${by}`;
};
