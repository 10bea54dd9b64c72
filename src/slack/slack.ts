import { type App, type Logger, LogLevel, SocketModeReceiver, type webApi } from '@slack/bolt';
import type { Log } from '../log.ts';
import type { CertificateAuthority } from '../use-cases/ports/authority.ts';
import type { Clock } from '../use-cases/ports/clock.ts';
import type { Directory } from '../use-cases/ports/directory.ts';
import type { Inventory } from '../use-cases/ports/inventory.ts';
import type { RandomSource } from '../use-cases/ports/random.ts';
import type { Store } from '../use-cases/ports/store.ts';
import { Boundary } from './conversations/boundary.ts';
import { FormTurns } from './conversations/form-turns.ts';
import { listen } from './conversations/listeners.ts';
import { OwnApp } from './conversations/own-app.ts';
import type { Edge, Security } from './edge.ts';
import { OutboxWorker } from './messages/outbox.ts';
import { PeopleWatch } from './readings/people.ts';
import type { GatewayFacts } from './words/gateway-facts.ts';
import { Calls, type Importance, PacedClient } from './workspace/calls.ts';
import { Connection } from './workspace/connection.ts';
import { slackDirectory, type Workspace } from './workspace/directory.ts';
import type { SlackHealth } from './workspace/health.ts';
import { HttpEndpoint, type HttpPlace } from './workspace/http-endpoint.ts';
import { type Network, type ProxySettings, slackNetwork } from './workspace/network.ts';
import { RefusedRequests } from './workspace/refused-requests.ts';
import { SetupProblem } from './workspace/setup-problem.ts';

/** How Slack's payloads come: on connections that Daypass opens, or as requests that Slack signs. */
export type Transport =
  | { readonly kind: 'socket'; readonly appToken: string }
  | ({ readonly kind: 'http'; readonly signingSecret: string } & HttpPlace);

export type SlackOptions = {
  readonly botToken: string;
  readonly transport: Transport;
  /** Null is Slack's own. */
  readonly apiUrl: string | null;
  /** Read at each use: a reload of the configuration changes it. */
  readonly security: Security;
} & ProxySettings;

export type SlackDeps = {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly authority: CertificateAuthority;
  readonly inventory: Inventory;
  readonly log: Log;
  readonly gateway: GatewayFacts;
  /** How long recordings are kept, as an ISO 8601 duration; null until somebody erases them. */
  readonly retention: string | null;
  readonly health: SlackHealth;
};

export type Slack = AsyncDisposable & { readonly directory: Directory };

/** Two, because Slack closes each from time to time and the other then takes what comes. */
const CONNECTIONS = 2;
/** A person waits for these; a trigger lives three seconds. */
const INTERACTIVE_TIMEOUT_MS = 5_000;
const DELIVERY_TIMEOUT_MS = 8_000;
const NO_RETRY = { retries: 0 };

