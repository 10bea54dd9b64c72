import { mkdirSync } from 'node:fs';
import { actorOf, type OperatorAccount } from '../access/audit-event.ts';
import { certificateAuthority } from '../ca/authority.ts';
import { type Keys, loadKeys } from '../ca/keys.ts';
import { recordSeals } from '../ca/seal.ts';
import type { ConfigChanges } from '../config/changes.ts';
import type { Config, Secrets } from '../config/load.ts';
import {
  adminSocketPath,
  gatewayPlace,
  keysFolder,
  listenOf,
  recordingsFolder,
  spoolFolder,
  systemClock,
  systemRandom,
  workersOf,
} from '../config/places.ts';
import type { WorkerHost } from '../gateway/launch/worker-host.ts';
import { type GatewayOptions, startGateway } from '../gateway/supervisor/gateway.ts';
import { targetCheck } from '../gateway/upstream/check-target.ts';
import type { Log } from '../log.ts';
import { localOperators } from '../operator/operator.ts';
import { claimAdminSocket } from '../operator/socket.ts';
import type { SlackOptions } from '../slack/slack.ts';
import { type OpenStore, openStore } from '../store/store.ts';
import { gatewayControl } from '../use-cases/sessions/bound-gateway-control.ts';
import { refusalNotes } from '../use-cases/sessions/note-refusals.ts';
import { closeInterruptedSessions } from '../use-cases/sessions/record-session.ts';
import { noteLoaded } from '../use-cases/upkeep/note-configuration.ts';
import { endSessionsOn } from './end-sessions.ts';
import { writeEvents } from './events.ts';
import { freshness } from './freshness.ts';
import { type LiveConfig, liveConfig } from './live-config.ts';
import { offboardingsOn } from './offboardings.ts';
import { eraseFor, openRecordings, type Recordings, usableRecipients } from './recordings.ts';
import { startSchedules } from './schedules.ts';
import { erasingOld, flushing, watchingSpace } from './upkeep.ts';
import { startWarnings } from './warnings.ts';
import { watchingConfig } from './watch-config.ts';

export type Control = AsyncDisposable & {
  readonly gateway: { readonly address: string; readonly port: number };
  /** Reads targets, policy and security's channel and people again; throws a ConfigError where the files cannot be used. */
  reload(by: OperatorAccount): Promise<ConfigChanges>;
};

