import type { Command } from 'commander';
import { GrantId } from '../access/ids.ts';
import type { Config } from '../config/load.ts';
import { type ListOptions, limitOf, one, withOperator } from './operator.ts';
import { print, printJson, Refused, table } from './output.ts';
import { wordForOperator } from './refusals.ts';

export function grantsCommand(program: Command, config: () => Config): void {
  const grants = program.command('grants').description('List grants, or end one early.');
  grants
    .command('list')
    .description('List live grants. With --all, ended ones too.')
    .option('--all', 'include ended grants')
    .option('--limit <n>', 'show at most this many, newest first', '200')
    .option('--json', 'print JSON')
    .action((options: ListOptions) =>
      withOperator(config(), async (operator) => {
        const limit = limitOf(options);
        const found = await operator.grants({ live: !options.all, limit: limit + 1 });
        const rows = found.slice(0, limit);
        if (found.length > limit) process.stderr.write(`${limit} shown, and there are more. Raise --limit.\n`);
        if (options.json) return printJson(rows);
        if (rows.length === 0) return print('No grants.');
        print(
          table(
            ['GRANT', 'STATE', 'PERSON', 'ENGAGEMENT', 'TARGETS', 'LOGIN', 'SCOPE', 'UNTIL', 'LIVE'],
            rows.map((row) => [
              ...[row.id, row.state, row.person, row.engagement, row.targets.join(','), row.login, row.scope],
              ...[row.notAfter, String(row.liveSessions)],
            ]),
          ),
        );
      }),
    );
  grants
    .command('revoke <grant>')
    .description('End a grant and its live sessions. <grant> is an id or the start of one.')
    .option('--comment <text>', 'why; shown in the terminals of its live sessions')
    .action((given: string, options: { comment?: string }) =>
      withOperator(
        config(),
        async (operator) => {
          const rows = await operator.grants({ live: true, limit: 10_000 });
          const id = one(
            given,
            rows.map((row) => row.id),
            'live grant',
          );
          const ended = await operator.revoke(GrantId.parse(id), options.comment ?? null);
          if (!ended.ok) throw new Refused(wordForOperator(ended.rejection));
          print(`Revoked ${id}. Its live sessions are ending.`);
        },
        true,
      ),
    );
  grants
    .command('confirm')
    .description('Make the grants in a database valid again after it was restored or replaced. Check them first.')
    .action(() =>
      withOperator(
        config(),
        async (operator) => {
          const { lifted } = await operator.confirmGrants();
          print(lifted ? `Grants are valid again. They were paused: ${lifted}.` : 'Nothing is paused.');
        },
        true,
      ),
    );
}
