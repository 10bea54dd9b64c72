import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { SessionId } from '../access/ids.ts';
import { type Config, ConfigError } from '../config/load.ts';
import { adminSocketPath } from '../config/places.ts';
import { isServed, remoteOperator } from '../operator/socket.ts';
import { verifyRecording } from '../recording/archive/verify.ts';
import { identitiesOf } from '../recording/format/wrapped-key.ts';
import { EXPORT_FORMATS, type ExportFormat, exportRecording } from '../recording/read/export.ts';
import { openKey } from '../recording/read/read.ts';
import { operatorAccount } from './as-owner.ts';
import { print, Refused } from './output.ts';
import { configOrPlace, type PlaceOptions, placeOf, recordingId } from './recording-place.ts';

type Options = PlaceOptions & {
  readonly identity: string;
  readonly format: ExportFormat;
  readonly channel?: string;
  readonly out?: string;
  readonly evenIfBroken?: boolean;
};

const IDENTITY_FILE_MAX = 65_536;
const CHANNEL_MAX = 65_535;

export function exportCommand(recordings: Command, config: () => Config): void {
  recordings
    .command('export <recording>')
    .description('Verify a recording, then write it out in the clear. You need one of its keys.')
    .requiredOption('--identity <file>', 'the age identity file, as age-keygen writes it (required)')
    .addOption(
      new Option('--format <format>', 'asciicast v2, the bytes as they passed, the file log, or the journal')
        .choices(EXPORT_FORMATS)
        .default('cast'),
    )
    .option('--channel <n>', 'only this channel')
    .option('--out <folder>', 'the folder to write to; one named like the recording if omitted')
    .option('--even-if-broken', 'export up to the first broken chunk if the recording does not verify')
    .option('--recordings <folder>', 'the folder of the recordings; <data_dir>/recordings if omitted')
    .option('--public-key <file>', 'the public recording key; <data_dir>/keys/recording_key.pub if omitted')
    .action((given: string, options: Options) => run(config, given, options));
}

async function run(config: () => Config, given: string, options: Options): Promise<void> {
  const channel = channelOf(options.channel);
  const { folder: recordings, checker } = placeOf(configOrPlace(config), options);
  const id = recordingId(given, () => recordings);
  const folder = join(recordings, id);
  const verdict = await verifyRecording(folder, id, checker);
  if (verdict.state === 'erased') throw new Refused(`${id} was erased under rule ${JSON.stringify(verdict.rule)}.`);
  const isBroken = verdict.state === 'broken';
  if (isBroken) {
    const problems = verdict.problems.map(({ file, why }) => `  ${file}: ${why}\n`).join('');
    process.stderr.write(`${id} does not verify:\n${problems}`);
    if (!options.evenIfBroken)
      throw new Refused('Nothing was exported. To export up to the break, use --even-if-broken.');
  }
  const key = await keyOf(folder, options.identity);
  await audit(config, id, { format: options.format, channel });
  const out = resolve(options.out ?? id);
  const { files, broken } = await exportRecording(folder, key, { out, format: options.format, channel })
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      throw new Refused(`${error.path ?? out} already exists and was not changed. Name another folder with --out.`);
    })
    .finally(() => key.fill(0));
  for (const name of files) print(join(out, name));
  if (files.length === 0) print('This recording contains nothing of that kind.');
  if (broken !== null) process.stderr.write(`The export is incomplete: ${broken}.\n`);
  if (isBroken || broken !== null) process.exitCode = 1;
}

function channelOf(given: string | undefined): number | null {
  if (given === undefined) return null;
  const channel = Number(given);
  if (/^\d+$/.test(given) && channel <= CHANNEL_MAX) return channel;
  throw new Refused(`--channel takes a number, not ${JSON.stringify(given.slice(0, 40))}.`, 2);
}

async function keyOf(folder: string, identityFile: string): Promise<Buffer> {
  try {
    if (statSync(identityFile).size > IDENTITY_FILE_MAX) throw new Error('the file is too large for an identity');
    return await openKey(folder, identitiesOf(readFileSync(identityFile, 'utf8')));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Refused(`The identity in ${identityFile} does not open this recording: ${why}`);
  }
}

/** Written down before anything is in the clear. */
async function audit(
  config: () => Config,
  id: SessionId,
  facts: { readonly format: string; readonly channel: number | null },
): Promise<void> {
  try {
    const path = adminSocketPath(config());
    if (await isServed(path)) return await remoteOperator(path, operatorAccount()).noteExport(id, facts);
    process.stderr.write('Control is not running, so this export is not in the audit log.\n');
  } catch (error) {
    const isElsewhere = error instanceof ConfigError;
    const why = isElsewhere ? 'there is no usable configuration here.' : error instanceof Error ? error.message : error;
    process.stderr.write(`This export is not in the audit log: ${why}\n`);
  }
}
