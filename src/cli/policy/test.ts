import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { z } from 'zod';
import { ASSURANCES } from '../../access/assurance.ts';
import { KEY_DEMANDS } from '../../access/key-demand.ts';
import { IsoSeconds } from '../../access/policy.ts';
import { decide, decisiveRule, type PolicyDecision } from '../../access/policy-decision.ts';
import { type Config, parseYaml } from '../../config/load.ts';
import { systemClock } from '../../config/places.ts';
import { print, printJson, Refused } from '../output.ts';
import { AskText, askOf } from './ask.ts';

/** What is left out is not compared. */
const Expectation = z.union([
  z.strictObject({
    allowed: z.literal(true),
    rules: z.array(z.string()).optional(),
    approvals: z.int().optional(),
    assurance: z.enum(ASSURANCES).optional(),
    keys: z.enum(KEY_DEMANDS).optional(),
    max_duration: IsoSeconds.optional(),
  }),
  z.strictObject({
    refused: z.enum(['no_rule', 'too_long', 'hours', 'ticket']),
    rules: z.array(z.string()).optional(),
  }),
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
        const asked = askOf(read, ask, systemClock.now());
        const isTimed = asked.targets.some((target) => decisiveRule(read.policy, asked, target)?.hours);
        // It would pass by day and fail by night.
        if (isTimed && !ask.at) throw new Refused(`The case “${name}” depends on hours: give it an \`at\`.`, 2);
        const got = decide(read.policy, asked);
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
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Refused(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, 2);
  }
  return parseYaml(file, text, Cases).cases;
}

/** Those that decided; of a refusal the one that refuses. */
const rulesOf = (decision: PolicyDecision): readonly string[] => {
  if (decision.allowed) return decision.rules;
  return decision.reason.kind === 'no_rule' ? [] : [decision.reason.rule];
};

function isAsExpected(got: PolicyDecision, expected: z.infer<typeof Expectation>): boolean {
  if (expected.rules !== undefined && expected.rules.join('\n') !== rulesOf(got).join('\n')) return false;
  if ('refused' in expected) return !got.allowed && got.reason.kind === expected.refused;
  if (!got.allowed) return false;
  const { approvals = got.approvals, assurance = got.assurance, keys = got.keys } = expected;
  const { max_duration: max = got.maxDurationSeconds } = expected;
  return (
    approvals === got.approvals && assurance === got.assurance && keys === got.keys && max === got.maxDurationSeconds
  );
}

function worded(got: PolicyDecision): string {
  const rules = rulesOf(got);
  const by = rules.length === 0 ? '' : `, by ${rules.map((rule) => `“${rule}”`).join(' and ')}`;
  if (!got.allowed) return `policy refuses it (${got.reason.kind})${by}`;
  const takes = `${got.approvals} approvals (assurance ${got.assurance}, keys ${got.keys})`;
  return `policy allows it with ${takes} for at most ${got.maxDurationSeconds} seconds${by}`;
}
