import { z } from 'zod';
import { AuthorizedSession } from '../../access/authorized-session.ts';
import { Digest, EngagementId, Fingerprint, GrantId, PersonId, SessionId, TargetId } from '../../access/ids.ts';
import { RegistryEntry } from '../../access/registry-entry.ts';
import { Route, SshSessionId } from '../../access/route.ts';
import { TerminationReason } from '../../access/session.ts';
import { ChainHead, SessionReport } from '../../access/session-report.ts';
import { Shown } from '../../access/shown.ts';
import {
  ASKED_ENGAGEMENTS_MAX,
  CARRIED_TOLD_MAX,
  FIRST_WORDS_MAX,
  REFUSALS_KEPT_MAX,
  REGISTRY_PIECE_MAX,
  REPORT_CHANNELS_MAX,
} from '../limits.ts';
import { CIPHERS, KEX, MACS } from '../ssh/algorithms.ts';
import { LOGIN_CODES } from './login-reasons.ts';

/**
 * The narrow path between control and a worker: JSON messages over a pipe, checked on both sides. Bytes are
 * base64, dates are milliseconds since the epoch.
 */

const Bytes = z.base64().max(65_536);
/** Of a client, without its port. */
export const RemoteAddress = z.string().max(64);
const Millis = z.int().nonnegative();
const Correlation = z.int().nonnegative();
const Sentence = z.string().max(2_000);
/** What one may say to the gateway itself, and what it answers. */
export const WORDS_MAX = 1_024;
export const ANSWER_MAX = 65_536;
/** A request has up to 50 targets, and its reason up to 1,000 lines. */
const APPROVAL_LINES_MAX = 1_100;

/** Why a worker turns a connection away without asking control. */
const OWN_REFUSALS = [
  'bad_login_name',
  'certificate_expired',
  'certificate_refused',
  'key_too_weak',
  'unknown_key',
  'key_retired',
  'code_unknown',
  'code_expired',
  'proof_invalid',
  'too_many_failures',
  'too_many_offers',
  'no_certificate',
  'no_key',
  'key_kind_not_taken',
  'no_common_algorithm',
] as const;
export type OwnRefusal = (typeof OWN_REFUSALS)[number];

const { shape: Report } = SessionReport;

export const FromWorker = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('heartbeat'), sessions: z.int().nonnegative() }),
  /** It knows what the last `registry` said. */
  z.strictObject({ type: z.literal('registry_taken') }),
  z.strictObject({
    type: z.literal('authorize'),
    id: Correlation,
    signed: Bytes,
    signature: Bytes,
    remoteAddress: RemoteAddress,
    route: Route,
    sessionKey: Bytes.nullable(),
  }),
  z.strictObject({
    type: z.literal('refused'),
    remoteAddress: RemoteAddress,
    reason: z.enum(OWN_REFUSALS),
    /** Of a key whose signature was verified. */
    fingerprint: Fingerprint.nullable(),
  }),
  /** The person of a jump asks the gateway itself. */
  z.strictObject({
    type: z.literal('ask'),
    id: Correlation,
    sshSessionId: SshSessionId,
    words: z.string().max(WORDS_MAX),
  }),
  /** That jump is over: nothing more is asked on it. */
  z.strictObject({ type: z.literal('jump_over'), sshSessionId: SshSessionId }),
  /** The recording accepts; its hash chain begins with `head`. */
  z.strictObject({ type: z.literal('opened'), session: SessionId, head: ChainHead }),
  /** Both connections of a session are dead; its report follows once the recording is written. */
  z.strictObject({ type: z.literal('cut'), session: SessionId }),
  /** What it carries of whom it was asked about. */
  z.strictObject({ type: z.literal('carrying'), id: Correlation, sessions: z.array(SessionId).max(CARRIED_TOLD_MAX) }),
  z.strictObject({ type: z.literal('watched'), watch: Correlation, shown: z.array(Shown).max(10_000) }),
  /** The session that was watched is over. */
  z.strictObject({ type: z.literal('watch_over'), watch: Correlation }),
  z.strictObject({
    type: z.literal('closed'),
    session: SessionId,
    ...Report,
    channels: Report.channels.unwrap().max(REPORT_CHANNELS_MAX).readonly(),
    /** With one that says how many more there were. */
    refusals: Report.refusals
      .unwrap()
      .max(REFUSALS_KEPT_MAX + 1)
      .readonly(),
  }),
]);
export type FromWorker = z.infer<typeof FromWorker>;

