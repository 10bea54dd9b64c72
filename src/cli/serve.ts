import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type Config, loadConfig, loadSecrets, recipientsOf } from '../config/load.ts';
import { listenOf, recordingsFolder, spoolFolder, workersOf } from '../config/places.ts';
import type { Hangups } from '../gateway/launch/launcher.ts';
import type { LauncherHost } from '../gateway/launch/launcher-host.ts';
import type { WorkerHost } from '../gateway/launch/worker-host.ts';
import type { Log } from '../log.ts';
import { type Accounts, accountsOf } from './accounts.ts';
import { actAsOwnerOf } from './as-owner.ts';
import { notifyServiceManager } from './notify.ts';
import { print } from './output.ts';
import { storeOptions } from './store-options.ts';

export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description(
      'Run control and the gateway. Secrets come from the environment: SLACK_BOT_TOKEN; SLACK_APP_TOKEN, or SLACK_SIGNING_SECRET with slack.transport: http; and DAYPASS_DATABASE_URL for PostgreSQL.',
    )
    .option(
      '--insecure-single-user',
      'run gateway workers under control’s own uid, where a compromised worker could read the CA keys',
    )
    .option('--events', 'write every audit event as one JSON line to stdout; the log then goes to stderr')
    .option('--check', 'read the configuration, keys and secrets, report what `serve` would refuse, and start nothing')
    .addOption(new Option('--launched', 'as control, under the launcher that started this').hideHelp())
    .action(async (options: ServeOptions) => {
      const file = program.opts<{ config: string }>().config;
      if (options.check)
        return (await import('./check.ts')).check(file, process.env, options.insecureSingleUser === true);
      const loaded = loadConfig(file);
      const config: Config = options.events ? { ...loaded, events: 'stdout' } : loaded;
      // Read by every log of this process and of those that it starts.
      if (config.events) process.env['DAYPASS_LOG_TO'] = 'stderr';
      if (options.launched) return serve(config, 'launched');
      return serve(config, options.insecureSingleUser ? 'single user' : 'launcher');
    });
  program
    .command('migrate')
    .description('Bring the database to this version’s schema. `serve` also does this at start.')
    .action(async () => {
      const config = loadConfig(program.opts<{ config: string }>().config);
      const { migrate } = await import('../store/store.ts');
      actAsOwnerOf(config.dataDir);
      const applied = await migrate(await storeOptions(config));
      print(applied.length === 0 ? 'The schema is up to date.' : `Applied: ${applied.join(', ')}`);
    });
}

type ServeOptions = {
  readonly insecureSingleUser?: boolean;
  readonly launched?: boolean;
  readonly events?: boolean;
  readonly check?: boolean;
};

type Mode = 'launcher' | 'launched' | 'single user';

async function serve(config: Config, mode: Mode): Promise<void> {
  const hangups = onHangup();
  const secrets = loadSecrets(process.env, config);
  recipientsOf(config);
  const accounts = mode === 'launcher' ? accountsOf(config) : null;
  const { createLog } = await import('../log.ts');
  const log = createLog();
  if (accounts) return runLauncher(config, accounts, log, hangups);
  if (mode === 'single user') log.warn('workers share control’s uid: a compromised worker could read the CA keys');
  const host = mode === 'launched' ? await launcherHost() : await ownHost(config, log);
  // Loaded when needed: most commands want neither Slack nor a database, and should not wait for them.
  const { startControl } = await import('../control/control.ts');
  // Its workers end with it, and their sessions with them: the other control knows nothing of these.
  const lost = (by: string): void => {
    log.fatal({ by }, 'another control has taken over the database; this one exits, and its sessions end');
    process.exit(1);
  };
  const control = await startControl(config, secrets, log, host, lost).catch(async (error: unknown) => {
    await host?.[Symbol.asyncDispose]();
    throw error;
  });
  log.info({ gateway: control.gateway, mode }, 'ready');
  if (mode === 'single user') notifyServiceManager('ready');
  hangups.act(() => {
    control.reload({ account: 'SIGHUP' }).catch((error: unknown) => {
      log.error({ err: error }, 'the configuration cannot be used; keeping the one in use');
    });
  });
  const reason = await askedToStop();
  log.info({ reason }, 'stopping');
  await control[Symbol.asyncDispose]();
  log.info('stopped');
  // Bolt holds a timer of half a minute for a Slack that went away, and a parent’s channel stays open: neither is waited for.
  process.exit();
}

/** Control ends with its launcher. */
async function launcherHost(): Promise<LauncherHost> {
  const { LauncherHost } = await import('../gateway/launch/launcher-host.ts');
  return new LauncherHost(() => process.exit(1));
}

/** Workers that load while control does. At a first start control makes their folder, once it knows that it can start. */
async function ownHost(config: Config, log: Log): Promise<WorkerHost | null> {
  const spool = spoolFolder(config);
  if (!existsSync(spool)) return null;
  const { localHost } = await import('../gateway/launch/local-host.ts');
  const host = await localHost({ listen: listenOf(config.gateway), spool, recordings: recordingsFolder(config), log });
  host.prepare(workersOf(config));
  return host;
}

async function runLauncher(config: Config, { control, worker }: Accounts, log: Log, hangups: Hangups): Promise<void> {
  const { launch } = await import('../gateway/launch/launcher.ts');
  const stop = new AbortController();
  askedToStop().then((reason) => {
    log.info({ reason }, 'the launcher is stopping');
    notifyServiceManager('stopping');
    stop.abort();
  });
  log.info({ control: control.uid, workers: worker.uid }, 'control and workers run under their own accounts');
  const [, script = ''] = process.argv;
  const events = config.events ? ['--events'] : [];
  const command = [
    process.execPath,
    ...process.execArgv,
    script,
    '--config',
    config.file,
    'serve',
    '--launched',
    ...events,
  ];
  const { drain_seconds: drainSeconds } = config.gateway;
  process.exitCode = await launch(
    {
      command: command as [string, ...string[]],
      ...{ listen: listenOf(config.gateway), control, worker, log, drainMs: drainSeconds * 1_000 },
      spool: spoolFolder(config),
      recordings: recordingsFolder(config),
      workers: workersOf(config),
      hangups,
      listening: () => notifyServiceManager('ready'),
    },
    stop.signal,
  );
  process.exit();
}

/** SIGHUP from the first moment on: by itself it would end the process, and everybody's sessions with it. */
function onHangup(): Hangups {
  let isMissed = false;
  let run = (): void => {
    isMissed = true;
  };
  process.on('SIGHUP', () => run());
  return {
    act(reload) {
      run = reload;
      if (isMissed) reload();
    },
  };
}

/** SIGTERM, SIGINT, or the parent that started this with an IPC channel going away. */
function askedToStop(): Promise<string> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve('SIGTERM'));
    process.once('SIGINT', () => resolve('SIGINT'));
    if (process.connected) process.once('disconnect', () => resolve('parent gone'));
  });
}
