import { z } from 'zod';
import { Digest, EngagementId, Fingerprint, GrantId, Login, PersonId, SessionId, TargetId } from '../access/ids.ts';
import { Scope } from '../access/scope.ts';
import { ChannelSummary, SessionEnding, TerminationReason } from '../access/session.ts';

/**
 * The narrow path between control and a worker: JSON messages over the child's IPC channel, checked on both sides. Bytes are
 * base64, dates are milliseconds since the epoch.
 */

const Bytes = z.base64().max(65_536);
const Millis = z.int().nonnegative();
const Correlation = z.int().nonnegative();
const Sentence = z.string().max(2_000);

const Route = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('direct') }),
  z.strictObject({ kind: z.literal('jump') }),
  z.strictObject({
    kind: z.literal('inner'),
    targetName: z.string().max(255),
    outerSshSessionId: z.string().regex(/^[0-9a-f]{40,128}$/),
  }),
]);

export const FromWorker = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('heartbeat'), sessions: z.int().nonnegative() }),
  z.strictObject({
    type: z.literal('authorize'),
    id: Correlation,
    signed: Bytes,
    signature: Bytes,
    remoteAddress: z.string().max(64),
    route: Route,
    sessionKey: Bytes.nullable(),
  }),
  z.strictObject({ type: z.literal('opened'), session: SessionId }),
  /** Both connections of a session are dead; its report follows once the recording is written. */
  z.strictObject({ type: z.literal('cut'), session: SessionId }),
  z.strictObject({
    type: z.literal('closed'),
    session: SessionId,
    ending: SessionEnding,
    channels: z.array(ChannelSummary).max(1_000),
    refusals: z.array(Sentence).max(20),
  }),
]);
export type FromWorker = z.infer<typeof FromWorker>;

const AuthorizedSession = z.strictObject({
  id: SessionId,
  grantId: GrantId,
  grantDigest: Digest,
  engagementId: EngagementId,
  personId: PersonId,
  keyFingerprint: Fingerprint,
  targetId: TargetId,
  targetName: z.string(),
  address: z.string(),
  port: z.int(),
  hostKeys: z.array(z.string()),
  login: Login,
  scope: Scope,
  endsAt: Millis,
  certificate: z.string(),
});

export const ToWorker = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('start'),
    site: z.string(),
    /** OpenSSH PEM. */
    hostKey: z.string(),
    /** `<type> <base64>`. */
    userCa: z.string(),
    /** The worker creates one 0700 folder per session below it. */
    spool: z.string(),
    minFreeMiB: z.int().nonnegative(),
    /** Where the gateway itself is reached. */
    gateway: z.strictObject({ hosts: z.array(z.string()).max(16), port: z.int().min(0).max(65_535) }),
    limits: z.strictObject({
      unauthenticated: z.int().positive(),
      unauthenticatedPerAddress: z.int().positive(),
      kexMs: z.int().positive(),
      loginMs: z.int().positive(),
      leaseNewMs: z.int().positive(),
      leaseLiveMs: z.int().positive(),
    }),
  }),
  z.strictObject({ type: z.literal('socket'), remoteAddress: z.string() }),
  z.strictObject({
    type: z.literal('authorized'),
    id: Correlation,
    answer: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('refused'), code: z.string(), message: Sentence }),
      z.strictObject({
        kind: z.literal('jump'),
        personId: PersonId,
        endsAt: Millis,
        targetIds: z.array(TargetId),
      }),
      z.strictObject({ kind: z.literal('registered'), lines: z.array(z.string()).max(20) }),
      z.strictObject({ kind: z.literal('session'), session: AuthorizedSession }),
    ]),
  }),
  z.strictObject({
    type: z.literal('terminate'),
    sessions: z.array(SessionId),
    why: TerminationReason,
    message: Sentence,
  }),
  z.strictObject({ type: z.literal('heartbeat') }),
  z.strictObject({ type: z.literal('drain') }),
]);
export type ToWorker = z.infer<typeof ToWorker>;