/** Connects to Slack: conversations over its transport, messages from the outbox. Rejects where the tokens do not work. */
export async function startSlack(options: SlackOptions, deps: SlackDeps): Promise<Slack> {
  const log = deps.log.child({ part: 'slack' });
  const network = slackNetwork(options);
  const logger = boltLog(log);
  const common = {
    ...(options.apiUrl === null ? {} : { slackApiUrl: options.apiUrl }),
    ...network.clientOptions,
    logger,
    retryConfig: NO_RETRY,
    rejectRateLimitedCalls: true,
  };
  const parts: AsyncDisposable[] = [disposing(() => network.dispatcher?.destroy())];
  const stop = async (): Promise<void> => {
    for (const part of parts.splice(0).reverse()) await part[Symbol.asyncDispose]();
  };
  const { health } = deps;
  const calls = new Calls();
  const client = (importance: Importance, timeout: number): webApi.WebClient =>
    new PacedClient(options.botToken, { ...common, timeout }, { calls, importance, health });
  try {
    const web = client('click', INTERACTIVE_TIMEOUT_MS);
    const own = await ownWorkspace(web);
    const clientOptions = { ...common, timeout: INTERACTIVE_TIMEOUT_MS };
    const { security } = options;
    const { fetch } = network;
    const refused = new RefusedRequests(log);
    const app = boltApp({ token: options.botToken, clientOptions, logger }, { own, fetch, log, refused });
    await app.init();
    const delivery = client('message', DELIVERY_TIMEOUT_MS);
    const outbox = new OutboxWorker({ ...deps, log, security, web: delivery, fetch });
    parts.push(outbox);
    const edge: Edge = {
      ...{ ...deps, log, web, fetch, own, security },
      directory: slackDirectory(web, own),
      formTurns: new FormTurns(),
      settled: () => outbox.settled(),
    };
    const waited = client('message', INTERACTIVE_TIMEOUT_MS);
    const patient: Edge = { ...edge, web: waited, directory: slackDirectory(waited, own) };
    const reading = client('reading', DELIVERY_TIMEOUT_MS);
    const people = new PeopleWatch({ ...edge, web: reading, directory: slackDirectory(reading, own) });
    parts.push(
      people,
      disposing(() => calls[Symbol.dispose]()),
    );
    const boundary = new Boundary(log, deps.random);
    listen({ app, edge, patient, boundary, people, health });
    const { clock } = deps;
    const incoming = { ...{ app, boundary, clientOptions, logger, log }, ...{ network, health, clock, refused } };
    const about = await takePayloads(options.transport, incoming, (...made) => parts.push(...made));
    log.info({ team: own.teamId, ...about, proxy: network.via }, 'connected to Slack');
    return { directory: edge.directory, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const disposing = (end: () => unknown): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => {
    await end();
  },
});

const WHOLE_ORGANISATION =
  'SLACK_BOT_TOKEN is of an installation in the whole organisation (Enterprise Grid), and Daypass is for one workspace. Uninstall the app from the organisation, install it in that workspace alone, and set SLACK_BOT_TOKEN to the bot token that it gets there.';

async function ownWorkspace(web: webApi.WebClient): Promise<Workspace> {
  const answer = await web.auth.test();
  if (answer.is_enterprise_install) throw new SetupProblem(WHOLE_ORGANISATION);
  const { team_id: teamId, enterprise_id: enterpriseId, user_id: botUserId } = answer;
  if (!teamId || !botUserId) throw new Error('auth.test returned no workspace or no bot');
  return { teamId, botUserId, enterpriseId: enterpriseId ?? null };
}

type Bolt = {
  readonly token: string;
  readonly clientOptions: webApi.WebClientOptions;
  readonly logger: Logger;
};

function boltApp(bolt: Bolt, deps: ConstructorParameters<typeof OwnApp>[1]): App {
  const app = new OwnApp(
    {
      ...bolt,
      // Connections and requests come and go beside the app.
      receiver: { init: () => undefined, start: async () => undefined, stop: async () => undefined },
      convoStore: false,
      deferInitialization: true,
    },
    deps,
  );
  app.error(async (error) => bolt.logger.error('a listener failed outside its boundary', error));
  return app;
}

type Incoming = {
  readonly app: App;
  readonly boundary: Boundary;
  readonly clientOptions: webApi.WebClientOptions;
  readonly logger: Logger;
  readonly log: Log;
  readonly network: Network;
  readonly health: SlackHealth;
  readonly clock: Clock;
  readonly refused: RefusedRequests;
};

/** Opens the way on which Slack's payloads come; `keep` gets its parts, which are stopped in the opposite order. */
async function takePayloads(
  transport: Transport,
  incoming: Incoming,
  keep: (...parts: readonly AsyncDisposable[]) => void,
): Promise<object> {
  const drained = disposing(() => incoming.boundary.drain());
  if (transport.kind === 'http') {
    const { signingSecret, host, port, path } = transport;
    const endpoint = new HttpEndpoint({ ...incoming, place: { host, port, path }, signingSecret });
    // It takes nothing more before what it acknowledged is waited for.
    keep(drained, endpoint);
    await endpoint.start();
    return { listening: { host, port, path } };
  }
  const newReceiver = (): SocketModeReceiver => socketReceiver(transport.appToken, incoming);
  const connections = Array.from({ length: CONNECTIONS }, () => new Connection({ ...incoming, newReceiver }));
  keep(...connections, drained);
  await Promise.all(connections.map((connection) => connection.start()));
  return { connections: CONNECTIONS };
}

const socketReceiver = (appToken: string, { clientOptions, logger, network }: Incoming): SocketModeReceiver =>
  new SocketModeReceiver({
    appToken,
    logger,
    autoReconnectEnabled: false,
    installerOptions: { clientOptions },
    ...(network.dispatcher === undefined ? {} : { dispatcher: network.dispatcher }),
  });

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