/** What is written to the person who asked the gateway itself. */
const Served = z.strictObject({
  stdout: z.string().max(ANSWER_MAX),
  stderr: z.string().max(2_000),
  exit: z.int().min(0).max(255),
});
export type Served = Readonly<z.infer<typeof Served>>;

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
    algorithms: z.strictObject({
      kex: z.array(z.enum(KEX)).min(1),
      macs: z.array(z.enum(MACS)).min(1),
      ciphers: z.array(z.enum(CIPHERS)).min(1).nullable(),
    }),
    minFreeMiB: z.int().nonnegative(),
    /** age recipients to whom recordings are readable; workers hold no identity. */
    recipients: z.array(z.string().max(4_096)).min(1).max(16),
    /** Where the gateway itself is reached. */
    gateway: z.strictObject({ hosts: z.array(z.string()).max(16), ports: z.array(z.int().min(1).max(65_535)).max(4) }),
    limits: z.strictObject({
      kexMs: z.int().positive(),
      loginMs: z.int().positive(),
      leaseNewMs: z.int().positive(),
      leaseLiveMs: z.int().positive(),
      channelsPerConnection: z.int().positive(),
      tunnelsPerConnection: z.int().positive(),
      keepaliveMs: z.int().positive(),
      unansweredMs: z.int().positive(),
      rekeyBytes: z.int().positive(),
      rekeyMs: z.int().positive(),
      rekeyAnswerMs: z.int().positive(),
      targetLoginMs: z.int().positive(),
    }),
  }),
  z.strictObject({
    type: z.literal('authorized'),
    id: Correlation,
    answer: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('refused'), code: z.enum(LOGIN_CODES), message: Sentence }),
      z.strictObject({
        kind: z.literal('jump'),
        personId: PersonId,
        endsAt: Millis,
        targetIds: z.array(TargetId),
        /** Why it leads to none. */
        noTargets: Sentence.nullable(),
      }),
      z.strictObject({ kind: z.literal('registered'), lines: z.array(z.string()).max(20) }),
      /** What the login's signature approves, for its person to read. */
      z.strictObject({ kind: z.literal('approval'), lines: z.array(Sentence).max(APPROVAL_LINES_MAX) }),
      z.strictObject({
        kind: z.literal('session'),
        session: z.strictObject({ ...AuthorizedSession.shape, endsAt: Millis }),
      }),
    ]),
  }),
  /** What is registered: some of it before `start`, each change later. */
  z.strictObject({ type: z.literal('registry'), entries: z.array(RegistryEntry).max(REGISTRY_PIECE_MAX) }),
  z.strictObject({ type: z.literal('served'), id: Correlation, ...Served.shape }),
  z.strictObject({
    type: z.literal('terminate'),
    sessions: z.array(SessionId),
    why: TerminationReason,
    message: Sentence,
  }),
  /** `told`: what the person reads of it; null where policy says to be silent. */
  z.strictObject({ type: z.literal('watch'), session: SessionId, watch: Correlation, told: Sentence.nullable() }),
  z.strictObject({ type: z.literal('unwatch'), session: SessionId, watch: Correlation }),
  /** It goes on under another grant, until a later moment. */
  z.strictObject({
    type: z.literal('extend'),
    session: SessionId,
    grantId: GrantId,
    grantDigest: Digest,
    endsAt: Millis,
  }),
  /** What does it carry of a person, in engagements, or both? Null is any. */
  z.strictObject({
    type: z.literal('carries'),
    id: Correlation,
    personId: PersonId.nullable(),
    engagementIds: z.array(EngagementId).max(ASKED_ENGAGEMENTS_MAX).nullable(),
  }),
  /** Renews the worker's lease: how long ago control knew what was revoked. */
  z.strictObject({ type: z.literal('heartbeat'), knownMsAgo: z.number().nonnegative() }),
  z.strictObject({ type: z.literal('drain'), ms: z.int().nonnegative() }),
  /** A connection that has not logged in loses its place to others; the client is told. */
  z.strictObject({ type: z.literal('turn_away'), connection: Correlation, message: Sentence }),
]);
export type ToWorker = z.infer<typeof ToWorker>;

/** What comes with each connection: where it comes from, and what its client has said. */
export const Handed = z.strictObject({
  connection: Correlation,
  remoteAddress: RemoteAddress,
  head: z.base64().max(Math.ceil(FIRST_WORDS_MAX / 3) * 4),
});
export type Handed = z.infer<typeof Handed>;

/** How far a connection has come, for who hands them over; control hears nothing of it. */
export const AtDoor = z.strictObject({
  type: z.literal('at_door'),
  connection: Correlation,
  /** `offer`: of a valid certificate, of a registered key, or of any key with a code that can be used. */
  reached: z.enum(['kex', 'offer', 'in', 'gone']),
  /** Whose offer it is: the key's fingerprint, or the code's digest. */
  key: z.union([Fingerprint, Digest]).nullable(),
});
export type AtDoor = z.infer<typeof AtDoor>;

export type Answer = Extract<ToWorker, { type: 'authorized' }>['answer'];
export type Ask = Omit<Extract<FromWorker, { type: 'authorize' }>, 'type' | 'id'>;
