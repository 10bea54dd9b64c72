import type { Command } from 'commander';
import { withoutControls } from '../access/printable.ts';
import type { Config } from '../config/load.ts';
import type { EngagementRow } from '../operator/engagements.ts';
import { engagementCalled } from './called.ts';
import { showProof } from './offboard.ts';
import { type ListOptions, limitOf, withOperator } from './operator.ts';
import { print, printJson, Refused, table } from './output.ts';
import { wordForOperator } from './refusals.ts';

export function engagementsCommand(program: Command, config: () => Config): void {
  const engagements = program.command('engagements').description('List engagements, show one, or close one.');
  engagements
    .command('list')
    .description('List open engagements. With --all, those that are over too.')
    .option('--all', 'include engagements that are over')
    .option('--limit <n>', 'show at most this many, newest first', '200')
    .option('--json', 'print JSON')
    .action((options: ListOptions) =>
      withOperator(config(), async (operator) => {
        const limit = limitOf(options);
        const found = await operator.engagements({ all: options.all ?? false, limit: limit + 1 });
        const rows = found.slice(0, limit);
        if (found.length > limit) process.stderr.write(`${limit} shown, and there are more. Raise --limit.\n`);
        if (options.json) return printJson(rows);
        print(rows.length === 0 ? 'No engagements.' : tableOf(rows));
      }),
    );
  engagements
    .command('show <engagement>')
    .description('Show an engagement with its people. <engagement> is an id or the start of one.')
    .option('--json', 'print JSON')
    .action((given: string, options: { json?: boolean }) =>
      withOperator(config(), async (operator) => {
        const shown = await operator.engagement(await engagementCalled(operator, given));
        if (!shown) throw new Refused('That engagement is no longer there.');
        if (options.json) return printJson(shown);
        print(tableOf([shown]));
        print(`channel ${shown.channel}; targets ${shown.targets.join(',')}; scopes ${shown.scopes.join(',')}`);
        if (shown.closedAt)
          print(`closed ${shown.closedAt}${shown.closedBy ? ` by ${withoutControls(shown.closedBy)}` : ''}`);
        print(
          table(
            ['ROLE', 'NAME', 'PERSON', 'STATE'],
            shown.people.map(({ role, name, id, state }) => [role, name, id, state]),
          ),
        );
      }),
    );
  engagements
    .command('close <engagement>')
    .description('Close an engagement before its last day: end all grants, requests and sessions in it, for good.')
    .option('--reason <text>', 'why; security’s channel shows it')
    .option('--json', 'print JSON')
    .action((given: string, options: { reason?: string; json?: boolean }) =>
      withOperator(
        config(),
        async (operator) => {
          const id = await engagementCalled(operator, given);
          const closed = await operator.closeEngagement(id, options.reason ?? null);
          if (!closed.ok) throw new Refused(wordForOperator(closed.rejection));
          if (!options.json) print(`Closed ${id}.`);
          if (closed.value.id) await showProof(operator, closed.value.id, options);
          else if (options.json) printJson(null);
        },
        true,
      ),
    );
}

const tableOf = (rows: readonly EngagementRow[]): string =>
  table(
    ['ENGAGEMENT', 'NAME', 'VENDOR', 'SPONSOR', 'STATE', 'LAST DAY', 'MEMBERS', 'PENDING', 'LIVE'],
    rows.map((row) => [
      ...[row.id, row.name, row.vendor, row.sponsor, row.state, row.lastDay],
      ...[String(row.members), String(row.pendingRequests), String(row.liveGrants)],
    ]),
  );
