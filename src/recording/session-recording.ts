import { constants } from 'node:fs';
import { mkdir, open, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ChannelRecorder, type ChannelStart } from './channel-recorder.ts';
import { type Manifest, type ManifestChannel, writeManifest } from './manifest.ts';

/** What is known of a session when it begins. */
export type Opening = Omit<Manifest, 'format' | 'state' | 'end' | 'ending' | 'refusals' | 'channels'>;

export type Closing = Pick<Manifest, 'ending' | 'refusals'> & {
  readonly end: Date;
  readonly channels: readonly ManifestChannel[];
};

/** The folder of one session: a manifest from the first moment, and a cast per channel. */
export class SessionRecording {
  readonly #folder: string;
  readonly #opening: Opening;
  readonly #failed: (error: Error) => void;

  private constructor(folder: string, opening: Opening, failed: (error: Error) => void) {
    this.#folder = folder;
    this.#opening = opening;
    this.#failed = failed;
  }

  /** Makes the folder, 0700; an existing one is refused. `failed` is told when a cast cannot be written any more. */
  static async begin(folder: string, opening: Opening, failed: (error: Error) => void): Promise<SessionRecording> {
    await mkdir(folder, { mode: 0o700 });
    const recording = new SessionRecording(folder, opening, failed);
    await recording.#write({ state: 'live', end: null, ending: null, refusals: [], channels: [] });
    return recording;
  }

  channel(start: ChannelStart, startedAt: Date): Promise<ChannelRecorder> {
    return ChannelRecorder.open(this.#folder, start, startedAt, this.#failed);
  }

  async close({ end, ending, refusals, channels }: Closing): Promise<void> {
    await this.#write({ state: 'closed', end: end.toISOString(), ending, refusals, channels: [...channels] });
  }

  #write(rest: Pick<Manifest, 'state' | 'end' | 'ending' | 'refusals' | 'channels'>): Promise<void> {
    return writeManifest(this.#folder, { format: 'daypass-recording-1', ...this.#opening, ...rest });
  }
}

/** MiB that an unprivileged process may still write where the folder lies. */
export async function freeMiB(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.floor((bavail * bsize) / (1024 * 1024));
}

/** Opens a file of a recording that somebody else wrote: never through a link. */
export const openInFolder = (folder: string, name: string, flags: number) =>
  open(join(folder, name), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
