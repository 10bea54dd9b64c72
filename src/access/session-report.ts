import { z } from 'zod';
import { ChannelSummary, SessionEnding } from './session.ts';

/** A head of a recording's hash chain: SHA-256, lower-case hex. */
export const ChainHead = z.string().regex(/^[0-9a-f]{64}$/);

const REFUSAL_MAX = 2_000;

/** What a worker wrote of a recording, by its own word: where its chain ends, and how long it is. */
const ReportedRecording = z.strictObject({
  head: ChainHead,
  chunks: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
});
export type ReportedRecording = Readonly<z.infer<typeof ReportedRecording>>;

/** What a worker says of a session that is over. */
export const SessionReport = z.strictObject({
  ending: SessionEnding,
  channels: z.array(ChannelSummary).readonly(),
  /** What was asked and refused on this connection, one sentence each, bounded. */
  refusals: z.array(z.string().max(REFUSAL_MAX)).readonly(),
  /** Null where it could not be closed. */
  recording: ReportedRecording.nullable(),
});
export type SessionReport = Readonly<z.infer<typeof SessionReport>>;
