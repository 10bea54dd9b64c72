import { z } from 'zod';
import { Actor } from './audit-event.ts';
import {
  Digest,
  type EngagementId,
  type Fingerprint,
  type GrantId,
  type Login,
  type PersonId,
  type SessionId,
  type TargetId,
} from './ids.ts';

const TERMINATED = [
  'revoked',
  'returned',
  'expired',
  'ended_by_reviewer',
  'deactivated',
  'unconfirmed',
  'shutdown',
] as const;
const FAILED = [
  'target_unreachable',
  'host_key_mismatch',
  'target_refused',
  'target_slow',
  'no_common_algorithm',
  'recording_failed',
  'protocol',
  'login_abandoned',
] as const;

/** Why a session was terminated from this side. */
export const TerminationReason = z.enum(TERMINATED);
export type TerminationReason = z.infer<typeof TerminationReason>;

/** How a session came to its end. */
export const SessionEnding = z
  .discriminatedUnion('how', [
    z.strictObject({ how: z.literal('closed') }),
    /** `by` is who asked for it, where somebody did; sessions of earlier versions do not say. */
    z.strictObject({ how: z.literal('terminated'), why: TerminationReason, by: Actor.optional() }),
    z.strictObject({ how: z.literal('failed'), why: z.enum(FAILED) }),
    z.strictObject({ how: z.literal('interrupted') }),
  ])
  .readonly();
export type SessionEnding = z.infer<typeof SessionEnding>;

/** Session channels by what was started in them (RFC 4254 §6.5), and tunnels: direct-tcpip channels (§7.2). */
export const ChannelKind = z.enum(['shell', 'exec', 'subsystem', 'tunnel']);
export type ChannelKind = z.infer<typeof ChannelKind>;

/**
 * How well a channel is accounted for. `full`: what passed can be replayed. `metadata`: content of files, or the middle of binary data,
 * is there by its digest. `opaque`: bytes were counted and digested, and nothing is known of their meaning.
 */
export const Coverage = z.enum(['full', 'metadata', 'opaque']);
export type Coverage = z.infer<typeof Coverage>;

const Bytes = z.int().nonnegative();
const COMMAND_MAX = 65_536;
const SIGNAL_NAME_MAX = 32;
const LABEL_MAX = 32;
const HOST_MAX = 255;

/** What the file log of a channel says, counted; the log itself is in the recording. */
export const FileCounts = z
  .strictObject({
    read: z.int().nonnegative(),
    written: z.int().nonnegative(),
    /** Renames, removals, new folders and links, changed attributes. */
    changed: z.int().nonnegative(),
    refused: z.int().nonnegative(),
    /** Files whose content passed whole, so that the log has its SHA-256. */
    hashed: z.int().nonnegative(),
  })
  .readonly();
export type FileCounts = z.infer<typeof FileCounts>;

/** What is left of one relayed channel (RFC 4254 §6). Bytes are channel data, both streams of output added up. */
export const ChannelSummary = z
  .strictObject({
    id: z.int().nonnegative(),
    /**
     * Where it stands for several that were alike: how many. Bytes and files are their sums, a digest is the SHA-256 of theirs, one
     * after the other in the order in which they ended.
     */
    count: z.int().min(1).optional(),
    kind: ChannelKind,
    /** The exec line or the subsystem's name; null for a shell. Security's audience only. */
    command: z.string().max(COMMAND_MAX).nullable(),
    pty: z.boolean(),
    bytesFromClient: Bytes,
    bytesToClient: Bytes,
    /** SHA-256 of stdout and of stderr as delivered, and of stdin, lower-case hex; of a terminal's stdin only what was kept. */
    stdoutSha256: Digest,
    stderrSha256: Digest,
    stdinSha256: Digest,
    coverage: Coverage.default('metadata'),
    /** What the channel carried: `terminal`, `command`, `sftp`, `scp`, `scp then command`, `tunnel` … */
    label: z
      .string()
      .max(LABEL_MAX)
      .regex(/^[a-z0-9 -]*$/)
      .default(''),
    files: FileCounts.nullable().default(null),
    /** Of a tunnel, as the client named it. Security's audience only. */
    destination: z
      .strictObject({ host: z.string().max(HOST_MAX), port: z.int().min(0).max(65_535) })
      .nullable()
      .default(null),
    /** Milliseconds since the epoch. */
    startedAt: z.int().nonnegative().default(0),
    endedAt: z.int().nonnegative().default(0),
    exit: z
      .discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('status'), code: z.int().min(0).max(0xffff_ffff) }),
        z.strictObject({ kind: z.literal('signal'), name: z.string().max(SIGNAL_NAME_MAX) }),
      ])
      .nullable(),
  })
  .readonly();
export type ChannelSummary = z.infer<typeof ChannelSummary>;

export const channelCount = (channels: readonly ChannelSummary[]): number =>
  channels.reduce((all, { count = 1 }) => all + count, 0);

export type Session = {
  readonly id: SessionId;
  readonly grantId: GrantId;
  readonly grantDigest: Digest;
  readonly engagementId: EngagementId;
  readonly personId: PersonId;
  readonly targetId: TargetId;
  readonly login: Login;
  readonly via: 'direct' | 'jump';
  readonly keyFingerprint: Fingerprint;
  /** Security's audience only. */
  readonly clientAddress: string;
  readonly startedAt: Date;
  readonly ended: SessionEnd | null;
  readonly recording: RecordingMarks;
};

/** Heads of a recording's hash chain: who saw them can tell later that nothing was changed before. */
export type RecordingMarks = {
  readonly headAtStart: Digest | null;
  readonly headAtEnd: Digest | null;
  /** `failed`: it could not be sealed. Null before it began, and where nothing was recorded. */
  readonly state: RecordingState | null;
};

export const RecordingState = z.enum(['live', 'closed', 'interrupted', 'failed', 'erased']);
export type RecordingState = z.infer<typeof RecordingState>;

export const NO_RECORDING: RecordingMarks = { headAtStart: null, headAtEnd: null, state: null };

export type SessionEnd = {
  readonly at: Date;
  readonly ending: SessionEnding;
  readonly channels: readonly ChannelSummary[];
  readonly refusals: readonly string[];
};

/** Sessions of one person on one target that begin within this window share one line in the thread. */
export const BURST_MINUTES = 10;
