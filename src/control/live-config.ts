import type { OperatorAccount } from '../access/audit-event.ts';
import { type ConfigChanges, configChanges } from '../config/changes.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { inventoryOf } from '../config/places.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../use-cases/ports/clock.ts';
import type { Inventory } from '../use-cases/ports/inventory.ts';
import type { Store } from '../use-cases/ports/store.ts';

/** The configuration as it is now: targets, policy and whom security is, each read at the moment that it decides something. */
export type LiveConfig = {
  readonly inventory: Inventory;
  readonly security: { readonly securityChannel: string; readonly securityUsers: readonly string[] };
  /** Reads the files again. Throws a ConfigError, and changes nothing, where they cannot be used. */
  reload(deps: { readonly store: Store; readonly clock: Clock }, by: OperatorAccount): Promise<ConfigChanges>;
};

export function liveConfig(started: Config, log: Log): LiveConfig {
  let config = started;
  let inventory = inventoryOf(config);
  /** One after the other: the one that was asked for last is the one that stays. */
  let last: Promise<unknown> = Promise.resolve();
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
      find: (id) => inventory.find(id),
    },
    security: {
      get securityChannel() {
        return config.slack.security_channel;
      },
      get securityUsers() {
        return config.slack.security_users;
      },
    },
    reload(deps, by) {
      const reloading = last.then(() => read(deps, by));
      last = reloading.catch(() => {});
      return reloading;
    },
  };

  async function read({ store, clock }: { store: Store; clock: Clock }, by: OperatorAccount): Promise<ConfigChanges> {
    const file = loadConfig(config.file);
    // `serve --events` says it where the file does not.
    const changes = configChanges(config, { ...file, events: file.events ?? config.events });
    if (changes.applied.length > 0) {
      // First in the audit log: a change of who may do what is never in force without being written down.
      const facts = { changes: changes.applied, policySha256: file.policySha256 };
      const event = {
        type: 'configuration_reloaded',
        at: clock.now(),
        actor: { kind: 'operator', ...by },
        facts,
      } as const;
      await store.transaction((tx) => tx.audit.append(event));
    }
    // What only a start reads stays as it was, so that it is still told the next time.
    const { targets, policy, policySha256 } = file;
    const { security_channel, security_users } = file.slack;
    config = { ...config, targets, policy, policySha256, slack: { ...config.slack, security_channel, security_users } };
    inventory = inventoryOf(config);
    log.info(changes, 'the configuration was reloaded');
    return changes;
  }
}
