import type { Command } from 'commander';
import { DateTime } from 'luxon';
import { SessionId } from '../access/ids.ts';
import type { Config } from '../config/load.ts';
import type { Operator } from '../operator/operator.ts';
import type { SessionsAsked } from '../operator/sessions.ts';
import { type ListOptions, limitOf, one, withOperator } from './operator.ts';
import { print, printJson, Refused, table } from './output.ts';
import { wordForOperator } from './refusals.ts';
import { Watching } from './watching.ts';

type SessionListOptions = ListOptions & {
  readonly person?: string;
  readonly target?: string;
  readonly engagement?: string;
  readonly since?: string;
  readonly after?: string;
};

export function sessionsCommand(program: Command, config: () => Config): void {
  const sessions = program.command('sessions').description('List sessions, or end or watch a live one.');
  sessions
    .command('list')
    .description('List live sessions. With --all, ended ones too.')
    .option('--all', 'include ended sessions')
    .option('--person <who>', 'only this person: part of the name, a Slack user id, or a Daypass id')
    .option('--target <id>', 'only this target')
    .option('--engagement <which>', 'only this engagement: part of its name, or its id')
    .option(
      '--since <when>',
      'only sessions started since a day or time (2026-01-31, 2026-01-31T14:00Z) or within an age (7d, 12h)',
    )
    .option('--after <session>', 'the next page: sessions after this one in the list')
    .option('--limit <n>', 'show at most this many, newest first', '200')
    .option('--json', 'print JSON')
    .action((options: SessionListOptions) => withOperator(config(), (operator) => list(operator, options)));
  sessions
    .command('end <session>')
    .description('End a live session. Its grant stays. <session> is an id or the start of one.')
    .action((given: string) =>
      withOperator(
        config(),
        async (operator) => {
          const id = await sessionCalled(operator, given, { live: true });
          const ended = await operator.endSession(SessionId.parse(id));
          if (!ended.ok) throw new Refused(wordForOperator(ended.rejection));
          print(`Ending ${id}.`);
        },
        true,
      ),
    );
  sessions
    .command('watch <session>')
    .description(
      'Show a live session as it happens, read-only. This is audited, and the scope sets whether the person is told.',
    )
    .action((given: string) => withOperator(config(), (operator) => watch(operator, given)));
}

async function list(operator: Operator, options: SessionListOptions): Promise<void> {
  const limit = limitOf(options);
  // One more than is shown tells whether there are more.
  const found = await operator.sessions(await askedOf(operator, options, limit + 1));
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  if (found.length > limit && last) {
    process.stderr.write(`${limit} shown. For more, add --after ${last.id} or raise --limit.\n`);
  }
  if (options.json) return printJson(rows);
  if (rows.length === 0) return print('No sessions.');
  print(
    table(
      ['SESSION', 'STATE', 'PERSON', 'TARGET', 'LOGIN', 'FROM', 'STARTED', 'ENDED', 'IN', 'OUT'],
      rows.map((row) => [
        ...[row.id, row.state, row.person, row.target, row.login, row.client, row.startedAt, row.endedAt ?? '-'],
        ...[String(row.bytesFromClient ?? '-'), String(row.bytesToClient ?? '-')],
      ]),
    ),
  );
}

async function watch(operator: Operator, given: string): Promise<void> {
  const id = await sessionCalled(operator, given, { live: true });
  const watching = new Watching(process.stdout);
  const watched = await operator.watch(SessionId.parse(id), watching);
  if (!watched.ok) throw new Refused(wordForOperator(watched.rejection));
  const interrupted = (): void => watched.value.stop();
  process.once('SIGINT', interrupted);
  process.stderr.write(
    `Watching ${id}, read-only${watched.value.isTold ? '; the person is told' : ''}. Press Ctrl-C to stop watching.\n`,
  );
  await watching.ended;
  process.off('SIGINT', interrupted);
}

async function sessionCalled(operator: Operator, given: string, { live }: { live: boolean }): Promise<string> {
  const rows = await operator.sessions({ live, limit: 100, prefix: given.toLowerCase() });
  const ids = rows.map((row) => row.id);
  return one(given.toLowerCase(), ids, live ? 'live session' : 'session');
}

async function askedOf(operator: Operator, options: SessionListOptions, limit: number): Promise<SessionsAsked> {
  const { all, person, target, engagement, since, after } = options;
  return {
    ...{ live: !all, limit },
    ...(person !== undefined && { person }),
    ...(target !== undefined && { target }),
    ...(engagement !== undefined && { engagement }),
    ...(since !== undefined && { since: instantOf(since) }),
    ...(after !== undefined && { after: SessionId.parse(await sessionCalled(operator, after, { live: false })) }),
  };
}

/** A day begins where the operator is. */
function instantOf(given: string): string {
  const age = /^(\d{1,5})([dhm])$/.exec(given);
  const units = { d: 'days', h: 'hours', m: 'minutes' } as const;
  const at = age
    ? DateTime.now().minus({ [units[age[2] as keyof typeof units]]: Number(age[1]) })
    : DateTime.fromISO(given, { setZone: false });
  const iso = at.toUTC().toISO();
  if (iso !== null) return iso;
  throw new Refused(`--since takes 2026-01-31, 2026-01-31T14:00Z, 7d, 12h or 30m, not ${given}`, 2);
}
