import type { Command } from 'commander';
import { Fingerprint } from '../access/ids.ts';
import type { Config } from '../config/load.ts';
import { type ListOptions, limitOf, one, withOperator } from './operator.ts';
import { print, printJson, Refused, table } from './output.ts';
import { wordForOperator } from './refusals.ts';

const KEYS_MAX = 10_000;

export function keysCommand(program: Command, config: () => Config): void {
  const keys = program.command('keys').description('List registered SSH keys, or retire one.');
  keys
    .command('list')
    .description('List keys in use. With --all, retired ones too.')
    .option('--all', 'include retired keys')
    .option('--person <who>', 'only this person: part of the name')
    .option('--limit <n>', 'show at most this many, newest first', '200')
    .option('--json', 'print JSON')
    .action((options: ListOptions & { person?: string }) =>
      withOperator(config(), async (operator) => {
        const limit = limitOf(options);
        const person = (options.person ?? '').toLowerCase();
        const found = (await operator.keys({ limit: KEYS_MAX })).filter(
          (row) => (options.all || row.retiredAt === null) && row.person.toLowerCase().includes(person),
        );
        const rows = found.slice(0, limit);
        if (found.length > limit) {
          process.stderr.write(`${limit} of ${found.length} shown. Add --person, or raise --limit.\n`);
        }
        if (options.json) return printJson(rows);
        if (rows.length === 0) return print('No keys.');
        print(
          table(
            ['KEY', 'TYPE', 'PERSON', 'REGISTERED', 'RETIRED'],
            rows.map((row) => [row.fingerprint, row.type, row.person, row.registeredAt, row.retiredAt ?? '-']),
          ),
        );
      }),
    );
  keys
    .command('retire <key>')
    .description('Retire a key permanently. Its live sessions end. <key> is a fingerprint or the start of one.')
    .action((given: string) =>
      withOperator(
        config(),
        async (operator) => {
          const rows = (await operator.keys({ limit: KEYS_MAX })).filter((row) => row.retiredAt === null);
          const wanted = given.startsWith('SHA256:') ? given : `SHA256:${given}`;
          const found = one(
            wanted,
            rows.map((row) => row.fingerprint),
            'active key',
          );
          const retired = await operator.retireKey(Fingerprint.parse(found));
          if (!retired.ok) throw new Refused(wordForOperator(retired.rejection));
          print(`Retired ${found}. Its live sessions are ending.`);
        },
        true,
      ),
    );
}
