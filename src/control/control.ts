import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { OperatorAccount } from '../access/audit-event.ts';
import type { SessionId } from '../access/ids.ts';
import { certificateAuthority } from '../ca/authority.ts';
import { type Keys, loadKeys } from '../ca/keys.ts';
import { recordSeals } from '../ca/seal.ts';
import type { ConfigChanges } from '../config/changes.ts';
import type { Config, loadSecrets } from '../config/load.ts';
import {
  adminSocketPath,
  gatewayPlace,
  keysFolder,
  listenOf,
  recordingsFolder,
  spoolFolder,
  systemClock,
  systemRandom,
} from '../config/places.ts';
import type { WorkerHost } from '../gateway/launch/worker-host.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../gateway/supervisor/gateway.ts';
import { targetCheck } from '../gateway/upstream/check-target.ts';
import type { Log } from '../log.ts';
import { type Erased, localOperators } from '../operator/operator.ts';
import { serveAdminSocket } from '../operator/socket.ts';
import { keepSlack } from '../slack/keep-slack.ts';
import { openStore } from '../store/store.ts';
import { gatewayControl } from '../use-cases/sessions/gateway-authority.ts';
import { refusalNotes } from '../use-cases/sessions/note-refusals.ts';
import { closeInterruptedSessions } from '../use-cases/sessions/record-session.ts';
import { writeEvents } from './events.ts';
import { freshness } from './freshness.ts';
import { liveConfig } from './live-config.ts';
import { endSessionsOn } from './live-sessions.ts';
import { eraseFor, openRecordings, type Recordings, usableRecipients } from './recordings.ts';
import { startSchedules } from './schedules.ts';
import { erasingOld, flushing, watchingSpace } from './upkeep.ts';
import { startWarnings } from './warnings.ts';

export type Control = AsyncDisposable & {
  readonly gateway: { readonly address: string; readonly port: number };
  /** Reads targets, policy and security's channel and people again; throws a ConfigError where the files cannot be used. */
  reload(by: OperatorAccount): Promise<ConfigChanges>;
};

