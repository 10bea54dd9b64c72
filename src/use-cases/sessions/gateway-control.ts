import type { AuthorizedSession } from '../../access/authorized-session.ts';
import type { Fingerprint, SessionId, TargetId } from '../../access/ids.ts';
import type { RegistryEntry } from '../../access/registry-entry.ts';
import type { LoginRejection, NotActive, RegisterRejection, RestingRejection } from '../../access/rejection.ts';
import type { AccessRequest } from '../../access/request.ts';
import type { Result } from '../../access/result.ts';
import type { Route } from '../../access/route.ts';
import type { SessionReport } from '../../access/session-report.ts';
import type { UserauthProof } from '../ports/authority.ts';
import type { RegistryMax } from '../ports/keys.ts';
import type { Approval, SignRefusal } from '../requests/sign-review.ts';
import type { Caller, SelfServiceAnswer, SelfServiceAsk } from './self-service.ts';

/** What a connection that proved a key asks for. */
export type AuthorizeAsk = {
  readonly proof: UserauthProof;
  /** The TCP peer of the outermost connection, without port. */
  readonly remoteAddress: string;
  readonly route: Route;
  /** ed25519 public key blob that the worker made for this connection's session; null for a jump's outer connection. */
  readonly sessionKey: Uint8Array | null;
};

/** All that a connection can be refused with. A worker has a place for each: which of several is told to the person. */
export type ConnectionRejection = NotActive | RestingRejection | RegisterRejection | LoginRejection | SignRefusal;

export type Authorization =
  | {
      readonly kind: 'jump';
      /** By whom, proven: what is asked on this connection is asked by this key. */
      readonly caller: Caller & { readonly sshSessionId: string };
      readonly endsAt: Date;
      /** All targets that Daypass fronts: a jump leads to no other name. */
      readonly targetIds: readonly TargetId[];
      /** Why it leads to none: there is no live grant. */
      readonly noTargets: ConnectionRejection | null;
    }
  | { readonly kind: 'registered'; readonly fingerprint: Fingerprint }
  /** What the login's signature approves once its person has read it. */
  | { readonly kind: 'approval'; readonly sshSessionId: string; readonly approval: Approval }
  | { readonly kind: 'session'; readonly session: AuthorizedSession };

/** Why a connection was turned away, by a worker or by control; the key only where its signature was verified. */
export type ConnectionRefusal = {
  readonly address: string;
  readonly reason: string;
  readonly fingerprint: Fingerprint | null;
};

/** What is registered, so that workers answer offers by themselves. An offer proves nothing, so the answer opens nothing. */
export type RegistryFeed = {
  /** The newest, the oldest of them first. */
  all(max: RegistryMax): Promise<readonly RegistryEntry[]>;
  /** Hears of each change after its commit, and before whoever asked for it has an answer. */
  follow(listener: (entry: RegistryEntry) => void): () => void;
};

/** Control's answers to the gateway. A refusal is worded by the edge that shows it. */
export type GatewayControl = {
  authorize(ask: AuthorizeAsk): Promise<Result<Authorization, ConnectionRejection>>;
  readonly registry: RegistryFeed;
  /** `caller` was let in with a jump. */
  serve(caller: Caller, ask: SelfServiceAsk): Promise<SelfServiceAnswer>;
  /** The person of an approval has read it and said yes. */
  sign(proof: UserauthProof): Promise<Result<AccessRequest, SignRefusal>>;
  /** The upstream connection stands and the recorder accepts: the session is real. `head` begins the recording's chain. */
  opened(id: SessionId, head: string | null): Promise<void>;
  /** Comes after the recording was sealed, or could not be. */
  closed(id: SessionId, report: SessionReport, sealed: SealOutcome): Promise<void>;
  /** A worker turned a connection away by itself. */
  refused(refusal: ConnectionRefusal): void;
};

/** What control found of a recording when it sealed it. */
export type SealOutcome =
  /** The session came to its end before there was anything to record. */
  | { readonly kind: 'none' }
  | {
      readonly kind: 'sealed';
      readonly state: 'closed' | 'interrupted';
      readonly headAtStart: string | null;
      readonly head: string | null;
      readonly chunks: number;
      readonly bytes: number;
      /** SHA-256 of the signed manifest. */
      readonly manifest: string;
      /** Where the folder was not what the worker said, one sentence each. */
      readonly doubts: readonly string[];
    }
  | { readonly kind: 'failed' };
