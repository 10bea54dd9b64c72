import { loadKeys } from '../ca/keys.ts';
import { type Config, loadConfig, loadSecrets } from '../config/load.ts';
import { inventoryOf, keysFolder } from '../config/places.ts';
import { usableRecipients } from '../control/recordings.ts';
import { startWarnings } from '../control/warnings.ts';
import { checkKind } from '../store/place.ts';
import { accountsOf } from './accounts.ts';
import { actAsOwnerOf } from './as-owner.ts';
import { print, Refused } from './output.ts';
import { scopeWarnings } from './policy/scope-warnings.ts';

/** What `serve` would refuse to start with, all of it at once; neither database nor Slack is asked. */
export function check(file: string, environment: NodeJS.ProcessEnv, isSingleUser: boolean): void {
  const config = loadConfig(file);
  const problems = [
    () => loadSecrets(environment, config),
    () => usableRecipients(config),
    () => isSingleUser || accountsOf(config),
    () => checkKind(config.dataDir, environment['DAYPASS_DATABASE_URL'] ?? null, true),
    () => {
      actAsOwnerOf(config.dataDir);
      loadKeys(keysFolder(config));
    },
  ].flatMap((part) => {
    try {
      part();
      return [];
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)];
    }
  });
  for (const warning of warnings(config)) print(`warning: ${warning}`);
  if (problems.length > 0) throw new Refused(problems.join('\n'), 2);
  const { targets, scopes, policy } = inventoryOf(config);
  print(
    `${config.file} is valid: site ${config.site}, ${counted(targets.length, 'target')}, ${counted(scopes.length, 'scope')}, ${counted(policy.rules.length, 'rule')}.`,
  );
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const warnings = (config: Config): string[] => [
  ...startWarnings(config),
  ...(config.targets.length === 0 ? ['targets.yml has no targets: nobody can request access.'] : []),
  ...config.policy.scopes.flatMap((scope) => scopeWarnings(scope).map((warning) => `scope ${scope.name}: ${warning}`)),
];
