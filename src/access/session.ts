import type { Digest, EngagementId, Fingerprint, GrantId, Login, PersonId, SessionId, TargetId } from './ids.ts';

/** How a session came to its end. */
export type SessionEnding =
  | { readonly how: 'closed' }
  | {
      readonly how: 'terminated';
      readonly why: 'revoked' | 'returned' | 'expired' | 'ended_by_reviewer' | 'deactivated' | 'shutdown';
    }
  | {
      readonly how: 'failed';
      readonly why:
        | 'target_unreachable'
        | 'host_key_mismatch'
        | 'target_refused'
        | 'recording_failed'
        | 'protocol'
        | 'login_abandoned';
    }
  | { readonly how: 'interrupted' };

export type ChannelKind = 'shell' | 'exec' | 'subsystem';

/** What is left of one relayed channel (RFC 4254 §6). Bytes are channel data, both streams of output added up. */
export type ChannelSummary = {
  readonly id: number;
  readonly kind: ChannelKind;
  /** The exec line or the subsystem's name; null for a shell. Security's audience only. */
  readonly command: string | null;
  readonly pty: boolean;
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  /** SHA-256 of stdout and of stderr as delivered, lower-case hex. */
  readonly stdoutSha256: Digest;
  readonly stderrSha256: Digest;
  readonly stdinSha256: Digest;
  readonly exit:
    | { readonly kind: 'status'; readonly code: number }
    | { readonly kind: 'signal'; readonly name: string }
    | null;
};

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
};

export type SessionEnd = {
  readonly at: Date;
  readonly ending: SessionEnding;
  readonly channels: readonly ChannelSummary[];
  readonly refusals: readonly string[];
};

/** Sessions of one person on one target that begin within this window share one line in the thread. */
export const BURST_MINUTES = 10;
