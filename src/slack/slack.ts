import { App, type Logger, LogLevel, SocketModeReceiver, webApi } from '@slack/bolt';
import type { Log } from '../log.ts';
import type { CertificateAuthority, Clock, Directory, Inventory, RandomSource, Store } from '../use-cases/ports.ts';
import { Boundary } from './boundary.ts';
import { Connection } from './connection.ts';
import { slackDirectory, type Workspace } from './directory.ts';
import type { Edge } from './edge.ts';
import { listen } from './listeners.ts';
import { OutboxWorker } from './outbox.ts';
import { PeopleWatch } from './people.ts';
import type { GatewayFacts } from './ssh-config.ts';

export type SlackOptions = {
  readonly botToken: string;
  readonly appToken: string;
  /** Null is Slack's own. */
  readonly apiUrl: string | null;
  readonly securityChannel: string;
  readonly securityUsers: readonly string[];
};

export type SlackDeps = {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly authority: CertificateAuthority;
  readonly inventory: Inventory;
  readonly log: Log;
  readonly gateway: GatewayFacts;
};

export type Slack = AsyncDisposable & { readonly directory: Directory };

/** Two, because Slack closes each from time to time and the other then takes what comes. */
const CONNECTIONS = 2;
/** A person waits for these; a trigger lives three seconds. */
const INTERACTIVE_TIMEOUT_MS = 5_000;
const DELIVERY_TIMEOUT_MS = 8_000;
const NO_RETRY = { retries: 0 };

/** Connects to Slack: conversations over Socket Mode, messages from the outbox. Rejects where the tokens do not work. */
export async function startSlack(options: SlackOptions, deps: SlackDeps): Promise<Slack> {
  const log = deps.log.child({ part: 'slack' });
  const common = {
    ...(options.apiUrl === null ? {} : { slackApiUrl: options.apiUrl }),
    retryConfig: NO_RETRY,
    rejectRateLimitedCalls: true,
  };
  const logger = boltLog(log);
  const web = new webApi.WebClient(options.botToken, { ...common, logger, timeout: INTERACTIVE_TIMEOUT_MS });
  const own = await ownWorkspace(web);
  const directory = slackDirectory(web, own);
  const { app, receivers } = boltApp(options, { ...common, timeout: INTERACTIVE_TIMEOUT_MS }, logger);
  await app.init();

  const parts: AsyncDisposable[] = [];
  const stop = async (): Promise<void> => {
    for (const part of parts.splice(0).reverse()) await part[Symbol.asyncDispose]();
  };
  const { securityChannel, securityUsers } = options;
  const delivery = new webApi.WebClient(options.botToken, { ...common, logger, timeout: DELIVERY_TIMEOUT_MS });
  const outbox = new OutboxWorker({ ...deps, log, securityChannel, web: delivery });
  parts.push(outbox);
  const settled = (): Promise<void> => outbox.settled();
  const edge: Edge = { ...deps, log, web, own, directory, securityUsers, securityChannel, settled };
  const people = new PeopleWatch(edge);
  parts.push(people);
  const boundary = new Boundary(log, deps.random);
  listen({ app, edge, boundary, people });
  const connections = receivers.map((receiver) => new Connection(receiver, app, log));
  parts.push(...connections, { [Symbol.asyncDispose]: () => boundary.drain() });
  try {
    await Promise.all(connections.map((connection) => connection.start()));
    log.info({ team: own.teamId, connections: CONNECTIONS }, 'connected to Slack');
    return { directory, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function ownWorkspace(web: webApi.WebClient): Promise<Workspace> {
  const { team_id: teamId, enterprise_id: enterpriseId, user_id: botUserId } = await web.auth.test();
  if (!teamId || !botUserId) throw new Error('auth.test named no workspace or no bot');
  return { teamId, botUserId, enterpriseId: enterpriseId ?? null };
}

function boltApp(
  { botToken, appToken }: SlackOptions,
  clientOptions: webApi.WebClientOptions,
  logger: Logger,
): { app: App; receivers: SocketModeReceiver[] } {
  const receivers = Array.from(
    { length: CONNECTIONS },
    () =>
      new SocketModeReceiver({ appToken, logger, autoReconnectEnabled: false, installerOptions: { clientOptions } }),
  );
  const [receiver] = receivers;
  if (!receiver) throw new RangeError('at least one connection is needed');
  const app = new App({
    token: botToken,
    receiver,
    clientOptions,
    logger,
    convoStore: false,
    deferInitialization: true,
  });
  app.error(async (error) => logger.error('a listener failed outside its boundary', error));
  return { app, receivers };
}

/** Bolt's log lines go into fields: they can carry texts from outside. */
function boltLog(log: Log): Logger {
  const write =
    (level: 'debug' | 'warn' | 'error') =>
    (...parts: unknown[]): void =>
      log[level](
        { said: parts.map((part) => (part instanceof Error ? part.message : String(part)).slice(0, 500)) },
        'bolt',
      );
  return {
    debug: write('debug'),
    info: write('debug'),
    warn: write('warn'),
    error: write('error'),
    setLevel: () => undefined,
    getLevel: () => LogLevel.INFO,
    setName: () => undefined,
  };
}
