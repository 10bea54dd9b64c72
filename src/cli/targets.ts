import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Command } from 'commander';
import type { TargetId } from '../access/ids.ts';
import { targetFiles } from '../access/sshd-block.ts';
import type { Target } from '../access/target.ts';
import { loadKeys } from '../ca/keys.ts';
import type { Config } from '../config/load.ts';
import { adminSocketPath, inventoryOf, keysFolder, systemClock, systemRandom } from '../config/places.ts';
import type { Finding } from '../operator/operator.ts';
import { isServed, remoteOperator } from '../operator/socket.ts';
import { fingerprint, parsePublicKeyLine } from '../sshwire/public-key.ts';
import { actAsOwnerOf, operatorAccount } from './as-owner.ts';
import { print, printJson, Refused, table } from './output.ts';

const SCAN_MS = 10_000;

/** One word to every shell of a target. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export function targetsCommand(program: Command, config: () => Config): void {
  const targets = program.command('targets').description('The hosts behind Daypass, as targets.yml lists them.');
  targets
    .command('list')
    .description('List all targets.')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      const all = config().targets;
      if (options.json) return printJson(all);
      const running = await runningTargets(config());
      if (all.length === 0) print('No targets. Add them to targets.yml.');
      else {
        const rows = all.map((each) => [each.id, each.name, `${each.address}:${each.port}`, each.logins.join(',')]);
        print(table(['TARGET', 'NAME', 'ADDRESS', 'LOGINS'], rows));
      }
      if (running && !isDeepStrictEqual(running, all)) {
        process.stderr.write(
          'The running control has different targets from targets.yml. To make it read the file, run `daypass reload`.\n',
        );
      }
    });
  targets
    .command('snippet <target>')
    .description('Print the files and the sshd_config block that make a target trust the target CA for its logins.')
    .option('--ssh-dir <dir>', 'where the target keeps its sshd files', '/etc/ssh')
    .option('--json', 'print JSON')
    .action((id: string, options: { sshDir: string; json?: boolean }) => {
      const loaded = config();
      const target = find(loaded, id);
      actAsOwnerOf(loaded.dataDir);
      const keys = loadKeys(keysFolder(loaded));
      const snippet = targetFiles(target, keys.targetCaPublicKey, options.sshDir);
      if (options.json) return printJson(snippet);
      const folders = [...new Set(snippet.files.map(({ path }) => dirname(path)))].filter(
        (each) => each !== options.sshDir,
      );
      print(
        [
          `# 1. On ${target.id}, as root, paste these lines. sshd reads the files as the login, so everybody must be able to read them.`,
          ...folders.map((folder) => `mkdir -p ${quoted(folder)} && chmod 0755 ${quoted(folder)}`),
          ...snippet.files.map(
            ({ path, content }) =>
              `printf '%s\\n' ${quoted(content.trimEnd())} > ${quoted(path)} && chmod 0644 ${quoted(path)}`,
          ),
          `# 2. Put this block at the end of ${options.sshDir}/sshd_config, then run: sshd -t && systemctl reload ssh`,
          snippet.block,
        ].join('\n'),
      );
    });
  targets
    .command('scan <address>')
    .description(
      'Print the host keys that an address shows now, to pin in targets.yml. Compare them with the keys on the host.',
    )
    .option('--port <port>', 'its SSH port', '22')
    .action(async (address: string, options: { port: string }) => {
      const port = Number(options.port);
      if (!Number.isInteger(port) || port < 1 || port > 65_535)
        throw new Refused(`--port takes 1 to 65535, not ${options.port}`, 2);
      const { scanHostKeys } = await import('../gateway/upstream/scan-host-keys.ts');
      const notes: string[] = [];
      const keys = await scanHostKeys(address, port, SCAN_MS, (text) => notes.push(text)).catch((error: Error) => {
        throw new Refused(error.message);
      });
      if (keys.length === 0) throw new Refused(`${address}:${port} showed no host key that Daypass accepts.`);
      const lines = keys.flatMap((key) => [`  # ${fingerprintOf(key)}`, `  - ${key}`]);
      print([...notes.map((text) => `# ${text}`), 'host_keys:', ...lines].join('\n'));
    });
  targets
    .command('check <target>')
    .description('Log in to a target as each of its logins, and report what is wrong.')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { json?: boolean }) => {
      const findings = await check(config(), find(config(), id).id);
      if (options.json) printJson(findings);
      else for (const finding of findings) print(`${finding.level.padEnd(8)} ${finding.text}`);
      if (findings.some((finding) => finding.level === 'problem')) {
        throw new Refused(`${id} is not ready. Fix what is marked "problem" and check again.`);
      }
    });
}

/** Null where no control runs. */
async function runningTargets(config: Config): Promise<readonly Target[] | null> {
  const path = adminSocketPath(config);
  return (await isServed(path)) ? remoteOperator(path, operatorAccount()).targets() : null;
}

/** By the running control, whose address is the one that targets see; otherwise from here, with its keys. */
async function check(config: Config, id: TargetId): Promise<readonly Finding[]> {
  const path = adminSocketPath(config);
  if (await isServed(path)) return remoteOperator(path, operatorAccount()).check(id);
  const [{ certificateAuthority }, { targetCheck }] = await Promise.all([
    import('../ca/authority.ts'),
    import('../gateway/upstream/check-target.ts'),
  ]);
  actAsOwnerOf(config.dataDir);
  const authority = certificateAuthority(loadKeys(keysFolder(config)), systemRandom);
  const { source_address: sourceAddress, target_login_seconds: seconds } = config.gateway;
  const deps = { authority, inventory: inventoryOf(config), clock: systemClock, sourceAddress };
  return targetCheck({ ...deps, targetLoginMs: seconds * 1_000 })(id);
}

/** As `ssh-keygen -lf` shows it on the host, to compare by eye. */
function fingerprintOf(line: string): string {
  const key = parsePublicKeyLine(line);
  return key.ok ? fingerprint(key.value) : 'a type of key that Daypass cannot read';
}

function find(config: Config, id: string): Target {
  const target = config.targets.find((each) => each.id === id);
  if (target) return target;
  const known = config.targets.map((each) => each.id).join(', ') || 'none';
  throw new Refused(`No target is called ${id}. targets.yml has: ${known}.`);
}
