import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FRAME, type Frame, NO_CHANNEL } from '../format/format.ts';
import { headerLine, markerLine, resizeLine, StreamEvents } from './cast.ts';
import { RecordingReader, UnreadableError } from './read.ts';

/** Takes a recording out in the clear, one frame after the other. */

export const EXPORT_FORMATS = ['cast', 'raw', 'files', 'journal'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export type Exported = {
  /** Names below the folder that was exported to. */
  readonly files: readonly string[];
  /** Why the export ends before its time. */
  readonly broken: string | null;
};

type Wanted = { readonly out: string; readonly format: ExportFormat; readonly channel: number | null };

export async function exportRecording(
  folder: string,
  key: Buffer,
  { out, format, channel }: Wanted,
): Promise<Exported> {
  await using reader = await RecordingReader.open(folder, key);
  await mkdir(out, { recursive: true, mode: 0o700 });
  await using outputs = new Outputs(out);
  const write = WRITERS[format](outputs, new Date(reader.header.start));
  const broken = await readAll(reader, (frame) =>
    channel === null || frame.channel === channel ? write(frame) : Promise.resolve(),
  );
  return { files: outputs.names, broken };
}

async function readAll(reader: RecordingReader, each: Writer): Promise<string | null> {
  const frames = reader.frames();
  const numbers = new Map<number, number>();
  for (;;) {
    let next: Awaited<ReturnType<typeof frames.next>>;
    try {
      next = await frames.next();
    } catch (error) {
      if (error instanceof UnreadableError) return error.message;
      throw error;
    }
    if (next.done) return next.value.torn ? `it ends inside chunk ${next.value.chunks}` : null;
    await each(numbered(next.value, numbers));
  }
}

const Begun = z.looseObject({ what: z.literal('channel'), number: z.int().nonnegative().optional() });

/** A frame with its channel's own number: a slot is used again for a later channel, whose first line says so. */
function numbered(frame: Frame, numbers: Map<number, number>): Frame {
  const { type, channel: slot, payload } = frame;
  if (slot === NO_CHANNEL) return frame;
  const begun = type === FRAME.journal ? Begun.safeParse(jsonOf(payload)) : null;
  if (begun?.success && begun.data.number !== undefined) numbers.set(slot, begun.data.number);
  const number = numbers.get(slot);
  return number === undefined ? frame : { ...frame, channel: number };
}

type Writer = (frame: Frame) => Promise<void>;

const STREAMS: ReadonlyMap<number, string> = new Map([
  [FRAME.stdout, 'stdout'],
  [FRAME.stderr, 'stderr'],
  [FRAME.input, 'stdin'],
]);

const WRITERS: Readonly<Record<ExportFormat, (outputs: Outputs, start: Date) => Writer>> = {
  cast: castWriter,
  raw:
    (outputs) =>
    async ({ type, channel, payload }) => {
      const stream = STREAMS.get(type);
      if (stream) await outputs.append(`channel-${channel}.${stream}`, payload);
    },
  files: (outputs, start) => jsonLines(outputs, start, 'files.jsonl', { [FRAME.file]: jsonOf }),
  journal: (outputs, start) =>
    jsonLines(outputs, start, 'journal.jsonl', { [FRAME.journal]: jsonOf, [FRAME.resize]: resizeOf }),
};

const instant = (start: Date, micros: number): Date => new Date(start.getTime() + micros / 1000);

type LineOf = (payload: Buffer) => Record<string, unknown>;

function jsonLines(outputs: Outputs, start: Date, name: string, of: Readonly<Record<number, LineOf>>): Writer {
  return async (frame) => {
    const lineOf = of[frame.type];
    if (!lineOf) return;
    const at = instant(start, frame.micros).toISOString();
    const line = { at, channel: frame.channel, ...lineOf(frame.payload) };
    await outputs.append(name, Buffer.from(`${JSON.stringify(line)}\n`));
  };
}

function jsonOf(payload: Buffer): Record<string, unknown> {
  try {
    return z.looseObject({}).parse(JSON.parse(payload.toString('utf8')));
  } catch {
    // A worker that was taken over may have written anything: it stays readable as what it is.
    return { unreadable: payload.toString('base64') };
  }
}

/** A cast has no place for pixels. */
function resizeOf(payload: Buffer): Record<string, unknown> {
  const names = ['columns', 'rows', 'width', 'height'].slice(0, Math.floor(payload.length / 4));
  return { what: 'resize', ...Object.fromEntries(names.map((name, n) => [name, payload.readUInt32BE(4 * n)])) };
}

const ChannelFact = z.looseObject({
  what: z.literal('channel'),
  kind: z.string(),
  command: z.string().nullable().catch(null),
  terminal: z.object({ columns: z.number(), rows: z.number(), term: z.string().nullable() }).nullable().catch(null),
});

type Cast = {
  readonly fact: z.infer<typeof ChannelFact>;
  readonly micros: number;
  readonly streams: { readonly [Name in 'stdout' | 'stderr' | 'stdin']: StreamEvents };
  /** Typed input is kept only once it was echoed, with the time at which it was typed. */
  seconds: number;
};

/** One asciicast for each channel that printed something; its clock begins with the channel. */
function castWriter(outputs: Outputs, start: Date): Writer {
  const casts = new Map<number, Cast>();
  const append = async (channel: number, cast: Cast, line: string): Promise<void> => {
    if (line === '') return;
    const name = `channel-${channel}.cast`;
    if (!outputs.has(name)) await outputs.append(name, Buffer.from(castHeader(start, cast)));
    await outputs.append(name, Buffer.from(line));
  };
  return async (frame) => {
    const { type, channel, micros } = frame;
    const cast = casts.get(channel);
    if (type === FRAME.journal) {
      const fact = jsonOf(frame.payload);
      const begun = ChannelFact.safeParse(fact);
      if (begun.success) {
        casts.set(channel, newCast(begun.data, micros));
      } else if (cast && fact['what'] === 'gap') {
        await append(channel, cast, markerLine(secondsOf(cast, micros), gapWords(fact)));
      } else if (cast && fact['what'] === 'end') {
        const seconds = secondsOf(cast, micros);
        const { stdout, stderr, stdin } = cast.streams;
        await append(channel, cast, stdout.last(seconds) + stderr.last(seconds) + stdin.last(seconds));
        casts.delete(channel);
      }
    } else if (cast) await append(channel, cast, castLine(cast, frame));
  };
}

const gapWords = ({ bytes, stream }: Record<string, unknown>): string =>
  `${Number(bytes)} bytes of ${stream === 'stdin' ? 'input' : String(stream).slice(0, STREAM_SHOWN)} are left out here`;
const STREAM_SHOWN = 10;

const newCast = (fact: Cast['fact'], micros: number): Cast => ({
  ...{ fact, micros, seconds: 0 },
  streams: { stdout: new StreamEvents('o'), stderr: new StreamEvents('o'), stdin: new StreamEvents('i') },
});

/** Events of a cast never go back in time. */
function secondsOf(cast: Cast, micros: number): number {
  cast.seconds = Math.max(cast.seconds, (micros - cast.micros) / 1e6);
  return cast.seconds;
}

function castLine(cast: Cast, { type, micros, payload }: Frame): string {
  const seconds = secondsOf(cast, micros);
  const { stdout, stderr, stdin } = cast.streams;
  if (type === FRAME.stdout) return stdout.line(seconds, payload);
  if (type === FRAME.stderr) return stderr.line(seconds, payload);
  if (type === FRAME.input) return stdin.line(seconds, payload);
  if (type !== FRAME.resize || payload.length < 8) return '';
  return resizeLine(seconds, payload.readUInt32BE(0), payload.readUInt32BE(4));
}

function castHeader(start: Date, { fact, micros }: Cast): string {
  const { columns, rows, term } = fact.terminal ?? { columns: 0, rows: 0, term: null };
  const title = fact.command ?? fact.kind;
  return headerLine({ width: columns || 80, height: rows || 24, startedAt: instant(start, micros), term, title });
}

const OPEN_MAX = 64;

/** The files of an export: made anew, 0600; an existing one is never written to. */
class Outputs implements AsyncDisposable {
  readonly #folder: string;
  readonly #made = new Set<string>();
  readonly #open = new Map<string, FileHandle>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  get names(): readonly string[] {
    return [...this.#made];
  }

  has(name: string): boolean {
    return this.#made.has(name);
  }

  async append(name: string, bytes: Uint8Array): Promise<void> {
    const file = this.#open.get(name) ?? (await this.#opened(name));
    await file.writeFile(bytes);
  }

  async #opened(name: string): Promise<FileHandle> {
    const [oldest] = this.#open;
    if (oldest && this.#open.size >= OPEN_MAX) {
      this.#open.delete(oldest[0]);
      await oldest[1].close();
    }
    const fresh = this.#made.has(name) ? 0 : constants.O_CREAT | constants.O_EXCL;
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW | fresh;
    const file = await open(join(this.#folder, name), flags, 0o600);
    this.#open.set(name, file);
    this.#made.add(name);
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#open.values()) await file.close();
  }
}
