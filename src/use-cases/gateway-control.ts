import type {
  Digest,
  EngagementId,
  Fingerprint,
  GrantId,
  Login,
  PersonId,
  SessionId,
  TargetId,
} from '../access/ids.ts';
import type { Rejection } from '../access/rejection.ts';
import type { Result } from '../access/result.ts';
import type { Scope } from '../access/scope.ts';
import type { ChannelSummary, SessionEnding } from '../access/session.ts';
import type { UserauthProof } from './ports.ts';

/** What a connection that proved a key asks for. */
export type AuthorizeAsk = {
  readonly proof: UserauthProof;
  /** The TCP peer of the outermost connection, without port. */
  readonly remoteAddress: string;
  readonly route: /** `ssh <login>+<target>@gateway` or `ssh register-<code>@gateway`. */
    | { readonly kind: 'direct' }
    /** The outer connection of a jump: login name `daypass`. */
    | { readonly kind: 'jump' }
    /** The connection inside a jump: `targetName` is the host of its direct-tcpip; `outerSshSessionId` is hex. */
    | { readonly kind: 'inner'; readonly targetName: string; readonly outerSshSessionId: string };
  /** ed25519 public key blob that the worker made for this connection's session; null for a jump's outer connection. */
  readonly sessionKey: Uint8Array | null;
};

export type Authorization =
  | {
      readonly kind: 'jump';
      readonly personId: PersonId;
      readonly endsAt: Date;
      /** All targets that Daypass fronts: a jump leads to no other name. */
      readonly targetIds: readonly TargetId[];
    }
  | { readonly kind: 'registered'; readonly lines: readonly string[] }
  | { readonly kind: 'session'; readonly session: AuthorizedSession };

/** All that a worker may know of a session that it carries. */
export type AuthorizedSession = {
  readonly id: SessionId;
  readonly grantId: GrantId;
  readonly grantDigest: Digest;
  readonly engagementId: EngagementId;
  readonly personId: PersonId;
  readonly keyFingerprint: Fingerprint;
  readonly targetId: TargetId;
  /** What people call it. */
  readonly targetName: string;
  readonly address: string;
  readonly port: number;
  /** `<type> <base64>` lines; any other host key is refused. */
  readonly hostKeys: readonly string[];
  readonly login: Login;
  readonly scope: Scope;
  readonly endsAt: Date;
  /** `ssh-ed25519-cert-v01@openssh.com <base64>` for the worker's session key. */
  readonly certificate: string;
};

/** Control's answers to the gateway. A refusal is worded by the edge that shows it. */
export type GatewayControl = {
  authorize(ask: AuthorizeAsk): Promise<Result<Authorization, Rejection>>;
  /** The upstream connection stands and the recorder accepts: the session is real. */
  opened(id: SessionId): Promise<void>;
  closed(id: SessionId, report: SessionReport): Promise<void>;
};

export type SessionReport = {
  readonly ending: SessionEnding;
  readonly channels: readonly ChannelSummary[];
  /** What was asked and refused on this connection, one sentence each, bounded. */
  readonly refusals: readonly string[];
};
