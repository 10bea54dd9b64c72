import type { Command } from 'commander';
import { DateTime } from 'luxon';
import { Fingerprint, GrantId, SessionId } from '../access/ids.ts';
import type { Rejection } from '../access/rejection.ts';
import { type Config, ConfigError } from '../config/load.ts';
import { adminSocketPath, systemClock } from '../config/places.ts';
import { localOperators, type Operator, type SessionsAsked } from '../operator/operator.ts';
import { isServed, remoteOperator } from '../operator/socket.ts';
import { actAsOwnerOf, operatorAccount } from './as-owner.ts';
import { print, printJson, Refused, table } from './output.ts';
import { storeOptions } from './store-options.ts';
import { Watching } from './watching.ts';

/** Runs `work` against the running control, or, where none runs, against the store itself; `changes` keeps a control from starting meanwhile. */
async function withOperator<T>(config: Config, work: (operator: Operator) => Promise<T>, changes = false): Promise<T> {
  const path = adminSocketPath(config);
  if (await isServed(path)) return work(remoteOperator(path, operatorAccount()));
  const { openForCommand } = await import('../store/store.ts');
  actAsOwnerOf(config.dataDir);
  await using store = await openForCommand(await storeOptions(config), changes);
  // Awaited here: the store closes when this returns.
  return await work(localOperators({ store, clock: systemClock, control: null })(operatorAccount()));
}

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

type ListOptions = { readonly json?: boolean; readonly all?: boolean; readonly limit: string };

type SessionListOptions = ListOptions & {
  readonly person?: string;
  readonly target?: string;
  readonly engagement?: string;
  readonly since?: string;
  readonly after?: string;
};

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
          if (!ended.ok) throw new Refused(worded(ended.rejection));
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
    .action((options: SessionListOptions) =>
      withOperator(config(), async (operator) => {
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
      }),
    );
  sessions
    .command('end <session>')
    .description('End a live session. Its grant stays. <session> is an id or the start of one.')
    .action((given: string) =>
      withOperator(
        config(),
        async (operator) => {
          const id = await sessionCalled(operator, given, { live: true });
          const ended = await operator.endSession(SessionId.parse(id));
          if (!ended.ok) throw new Refused(worded(ended.rejection));
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
          if (!retired.ok) throw new Refused(worded(retired.rejection));
          print(`Retired ${found}. Its live sessions are ending.`);
        },
        true,
      ),
    );
}

const KEYS_MAX = 10_000;

async function watch(operator: Operator, given: string): Promise<void> {
  const id = await sessionCalled(operator, given, { live: true });
  const watching = new Watching(process.stdout);
  const watched = await operator.watch(SessionId.parse(id), watching);
  if (!watched.ok) throw new Refused(worded(watched.rejection));
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

function limitOf(options: ListOptions): number {
  const limit = Number(options.limit);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 10_000) return limit;
  throw new Refused(`--limit takes a whole number from 1 to 10000, not ${options.limit}`, 2);
}

function one(given: string, ids: readonly string[], what: string): string {
  const matching = ids.filter((id) => id.startsWith(given));
  const [id] = matching;
  if (id !== undefined && matching.length === 1) return id;
  if (matching.length > 1) throw new Refused(`${given} matches ${matching.length} ${what}s. Type more of it.`);
  throw new Refused(`No ${what} starts with ${given}. List them first.`);
}

function worded(rejection: Rejection): string {
  switch (rejection.code) {
    case 'grant_already_ended':
      return `That grant ended at ${rejection.at.toISOString()}.`;
    case 'session_already_ended':
      return `That session ended at ${rejection.at.toISOString()}.`;
    default:
      return `Refused: ${rejection.code.replaceAll('_', ' ')}.`;
  }
}
