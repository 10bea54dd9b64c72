import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FRAME, type Frame } from '../../../src/recording/format/format.ts';
import { openKey, type ReadEnd, RecordingReader } from '../../../src/recording/read/read.ts';
import { Recorder } from '../../../src/recording/write/recorder.ts';
import type { ChannelStart, Closing, Opening } from '../../../src/recording/write/recorder-messages.ts';
import { SessionRecording } from '../../../src/recording/write/session-recording.ts';
import { type TestFolder, testFolder } from '../checks/folder.ts';
import { reader } from './reader.ts';

/** What a session would say of itself, made up. */
export const openingOf = (session: string = randomUUID()): Opening => ({
  ...{ session, grant: randomUUID(), digest: 'ab'.repeat(32), engagement: randomUUID(), person: randomUUID() },
  ...{ key: 'SHA256:key', login: 'deploy', via: 'direct', client: '192.0.2.7' },
  target: { id: 'web-01', name: 'Web', address: '192.0.2.1', port: 22 },
  opening: { signed: 'c2lnbmVk', signature: 'c2lnbmF0dXJl' },
  start: new Date().toISOString(),
});

export const CLOSING: Closing = { end: new Date(), ending: { how: 'closed' }, refusals: 0, channels: [] };

const START = { kind: 'shell', command: null, destination: null, recordInput: false, mayLeaveOut: true } as const;
export const terminal = (number: number): ChannelStart => ({
  ...START,
  number,
  terminal: { columns: 80, rows: 24, width: 0, height: 0, term: 'xterm', modes: '' },
});
export const command = (number: number, line: string): ChannelStart => ({
  ...START,
  ...{ number, kind: 'exec', command: line, terminal: null },
});

export type Read = { readonly frames: readonly Frame[]; readonly end: ReadEnd };

/** All that the holder of the identity can read. */
export async function readBack(folder: string, identities = [reader.identity]): Promise<Read> {
  await using recording = await RecordingReader.open(folder, await openKey(folder, identities));
  const reading = recording.frames();
  const frames: Frame[] = [];
  for (;;) {
    const { done, value } = await reading.next();
    if (done) return { frames, end: value };
    frames.push({ ...value, payload: Buffer.from(value.payload) });
  }
}

/** The bytes of one kind of frame in a channel, put together. */
export const bytesOf = ({ frames }: Read, channel: number, type: number): Buffer =>
  Buffer.concat(frames.flatMap((frame) => (frame.channel === channel && frame.type === type ? [frame.payload] : [])));

/** The lines of the journal or of the file log. */
export const linesOf = ({ frames }: Read, type: number): Record<string, unknown>[] =>
  frames.flatMap((frame) =>
    frame.type === type ? [JSON.parse(frame.payload.toString('utf8')) as Record<string, unknown>] : [],
  );

/** Waits until this much of a live recording can be read. */
export async function readable(path: string, text: string): Promise<void> {
  while (!bytesOf(await readBack(path), 0, FRAME.stdout).includes(text)) await pause(5);
}

const unexpected = (error: Error): never => {
  throw error;
};

export type RecorderWorld = AsyncDisposable & {
  readonly folder: TestFolder;
  readonly recorder: Recorder;
  /** Begins a recording in a folder of its own; one that fails is a failure of the test unless it is expected. */
  begin(failed?: (error: Error) => void): Promise<{ readonly path: string; readonly recording: SessionRecording }>;
};

/** A recorder and a folder for what it records. */
export async function recorderWorld(): Promise<RecorderWorld> {
  const folder = testFolder();
  const recorder = await Recorder.start([reader.recipient]);
  let sessions = 0;
  return {
    folder,
    recorder,
    async begin(failed = unexpected) {
      const path = join(folder.path, `session-${sessions++}`);
      return { path, recording: await SessionRecording.begin(recorder, path, openingOf(), failed) };
    },
    async [Symbol.asyncDispose]() {
      await recorder[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}
