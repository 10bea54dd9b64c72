import type { ChannelSummary } from '../../access/session.ts';
import type { ChainEnd } from '../format/chain.ts';
import type { ChannelOutline, ManifestOpening } from '../format/manifest.ts';

/** Between those who record and the thread that writes. */

/** A terminal as it was asked for: its size in characters and in pixels, and its modes (RFC 4254 §8) in hex. */
export type TerminalStart = {
  readonly columns: number;
  readonly rows: number;
  readonly width: number;
  readonly height: number;
  readonly term: string | null;
  readonly modes: string;
};

/** What a channel is when it begins. */
export type ChannelStart = Pick<ChannelSummary, 'kind' | 'command' | 'destination'> & {
  readonly number: number;
  /** The command's bytes, where they are no UTF-8. */
  readonly commandHex?: string;
  readonly terminal: TerminalStart | null;
  /** What the client set for it. A value can be all that a command runs, so it is no typed input. */
  readonly environment?: readonly { readonly name: string; readonly value: string; readonly valueHex?: string }[];
  /** What is typed at its terminal is kept, as far as it was echoed. */
  readonly recordInput: boolean;
  /** False where a channel has to end rather than that the middle of its binary data is left out. */
  readonly mayLeaveOut: boolean;
};

/** What the recording says of a channel that is over. */
export type ChannelRecord = Pick<
  ChannelSummary,
  'coverage' | 'label' | 'files' | 'bytesFromClient' | 'bytesToClient' | 'stdoutSha256' | 'stderrSha256' | 'stdinSha256'
>;

/** A line of the journal, for those who may read the recording. */
export type Fact = { readonly what: string; readonly [name: string]: unknown };

export type Opening = ManifestOpening & {
  /** Where the client came from; in the container only. */
  readonly client: string;
};

export type Closing = {
  readonly end: Date;
  readonly ending: { readonly how: string };
  readonly refusals: number;
  readonly channels: ChannelOutline[];
};

export type Exit = ChannelSummary['exit'];

export type Order =
  | { readonly do: 'begin'; readonly folder: string; readonly opening: Opening }
  | { readonly do: 'channel'; readonly micros: number; readonly start: ChannelStart }
  | { readonly do: 'finish'; readonly channel: number; readonly micros: number; readonly exit: Exit }
  | { readonly do: 'close'; readonly closing: Closing; readonly micros: number };

/** What the thread answers to each: where the chain begins, in hex, for a recording that began. */
export type Answers = {
  readonly begin: string;
  readonly channel: true;
  readonly finish: ChannelRecord;
  readonly close: ChainEnd;
};

export type ToThread =
  | ({ readonly session: number; readonly call: number } & Order)
  | { readonly do: 'journal'; readonly session: number; readonly micros: number; readonly fact: Fact }
  /** Records one after the other: a uint32 that names the session, then a frame. The buffer comes back when all is written. */
  | { readonly do: 'write'; readonly bytes: ArrayBuffer; readonly length: number };

export type Failure = { readonly code: string; readonly message: string };

export type FromThread =
  | { readonly tell: 'ready' }
  | { readonly tell: 'done'; readonly call: number; readonly value: Answers[keyof Answers] }
  | { readonly tell: 'refused'; readonly call: number; readonly failure: Failure }
  | { readonly tell: 'failed'; readonly session: number; readonly failure: Failure }
  /** The channel carries more binary data than is kept, and nothing of it may be left out. */
  | { readonly tell: 'overrun'; readonly session: number; readonly channel: number }
  | { readonly tell: 'written'; readonly bytes: ArrayBuffer };

export const SESSION_BYTES = 4;

/** Why nothing can be recorded any more, with the system's code. */
export class RecordingError extends Error {
  readonly code: string;
  constructor({ code, message }: Failure) {
    super(message);
    this.name = 'RecordingError';
    this.code = code;
  }
}

export function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'fault';
  return { code, message };
}
