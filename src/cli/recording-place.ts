import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { SessionId } from '../access/ids.ts';
import { type RecordingChecks, recordingChecker } from '../ca/recordings.ts';
import { type Config, ConfigError } from '../config/load.ts';
import { keysFolder, recordingsFolder } from '../config/places.ts';
import { Refused } from './output.ts';

/** Where recordings and the public half of their key are, with or without a configuration. */
export type PlaceOptions = { readonly recordings?: string; readonly publicKey?: string };

const KEY_FILE_MAX = 65_536;

/** Recordings are also looked at where only copies of them are. */
export const configOrPlace = (config: () => Config) => (): Config => {
  try {
    return config();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new Refused(
      `${error.message}\nWithout a configuration, use --recordings <folder> and --public-key <file>.`,
      2,
    );
  }
};

export function placeOf(config: () => Config, options: PlaceOptions): { folder: string; checker: RecordingChecks } {
  const folder = options.recordings === undefined ? recordingsFolder(config()) : resolve(options.recordings);
  if (!existsSync(folder)) throw new Refused(`There are no recordings: ${folder} does not exist.`);
  const keyFile = options.publicKey ?? join(keysFolder(config()), 'recording_key.pub');
  return { folder, checker: checkerFrom(keyFile) };
}

function checkerFrom(file: string): RecordingChecks {
  try {
    if (statSync(file).size > KEY_FILE_MAX) throw new Error('it is too large for a key');
    return recordingChecker(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Refused(`The public recording key cannot be read from ${file}: ${why}
It is <data_dir>/keys/recording_key.pub; name a copy with --public-key.`);
  }
}

/**
 * Ids are made by Daypass. Anything else is refused here, before it becomes part of a path. Below `recordings`, which is only asked
 * for then, the beginning of an id will do: Slack and lists show eight characters.
 */
export function recordingId(given: string, recordings: (() => string) | null): SessionId {
  const id = SessionId.safeParse(given);
  if (id.success && id.data === given.toLowerCase()) return id.data;
  if (recordings && /^[0-9a-f]{4,8}(?:-[0-9a-f-]{0,27})?$/i.test(given))
    return beginningWith(given.toLowerCase(), recordings());
  throw new Refused(
    `${JSON.stringify(given.slice(0, 100))} is not a recording id. \`daypass recordings list\` shows them.`,
    2,
  );
}

function beginningWith(given: string, recordings: string): SessionId {
  const names = existsSync(recordings) ? readdirSync(recordings) : [];
  const ids = names.flatMap((name) => (name.startsWith(given) ? (SessionId.safeParse(name).data ?? []) : []));
  const [id] = ids;
  if (id !== undefined && ids.length === 1) return id;
  if (ids.length > 1) throw new Refused(`${given} matches ${ids.length} recordings. Type more of it.`, 2);
  throw new Refused(`No recording starts with ${given}. \`daypass recordings list\` shows them.`);
}

/** An id below the recordings, or the folder of one recording wherever it lies. */
export function recordingAt(given: string, recordings: () => string): { folder: string; id: SessionId } {
  const path = given.replace(/\/+$/, '');
  if (!path.includes('/')) {
    const id = recordingId(path, recordings);
    return { folder: join(recordings(), id), id };
  }
  const id = recordingId(basename(path), null);
  return { folder: join(resolve(dirname(path)), id), id };
}
