import type { Command } from 'commander';
import { RequestId } from '../access/ids.ts';
import type { Config } from '../config/load.ts';
import type { Operator } from '../operator/operator.ts';
import type { RequestRow } from '../operator/requests.ts';
import { type ListOptions, limitOf, one, withOperator } from './operator.ts';
import { print, printJson, Refused, table } from './output.ts';
import { wordForOperator } from './refusals.ts';

const REQUESTS_MAX = 10_000;

export function requestsCommand(program: Command, config: () => Config): void {
  const requests = program
    .command('requests')
    .description('List access requests, show one, or withdraw one. Only reviewers in Slack can approve.');
  requests
    .command('list')
    .description('List requests that wait for review. With --all, decided ones too.')
    .option('--all', 'include decided requests')
    .option('--limit <n>', 'show at most this many, newest first', '200')
    .option('--json', 'print JSON')
    .action((options: ListOptions) =>
      withOperator(config(), async (operator) => {
        const limit = limitOf(options);
        const found = await operator.requests({ all: options.all ?? false, limit: limit + 1 });
        const rows = found.slice(0, limit);
        if (found.length > limit) process.stderr.write(`${limit} shown, and there are more. Raise --limit.\n`);
        if (options.json) return printJson(rows);
        print(rows.length === 0 ? 'No requests.' : tableOf(rows));
      }),
    );
  requests
    .command('show <request>')
    .description('Show a request with its reason and reviews. <request> is an id or the start of one.')
    .option('--json', 'print JSON')
    .action((given: string, options: { json?: boolean }) =>
      withOperator(config(), async (operator) => {
        const shown = await operator.request(await requestCalled(operator, given, true));
        if (!shown) throw new Refused('That request is no longer there.');
        if (options.json) return printJson(shown);
        print(tableOf([shown]));
        print(
          table(
            ['REASON', 'TICKET', 'RULES', 'DIGEST'],
            [[shown.reason, shown.ticket ?? '-', shown.rules.join(', '), shown.digest]],
          ),
        );
        if (shown.reviews.length === 0) return;
        const reviews = shown.reviews.map(({ reviewer, verdict, comment, at }) => [
          reviewer,
          verdict,
          at,
          comment ?? '-',
        ]);
        print(table(['REVIEWER', 'VERDICT', 'AT', 'COMMENT'], reviews));
      }),
    );
  requests
    .command('withdraw <request>')
    .description('Withdraw a request that waits, so that nobody can approve it.')
    .option('--json', 'print JSON')
    .action((given: string, options: { json?: boolean }) =>
      withOperator(
        config(),
        async (operator) => {
          const id = await requestCalled(operator, given, false);
          const withdrawn = await operator.withdrawRequest(id);
          if (!withdrawn.ok) throw new Refused(wordForOperator(withdrawn.rejection));
          if (options.json) return printJson({ id });
          print(`Withdrew ${id}. The person who made it is told.`);
        },
        true,
      ),
    );
}

const tableOf = (rows: readonly RequestRow[]): string =>
  table(
    ['REQUEST', 'STATE', 'PERSON', 'ENGAGEMENT', 'TARGETS', 'LOGIN', 'SCOPE', 'SECONDS', 'APPROVALS', 'EXPIRES'],
    rows.map((row) => [
      ...[row.id, row.state, row.person, row.engagement, row.targets.join(','), row.login, row.scope],
      ...[String(row.seconds), `${row.approvals}/${row.approvalsNeeded}`, row.expiresAt],
    ]),
  );

async function requestCalled(operator: Operator, given: string, all: boolean): Promise<RequestId> {
  const ids = (await operator.requests({ all, limit: REQUESTS_MAX })).map(({ id }) => id);
  return RequestId.parse(one(given.toLowerCase(), ids, all ? 'request' : 'waiting request'));
}
