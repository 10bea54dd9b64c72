import type { Actor } from '../access/audit-event.ts';
import { type ConfigChanges, configChanges } from '../config/changes.ts';
import { type Config, type Contents, configOf, digestInUse, digestOf, readContents } from '../config/load.ts';
import { inventoryOf } from '../config/places.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../use-cases/ports/clock.ts';
import type { Inventory } from '../use-cases/ports/inventory.ts';
import type { Store } from '../use-cases/ports/store.ts';

type Deps = { readonly store: Store<'audit'>; readonly clock: Clock };

/** The configuration as it is now: targets, policy and whom security is, each read at the moment that it decides something. */
export type LiveConfig = {
  readonly inventory: Inventory;
  /** Of the files that are in force. */
  digest(): string;
  readonly security: { readonly securityChannel: string; readonly securityUsers: readonly string[] };
  /** Reads the files again. Throws a ConfigError, and changes nothing, where they cannot be used. */
  reload(deps: Deps, by: Actor): Promise<ConfigChanges>;
  /** The same, if the files still have this digest. False, and nothing is changed, where they do not. */
  reloadIf(digest: string, deps: Deps, by: Actor): Promise<boolean>;
};

export function liveConfig(started: Config, log: Log): LiveConfig {
  let config = started;
  let inventory = inventoryOf(config);
  /** One after the other, each with its own reading of the files: what was read last is what stays. */
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
  return {
    inventory: {
      get site() {
        return inventory.site;
      },
      get targets() {
        return inventory.targets;
      },
      get policy() {
        return inventory.policy;
      },
      get scopes() {
        return inventory.scopes;
      },
      // A getter, too: what copies this has all parts of one moment.
      get find() {
        return inventory.find;
      },
    },
    security: {
      get securityChannel() {
        return config.slack.security_channel;
      },
      get securityUsers() {
        return config.slack.security_users;
      },
    },
    digest: () => digestInUse(config),
    reload: (deps, by) => inTurn(async () => take(await readContents(config.file), deps, by)),
    reloadIf: (digest, deps, by) =>
      inTurn(async () => {
        const contents = await readContents(config.file);
        if (digestOf(contents) !== digest) return false;
        await take(contents, deps, by);
        return true;
      }),
  };

  async function take(contents: Contents, { store, clock }: Deps, by: Actor): Promise<ConfigChanges> {
    const file = configOf(config.file, contents);
    // `serve --events` says it where the file does not.
    const changes = configChanges(config, { ...file, events: file.events ?? config.events });
    const { policy: policySha256, targets: targetsSha256 } = file.sha256;
    if (
      changes.applied.length > 0 ||
      policySha256 !== config.sha256.policy ||
      targetsSha256 !== config.sha256.targets
    ) {
      // First in the audit log: a change of who may do what is never in force without being written down.
      const facts = { changes: changes.applied, policySha256, targetsSha256 };
      const event = { type: 'configuration_reloaded', at: clock.now(), actor: by, facts } as const;
      await store.transaction((tx) => tx.audit.append(event));
    }
    // What only a start reads stays as it was, so that it is still told the next time.
    const { targets, policy, sha256 } = file;
    const { security_channel, security_users } = file.slack;
    config = { ...config, targets, policy, sha256, slack: { ...config.slack, security_channel, security_users } };
    inventory = inventoryOf(config);
    log.info(changes, 'the configuration was reloaded');
    return changes;
  }
}