/** Starts everything that control runs; what had started is stopped again when a later part fails. */
export async function startControl(
  config: Config,
  secrets: ReturnType<typeof loadSecrets>,
  log: Log,
  host: WorkerHost | null,
  /** Another control has taken the database over: this one has to end, and its sessions with it. */
  lost: (by: string) => void,
): Promise<Control> {
  const started: AsyncDisposable[] = [];
  const own = <T extends AsyncDisposable>(part: T): T => {
    started.push(part);
    return part;
  };
  const stop = async (): Promise<void> => {
    for (const part of started.splice(0).reverse()) await part[Symbol.asyncDispose]();
  };
  try {
    const { gateway, reload } = await wire({ config, secrets, log, host, lost }, own);
    return { gateway: { address: gateway.address, port: gateway.port }, reload, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const LEASE_MARGIN_MS = 15_000;
const MAINTAIN_EVERY_MS = 60_000;

type Own = <T extends AsyncDisposable>(part: T) => T;

type Parts = {
  readonly config: Config;
  readonly secrets: ReturnType<typeof loadSecrets>;
  readonly log: Log;
  /** What runs the workers, where that is not this process. */
  readonly host: WorkerHost | null;
  readonly lost: (by: string) => void;
};

async function wire(
  { config, secrets, log, host, lost }: Parts,
  own: Own,
): Promise<{ gateway: Gateway } & Pick<Control, 'reload'>> {
  const keys = loadKeys(keysFolder(config));
  const random = systemRandom;
  const clock = systemClock;
  const authority = certificateAuthority(keys, random);
  const live = liveConfig(config, log);
  const { inventory } = live;
  for (const warning of startWarnings(config)) log.warn(warning);
  const databaseUrl = secrets.DAYPASS_DATABASE_URL ?? null;
  const options = { databaseUrl, dataDir: config.dataDir, log, seals: recordSeals(keys.mac) };
  // Sessions end by themselves on a control that cannot reach its database: only afterwards may another take over.
  const leaseMs = config.gateway.lease_live_seconds * 1_000 + LEASE_MARGIN_MS;
  const store = own(await openStore(options, { leaseMs, lost }));
  own(startSchedules([{ name: 'maintain the database', everyMs: MAINTAIN_EVERY_MS, run: store.maintain }], log));
  if (config.events) own(await writeEvents({ store, log, site: config.site, dataDir: config.dataDir }, process.stdout));
  const deps = { store, clock, random, authority, inventory, log };
  const { source_address: sourceAddress, target_login_seconds: targetLoginSeconds } = config.gateway;
  const targetLoginMs = targetLoginSeconds * 1_000;
  const check = targetCheck({ authority, inventory, clock, sourceAddress, targetLoginMs });
  let recordings: Recordings | null = null;
  const erase = async (id: SessionId, rule: string, by: OperatorAccount): Promise<Erased> =>
    recordings ? eraseFor(recordings)(id, rule, by) : { ok: false, why: 'control is starting. Try again in a moment.' };
  let running: Gateway | null = null;
  const reload = (by: OperatorAccount): Promise<ConfigChanges> => live.reload({ store, clock }, by);
  const operators = localOperators({ store, clock, check, erase, gateways: () => running, inventory, reload });
  own(await serveAdminSocket(adminSocketPath(config), operators, log));
  // Whoever has the admin socket is the ledger's only writer.
  const folder = recordingsFolder(config);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  recordings = own(await openRecordings({ keys, store, clock, log, folder }));
  const interrupted = await closeInterruptedSessions(deps)();
  if (interrupted > 0) log.warn({ interrupted }, 'sessions of an earlier run were marked interrupted');

  await recordings.catchUp();
  own(erasingOld(recordings, config, clock, log));

  const refusals = refusalNotes({ store, clock });
  own(flushing(refusals, log));
  const { connections_per_grant: connectionsPerGrant } = config.gateway;
  const control = gatewayControl({ ...deps, sourceAddress, connectionsPerGrant, refusals });
  const touch = freshness();
  const gateway = own(
    await startGateway(
      { ...gatewayOptions(config, keys, log), ...sealing(recordings), ...(host && { host }), knownMsAgo: touch.ageMs },
      control,
    ),
  );
  running = gateway;
  own(watchingSpace({ store, clock, log }, config));
  own(endSessionsOn({ store, gateway, clock, authority, inventory, log, touch }));
  own(
    await keepSlack(
      {
        botToken: secrets.SLACK_BOT_TOKEN,
        appToken: secrets.SLACK_APP_TOKEN,
        apiUrl: config.slack.api_url ?? null,
        security: live.security,
        proxy: config.slack.proxy ?? null,
        environment: process.env,
      },
      {
        ...deps,
        gateway: {
          host: config.gateway.public_host,
          port: config.gateway.public_port ?? gateway.port,
          hostKeyLine: keys.gatewayHostPublicKey,
          site: config.site,
        },
      },
    ),
  );
  return { gateway, reload };
}

function gatewayOptions(config: Config, keys: Keys, log: Log): Parameters<typeof startGateway>[0] {
  const { workers = availableParallelism(), min_free_mib: minFreeMiB } = config.gateway;
  const { kex, macs, ciphers, target_login_seconds: targetLogin } = config.gateway;
  const { channels_per_connection: channelsPerConnection, tunnels_per_connection: tunnelsPerConnection } =
    config.gateway;
  const { drain_seconds: drainSeconds, keepalive_seconds: keepalive, unanswered_seconds: unanswered } = config.gateway;
  const { lease_new_seconds: leaseNew, lease_live_seconds: leaseLive } = config.gateway;
  const listen = listenOf(config.gateway);
  const { kexMs, loginMs } = listen.door;
  const recordings = recordingsFolder(config);
  const spool = spoolFolder(config);
  for (const folder of [recordings, spool]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    ...{ listen, workers, minFreeMiB, kex, macs, ciphers, recordings, spool, log },
    recipients: usableRecipients(config),
    site: config.site,
    publicPlace: { hosts: gatewayPlace(config.gateway).hosts, port: config.gateway.public_port ?? null },
    hostKey: keys.gatewayHostKey,
    userCa: keys.userCaPublicKey,
    limits: {
      ...{ kexMs, loginMs, channelsPerConnection, tunnelsPerConnection },
      targetLoginMs: targetLogin * 1_000,
      keepaliveMs: keepalive * 1_000,
      unansweredMs: unanswered * 1_000,
      leaseNewMs: leaseNew * 1_000,
      leaseLiveMs: leaseLive * 1_000,
    },
    drainMs: drainSeconds * 1_000,
  };
}

const sealing = ({ seal, sealLate }: Recordings): Pick<GatewayOptions, 'seal' | 'sealLate'> => ({ seal, sealLate });
