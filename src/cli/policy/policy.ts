import type { Command } from 'commander';
import { z } from 'zod';
import { Policy } from '../../access/policy.ts';
import type { Config } from '../../config/load.ts';
import { printJson } from '../output.ts';
import { checkCommand } from './check.ts';
import { explainCommand } from './explain.ts';
import { scopeCommand } from './scope.ts';
import { testCommand } from './test.ts';

export function policyCommand(program: Command, config: () => Config): void {
  const policy = program
    .command('policy')
    .description('Try out policy.yml: who may request what, and what it takes. Nothing is changed.');
  explainCommand(policy, config);
  testCommand(policy, config);
  checkCommand(policy, config);
  scopeCommand(policy, config);
  policy
    .command('schema')
    .description('Print the JSON Schema of policy.yml, for editors.')
    .action(() => printJson(z.toJSONSchema(Policy, { io: 'input', unrepresentable: 'any' })));
}
