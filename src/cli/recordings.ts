import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { SessionId } from '../access/ids.ts';
import type { Config } from '../config/load.ts';
import {
  adminSocketPath,
  inventoryOf,
  keysFolder,
  recordingsFolder,
  systemClock,
  systemRandom,
} from '../config/places.ts';
import type { Erased } from '../operator/operator.ts';
import { isServed, remoteOperator } from '../operator/socket.ts';
import { type SealedFacts, sealedFacts } from '../recording/archive/listed.ts';
import { listRecordings } from '../recording/archive/verify-all.ts';
import { actAsOwnerOf, operatorAccount } from './as-owner.ts';
import { exportCommand } from './export.ts';
import { print, printJson, Refused, table } from './output.ts';
import { type PlaceOptions, recordingId } from './recording-place.ts';
import { storeOptions } from './store-options.ts';

const RULE_MAX = 200;
const LIST_MAX = 100_000;

export function recordingsCommand(program: Command, config: () => Config): void {
  const recordings = program
    .command('recordings')
    .description('List recordings, export one in the clear, or make one permanently unreadable.');
  recordings
    .command('list')
    .description('List sealed recordings, oldest first. This does not verify them: `daypass verify --all` does.')
    .option('--recordings <folder>', 'the folder of the recordings; <data_dir>/recordings if omitted')
    .option('--json', 'print JSON')
    .action((options: PlaceOptions & { json?: boolean }) => list(config, options));
  exportCommand(recordings, config);
  recordings
    .command('erase <recording>')
    .description('Destroy the key of a recording. Nobody can read it any more, and its chain still verifies.')
    .requiredOption('--rule <text>', 'the rule it is erased under; signed, and written to the ledger and the audit log')
    .action(async (given: string, options: { rule: string }) => {
      const id = recordingId(given, () => recordingsFolder(config()));
      const { rule } = options;
      if (rule.trim() === '' || rule.length > RULE_MAX || /[\p{C}\p{Zl}\p{Zp}]/u.test(rule)) {
        throw new Refused(`--rule takes 1 to ${RULE_MAX} characters, and no control characters.`, 2);
      }
      const erased = await erase(config(), id, rule);
      if (!erased.ok) throw new Refused(`Not erased: ${erased.why}`);
      const under = `under rule ${JSON.stringify(erased.rule)}`;
      print(erased.rule === rule ? `Erased ${id} ${under}.` : `${id} was already erased, ${under}. That rule stays.`);
    });
}

async function list(config: () => Config, options: PlaceOptions & { json?: boolean }): Promise<void> {
  const folder = options.recordings ?? recordingsFolder(config());
  const ids = existsSync(folder) ? (await listRecordings(folder, () => {})).slice(0, LIST_MAX) : [];
  const facts: SealedFacts[] = [];
  for (const id of ids) facts.push(await sealedFacts(folder, id));
  facts.sort((a, b) => (a.start ?? '').localeCompare(b.start ?? ''));
  if (options.json) return printJson(facts);
  if (facts.length === 0) return print('No recordings.');
  print(
    table(
      ['RECORDING', 'STATE', 'TARGET', 'LOGIN', 'START', 'END', 'BYTES', 'HEAD'],
      facts.map((each) => [
        ...[each.session, each.state, each.target ?? '-', each.login ?? '-', each.start ?? '-', each.end ?? '-'],
        ...[String(each.bytes), each.head?.slice(0, 16) ?? '-'],
      ]),
    ),
  );
}

/** By the running control, which alone writes the ledger; where none runs, here, and none can start meanwhile. */
async function erase(config: Config, id: SessionId, rule: string): Promise<Erased> {
  const folder = recordingsFolder(config);
  if (!existsSync(join(folder, id))) throw new Refused(`There is no recording ${id}.`);
  const path = adminSocketPath(config);
  if (await isServed(path)) return remoteOperator(path, operatorAccount()).eraseRecording(id, rule);
  const [
    { openForCommand },
    { createLog },
    { openRecordings, eraseFor },
    { loadKeys },
    { serveAdminSocket },
    { localOperators },
  ] = await Promise.all([
    import('../store/store.ts'),
    import('../log.ts'),
    import('../control/recordings.ts'),
    import('../ca/keys.ts'),
    import('../operator/socket.ts'),
    import('../operator/operator.ts'),
  ]);
  actAsOwnerOf(config.dataDir);
  const log = createLog('warn');
  const clock = systemClock;
  await using store = await openForCommand(await storeOptions(config), true);
  const deps = { store, clock, random: systemRandom, inventory: inventoryOf(config), control: null };
  await using _socket = await serveAdminSocket(path, localOperators(deps), log);
  const keys = loadKeys(keysFolder(config));
  await using recordings = await openRecordings({ keys, store, clock, log, folder });
  return await eraseFor(recordings)(id, rule, operatorAccount());
}