/** Starts everything that control runs; what had started is stopped again when a later part fails. */
export async function startControl(
  config: Config,
  secrets: Secrets,
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
    const parts = await startParts({ config, secrets, log, host, lost }, own);
    return { ...parts, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const LEASE_MARGIN_MS = 15_000;
const MAINTAIN_EVERY_MS = 60_000;

type Own = <T extends AsyncDisposable>(part: T) => T;

type Given = {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly log: Log;
  /** What runs the workers, where that is not this process. */
  readonly host: WorkerHost | null;
  readonly lost: (by: string) => void;
};

/** Each part needs only those above it. They are stopped in the opposite order. */
async function startParts(given: Given, own: Own): Promise<Omit<Control, keyof AsyncDisposable>> {
  const { config, log } = given;
  const keys = loadKeys(keysFolder(config));
  const clock = systemClock;
  const authority = certificateAuthority(keys, systemRandom);
  const live = liveConfig(config, log);
  for (const warning of startWarnings(config)) log.warn(warning);

  // Whoever has the socket has the data folder: nobody else writes the ledger.
  const admin = own(await claimAdminSocket(adminSocketPath(config), log));
  const store = own(await openControlStore(given, keys));
  const deps = { store, clock, random: systemRandom, authority, inventory: live.inventory, log };
  const { policy: policySha256, targets: targetsSha256 } = config.sha256;
  await noteLoaded(deps)({ policySha256, targetsSha256 });
  if (config.events) own(await writeEvents({ ...deps, site: config.site, dataDir: config.dataDir }, process.stdout));
  own(startSchedules([{ name: 'maintain the database', everyMs: MAINTAIN_EVERY_MS, run: store.maintain }], log));

  for (const folder of [recordingsFolder(config), spoolFolder(config)])
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  const recordings = own(await openRecordings({ ...deps, keys, folder: recordingsFolder(config) }));
  const interrupted = await closeInterruptedSessions(deps)();
  if (interrupted > 0) log.warn({ interrupted }, 'sessions of an earlier run were marked interrupted');
  await recordings.catchUp();
  own(erasingOld(recordings, config, clock, log));

  const refusals = refusalNotes(deps);
  own(flushing(refusals, log));
  const { source_address: sourceAddress, connections_per_grant: connectionsPerGrant } = config.gateway;
  const decisions = gatewayControl({ ...deps, sourceAddress, connectionsPerGrant, refusals });
  const touch = freshness();
  const options = { ...gatewayOptions(given, keys, recordings), knownMsAgo: touch.ageMs };
  // It is large, and is read while workers start.
  const slack = import('../slack/keep-slack.ts');
  const gateway = own(await startGateway(options, decisions));
  own(watchingSpace(deps, config));
  own(await endSessionsOn({ ...deps, gateway, touch }));
  own(offboardingsOn({ ...deps, gateways: gateway }));

  const targetLoginMs = config.gateway.target_login_seconds * 1_000;
  const check = targetCheck({ ...deps, sourceAddress, targetLoginMs });
  const reload = (by: OperatorAccount): Promise<ConfigChanges> => live.reload(deps, actorOf(by));
  const running = { check, reload, erase: eraseFor(recordings), gateways: gateway, inventory: live.inventory };
  own(watchingConfig(live, config, deps));
  own(admin.serve(localOperators({ ...deps, control: running })));

  const { public_host: host, public_port: port = gateway.port } = config.gateway;
  const place = { host, port, hostKeyLine: keys.gatewayHostPublicKey, site: config.site };
  const { keepSlack } = await slack;
  const retention = config.recordings.retention ?? null;
  own(await keepSlack(slackOptions(given, live), { ...deps, gateway: place, retention }));
  return { gateway: { address: gateway.address, port: gateway.port }, reload };
}

function openControlStore({ config, secrets, log, lost }: Given, keys: Keys): Promise<OpenStore> {
  const { databaseUrl } = secrets;
  // Sessions end by themselves on a control that cannot reach its database: only afterwards may another take over.
  const leaseMs = config.gateway.lease_live_seconds * 1_000 + LEASE_MARGIN_MS;
  return openStore({ databaseUrl, dataDir: config.dataDir, log, seals: recordSeals(keys.mac) }, { leaseMs, lost });
}

const slackOptions = ({ config, secrets }: Given, { security }: LiveConfig): SlackOptions => ({
  botToken: secrets.botToken,
  transport: secrets.slackTransport,
  apiUrl: config.slack.api_url ?? null,
  security,
  proxy: config.slack.proxy ?? null,
  environment: process.env,
});

function gatewayOptions({ config, log, host }: Given, keys: Keys, { seal, sealLate }: Recordings): GatewayOptions {
  const { min_free_mib: minFreeMiB } = config.gateway;
  const workers = workersOf(config);
  const { kex, macs, ciphers, target_login_seconds: targetLogin } = config.gateway;
  const { channels_per_connection: channelsPerConnection, tunnels_per_connection: tunnelsPerConnection } =
    config.gateway;
  const { drain_seconds: drainSeconds, keepalive_seconds: keepalive, unanswered_seconds: unanswered } = config.gateway;
  const { lease_new_seconds: leaseNew, lease_live_seconds: leaseLive } = config.gateway;
  const listen = listenOf(config.gateway);
  const { kexMs, loginMs } = listen.door;
  const [folder, spool] = [recordingsFolder(config), spoolFolder(config)];
  return {
    ...{ listen, workers, minFreeMiB, kex, macs, ciphers, recordings: folder, spool, log, seal, sealLate },
    ...(host && { host }),
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
