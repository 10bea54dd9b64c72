import type { Command } from 'commander';
import { policyGaps } from '../../access/policy.ts';
import { lintPolicy, type PolicyFinding } from '../../access/policy-lint.ts';
import type { Config } from '../../config/load.ts';
import { inventoryOf } from '../../config/places.ts';
import { print, printJson } from '../output.ts';
import { scopeWarnings } from './scope-warnings.ts';

export function checkCommand(policy: Command, config: () => Config): void {
  policy
    .command('check')
    .description(
      'Look for what is probably a mistake: rules that decide nothing, targets and scopes without a rule, commands that allow more than they show. Exit code 0: nothing found; 1: something.',
    )
    .option('--json', 'print JSON')
    .action((options: { readonly json?: boolean }) => {
      const read = config();
      const { scopes, targets } = inventoryOf(read);
      const findings = lintPolicy(read.policy, scopes, targets);
      const warnings = [...policyGaps(read.policy), ...read.policy.scopes.flatMap(scopeWarnings)];
      if (options.json) printJson({ findings, warnings });
      else {
        for (const finding of findings) print(worded(finding));
        for (const warning of warnings) print(warning);
        if (findings.length + warnings.length === 0) print('Nothing found.');
      }
      process.exitCode = findings.length + warnings.length === 0 ? 0 : 1;
    });
}

function worded(finding: PolicyFinding): string {
  switch (finding.kind) {
    case 'rule_without_match':
      return `The rule “${finding.rule}” matches no target, scope and login that there is.`;
    case 'rule_shadowed':
      return `The rule “${finding.rule}” never decides: ${finding.by.map((rule) => `“${rule}”`).join(', ')} before it ${finding.by.length === 1 ? 'decides' : 'decide'} all that it matches.`;
    case 'target_without_rule':
      return `No rule covers the target ${finding.target}: nobody can request access to it.`;
    case 'scope_without_rule':
      return `No rule allows the scope ${finding.scope} on any target: nobody can request it.`;
  }
}
