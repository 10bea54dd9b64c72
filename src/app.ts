import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { certificateAuthority } from './ca/authority.ts';
import { type Keys, loadKeys } from './ca/keys.ts';
import type { Config, loadSecrets } from './config.ts';
import { targetCheck } from './gateway/check-target.ts';
import { type Gateway, startGateway } from './gateway/gateway.ts';
import type { Log } from './log.ts';
import { localOperator } from './operator/operator.ts';
import { serveAdminSocket } from './operator/socket.ts';
import { adminSocketPath, inventoryOf, keysFolder, systemClock, systemRandom } from './places.ts';
import { startSchedules } from './schedules.ts';
import { startSlack } from './slack/slack.ts';
import { openStore } from './store/store.ts';
import { gatewayControl } from './use-cases/gateway-authority.ts';
import type { Change, Clock, Store } from './use-cases/ports.ts';
import { closeInterruptedSessions } from './use-cases/record-session.ts';
import {
  endSessionsWithoutGrant,
  expireRequests,
  forgetOldProofs,
  noteExpiredGrants,
  SESSION_ENDED_BY_REVIEWER,
} from './use-cases/sweep.ts';

export type Control = AsyncDisposable & { readonly gateway: { readonly address: string; readonly port: number } };

/** Starts everything that control runs; what had started is stopped again when a later part fails. */
export async function startControl(
  config: Config,
  secrets: ReturnType<typeof loadSecrets>,
  log: Log,
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
    const gateway = await wire(config, secrets, log, own);
    return { gateway: { address: gateway.address, port: gateway.port }, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Own = <T extends AsyncDisposable>(part: T) => T;

async function wire(config: Config, secrets: ReturnType<typeof loadSecrets>, log: Log, own: Own): Promise<Gateway> {
  const keys = loadKeys(keysFolder(config));
  const random = systemRandom;
  const clock = systemClock;
  const authority = certificateAuthority(keys, random);
  const inventory = inventoryOf(config);
  const databaseUrl = secrets.DAYPASS_DATABASE_URL ?? null;
  const store = own(await openStore({ databaseUrl, dataDir: config.dataDir, log }));
  const deps = { store, clock, random, authority, inventory, log };
  const check = targetCheck({ authority, inventory, clock, sourceAddress: config.gateway.source_address });
  own(await serveAdminSocket(adminSocketPath(config), localOperator({ store, clock, check }), log));
  const interrupted = await closeInterruptedSessions(deps)();
  if (interrupted > 0) log.warn({ interrupted }, 'sessions of an earlier run were marked interrupted');

  const control = gatewayControl({ ...deps, sourceAddress: config.gateway.source_address });
  const gateway = own(await startGateway(gatewayOptions(config, keys, log), control));
  own(endSessionsOn(store, gateway, clock, log));
  own(
    await startSlack(
      {
        botToken: secrets.SLACK_BOT_TOKEN,
        appToken: secrets.SLACK_APP_TOKEN,
        apiUrl: config.slack.api_url ?? null,
        securityChannel: config.slack.security_channel,
        securityUsers: config.slack.security_users,
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
  return gateway;
}

function gatewayOptions(config: Config, keys: Keys, log: Log): Parameters<typeof startGateway>[0] {
  const { listen, workers, min_free_mib: minFreeMiB, worker_uid: workerUid, worker_gid: workerGid } = config.gateway;
  const recordings = join(config.dataDir, 'recordings');
  const spool = join(config.dataDir, 'spool');
  for (const folder of [recordings, spool]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    ...{ listen, workers, minFreeMiB, recordings, spool, log },
    site: config.site,
    publicPlace: placeOf(config.gateway),
    hostKey: keys.gatewayHostKey,
    userCa: keys.userCaPublicKey,
    ...(workerUid === undefined ? {} : { workerUid }),
    ...(workerGid === undefined ? {} : { workerGid }),
  };
}

/** Every name and address of the gateway that is known here. */
function placeOf({ public_host, public_port, listen, source_address }: Config['gateway']): {
  hosts: string[];
  port: number;
} {
  const hosts = [public_host, listen.host, ...(source_address === null ? [] : [source_address])];
  return { hosts, port: public_port ?? listen.port };
}

/** Ends live sessions at each change that asks for it, and looks again on a timer for changes that nobody heard of. */
function endSessionsOn(store: Store, gateway: Gateway, clock: Clock, log: Log): AsyncDisposable {
  const deps = { store, clock, gateways: gateway };
  const act = async (change: Change): Promise<void> => {
    if (change.kind === 'grant_ended') await endSessionsWithoutGrant(deps)();
    if (change.kind === 'session_end_asked') gateway.terminate([change.sessionId], SESSION_ENDED_BY_REVIEWER);
  };
  const unsubscribe = store.subscribe((change) => {
    act(change).catch((error: unknown) => log.error({ err: error, change: change.kind }, 'a change was not acted on'));
  });
  const schedules = startSchedules(
    [
      { name: 'note expired grants', cron: '* * * * * *', run: noteExpiredGrants(deps) },
      { name: 'end sessions without grant', cron: '* * * * * *', run: endSessionsWithoutGrant(deps) },
      { name: 'expire requests', cron: '*/10 * * * * *', run: expireRequests(deps) },
      { name: 'forget old proofs', cron: '17 * * * *', run: forgetOldProofs(deps) },
    ],
    log,
  );
  return {
    async [Symbol.asyncDispose]() {
      unsubscribe();
      await schedules[Symbol.asyncDispose]();
    },
  };
}
