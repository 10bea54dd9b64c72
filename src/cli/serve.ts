import type { Command } from 'commander';
import { type Config, loadConfig, loadSecrets } from '../config.ts';
import { print, Refused } from './output.ts';

export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description(
      'Run control and the gateway. Secrets come from the environment: SLACK_BOT_TOKEN, SLACK_APP_TOKEN, and DAYPASS_DATABASE_URL for PostgreSQL.',
    )
    .option(
      '--insecure-single-user',
      'let gateway workers run under control’s own uid, where an owned worker could read the CA keys',
    )
    .action((options: { insecureSingleUser?: boolean }) =>
      serve(loadConfig(program.opts<{ config: string }>().config), options.insecureSingleUser ?? false),
    );
  program
    .command('migrate')
    .description('Bring the database to this version’s schema. `serve` does it at start as well.')
    .action(async () => {
      const config = loadConfig(program.opts<{ config: string }>().config);
      const [{ migrate }, { createLog }] = await Promise.all([import('../store/store.ts'), import('../log.ts')]);
      const databaseUrl = process.env['DAYPASS_DATABASE_URL'] ?? null;
      const applied = await migrate({ databaseUrl, dataDir: config.dataDir, log: createLog('warn') });
      print(applied.length === 0 ? 'The schema is up to date.' : `Applied: ${applied.join(', ')}`);
    });
}

async function serve(config: Config, insecureSingleUser: boolean): Promise<void> {
  const secrets = loadSecrets(process.env);
  requireSeparateUids(config, insecureSingleUser);
  // Loaded when needed: most commands want neither Slack nor a database, and should not wait for them.
  const [{ startControl }, { createLog }] = await Promise.all([import('../app.ts'), import('../log.ts')]);
  const log = createLog();
  if (insecureSingleUser) log.warn('workers share control’s uid: an owned worker could read the CA keys');
  const control = await startControl(config, secrets, log);
  log.info({ gateway: control.gateway }, 'ready');
  const reason = await askedToStop();
  log.info({ reason }, 'stopping');
  await control[Symbol.asyncDispose]();
  log.info('stopped');
  // Bolt holds a timer of half a minute for a Slack that went away, and a parent’s channel stays open: neither is waited for.
  process.exit();
}

/** An owned worker must not be able to read what control holds. */
function requireSeparateUids(config: Config, insecureSingleUser: boolean): void {
  if (insecureSingleUser) return;
  const own = process.getuid?.();
  const { worker_uid: worker } = config.gateway;
  if (worker !== undefined && worker !== own && own === 0) return;
  throw new Refused(
    worker === undefined || worker === own
      ? `Gateway workers would share control’s uid, and a worker that a hostile peer took over could read the CA keys.
Set gateway.worker_uid and gateway.worker_gid in ${config.file} to an account of their own and start as root,
or say --insecure-single-user to accept that on a trial machine.`
      : `gateway.worker_uid is ${worker}, but only root can start workers under another uid. Start as root,
or say --insecure-single-user to accept one uid on a trial machine.`,
    2,
  );
}

/** SIGTERM, SIGINT, or the parent that started this with an IPC channel going away. */
function askedToStop(): Promise<string> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve('SIGTERM'));
    process.once('SIGINT', () => resolve('SIGINT'));
    if (process.connected) process.once('disconnect', () => resolve('parent gone'));
  });
}
