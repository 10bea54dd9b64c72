import type { Command } from 'commander';
import type { Config } from '../config/load.ts';
import type { PersonRow } from '../operator/people.ts';
import { engagementCalled, personCalled } from './called.ts';
import { type ListOptions, limitOf, withOperator } from './operator.ts';
import { print, printJson, Refused, table } from './output.ts';
import { wordForOperator } from './refusals.ts';

export function peopleCommand(program: Command, config: () => Config): void {
  const people = program.command('people').description('List people, show one, or readmit one who was offboarded.');
  people
    .command('list')
    .description('List the people that Daypass knows.')
    .option('--find <who>', 'only those: part of the name, a Slack user id, or a Daypass id')
    .option('--limit <n>', 'show at most this many', '200')
    .option('--json', 'print JSON')
    .action((options: ListOptions & { find?: string }) =>
      withOperator(config(), async (operator) => {
        const limit = limitOf(options);
        const found = await operator.people({ find: options.find || null, limit: limit + 1 });
        const rows = found.slice(0, limit);
        if (found.length > limit)
          process.stderr.write(`${limit} shown, and there are more. Add --find, or raise --limit.\n`);
        if (options.json) return printJson(rows);
        print(rows.length === 0 ? 'No people.' : tableOf(rows));
      }),
    );
  people
    .command('show <person>')
    .description('Show one person with engagements, keys and live grants. <person> is a Slack user id or a Daypass id.')
    .option('--json', 'print JSON')
    .action((given: string, options: { json?: boolean }) =>
      withOperator(config(), async (operator) => {
        const shown = await operator.person(await personCalled(operator, given));
        if (!shown) throw new Refused('That person is no longer there.');
        if (options.json) return printJson(shown);
        print(tableOf([shown.person]));
        const rows = shown.engagements.map(({ role, name, id, isOver, offboarded }) => [
          ...[role, name, id, offboarded ? 'offboarded' : isOver ? 'over' : 'open'],
        ]);
        if (rows.length > 0) print(table(['ROLE', 'ENGAGEMENT', 'ID', 'STATE'], rows));
        for (const key of shown.keys) print(`key ${key.fingerprint}, registered ${key.registeredAt}`);
        for (const grant of shown.grants)
          print(
            `grant ${grant.id}: ${grant.targets.join(',')} as ${grant.login}, ${grant.scope}, until ${grant.notAfter}`,
          );
      }),
    );
  people
    .command('readmit <person>')
    .description(
      'Let somebody back in who was offboarded. They get nothing by it: they register a key and request access anew.',
    )
    .option('--engagement <id>', 'where they were offboarded from this engagement alone')
    .option('--json', 'print JSON')
    .action((given: string, options: { engagement?: string; json?: boolean }) =>
      withOperator(
        config(),
        async (operator) => {
          const person = await personCalled(operator, given);
          const engagement = options.engagement ? await engagementCalled(operator, options.engagement) : null;
          const readmitted = await operator.readmit(person, engagement);
          if (!readmitted.ok) throw new Refused(wordForOperator(readmitted.rejection));
          if (options.json) return printJson({ person, engagement });
          print(`Readmitted ${person}. Security is told. They register a key and request access anew.`);
        },
        true,
      ),
    );
}

const tableOf = (rows: readonly PersonRow[]): string =>
  table(
    ['PERSON', 'NAME', 'ACCOUNTS', 'STANDING', 'STATE', 'KEYS', 'LIVE'],
    rows.map((row) => [
      ...[row.id, row.name, row.accounts.join(','), row.standing, row.state],
      ...[String(row.keys), String(row.liveGrants)],
    ]),
  );
