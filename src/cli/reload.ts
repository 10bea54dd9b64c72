import type { Command } from 'commander';
import { type Config, ConfigError } from '../config/load.ts';
import { withOperator } from './operator.ts';
import { print, printJson, Refused } from './output.ts';

export function reloadCommand(program: Command, config: () => Config): void {
  program
    .command('reload')
    .description(
      'Make the running control read targets.yml, policy.yml and the Slack settings again. Sessions continue.',
    )
    .option('--json', 'print JSON')
    .action((options: { json?: boolean }) =>
      withOperator(toReload(config), async (operator) => {
        const reloaded = await operator.reload();
        if (options.json) printJson(reloaded);
        if (!reloaded.ok) throw new Refused(`Nothing was changed. ${reloaded.why}`);
        if (options.json) return;
        for (const change of reloaded.applied) print(change);
        if (reloaded.applied.length === 0) print('Nothing to change without a restart.');
        for (const path of reloaded.atNextStart) print(`${path} also changed; it takes effect at the next start.`);
      }),
    );
}

/** Files that cannot be used are found out before control is asked. */
function toReload(config: () => Config): Config {
  try {
    return config();
  } catch (error) {
    if (error instanceof ConfigError) throw new Refused(`Nothing was changed. ${error.message}`, 2);
    throw error;
  }
}
