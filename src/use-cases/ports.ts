import type { Actor, AuditEvent } from '../access/audit-event.ts';
import type { CertificateSpec } from '../access/certificate.ts';
import type { Engagement } from '../access/engagement.ts';
import type { Grant, GrantEnd } from '../access/grant.ts';
import type {
  Digest,
  EngagementId,
  Fingerprint,
  GrantId,
  PersonId,
  RequestId,
  SessionId,
  TargetId,
} from '../access/ids.ts';
import type { Person, RegisteredKey, RegistrationCode, SlackAccount, Standing } from '../access/person.ts';
import type { Policy } from '../access/policy.ts';
import type { RegistryEntry } from '../access/registry-entry.ts';
import type { RejectionOf } from '../access/rejection.ts';
import type { AccessRequest } from '../access/request.ts';
import type { Result } from '../access/result.ts';
import type { Scope } from '../access/scopes/scope.ts';
import type { RecordingMarks, Session, SessionEnd, SessionEnding } from '../access/session.ts';
import type { Shown } from '../access/shown.ts';
import type { Target } from '../access/target.ts';
import type { MessageRef, Notice, OutboxItem } from './notice.ts';

export type Clock = { now(): Date };

export type RandomSource = {
  uuid(): string;
  /** Uniform bytes from the operating system. */
  bytes(length: number): Uint8Array;
};

/** Everything that changes goes through here: one transaction, committed when `work` resolves, rolled back when it throws. */
export type Store = {
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Hears of each change after its commit, from this process and, on PostgreSQL, from every other. */
  subscribe(listener: (change: Change) => void): () => void;
};

export type RegistryMax = { readonly keys: number; readonly codes: number };

/** What others must act on at once. Delivery is at most once: whoever listens also looks again on a timer. */
export type Change =
  | { readonly kind: 'outbox' }
  | { readonly kind: 'sessions_extended'; readonly grantId: GrantId }
  | { readonly kind: 'grant_ended'; readonly grantId: GrantId }
  /** Somebody's standing or keys changed: live sessions are looked at again. */
  | { readonly kind: 'rights_changed' }
  | { readonly kind: 'registry_changed'; readonly entry: RegistryEntry }
  | { readonly kind: 'session_end_asked'; readonly sessionId: SessionId; readonly by: Actor };

export type Tx = {
  readonly persons: Persons;
  readonly keys: Keys;
  readonly engagements: Engagements;
  readonly groups: Groups;
  readonly requests: Requests;
  readonly grants: Grants;
  readonly sessions: Sessions;
  readonly audit: Audit;
  readonly outbox: Outbox;
  readonly messages: Messages;
  announce(change: Change): void;
  /** The first record that this transaction met whose seal is broken; such a record is answered as if it were not there. */
  broken(): Broken | null;
  /** Such a record was found by other means; it is told of like the others. */
  breaks(broken: Broken): void;
  /** Why no grant is believed at the moment; null where they are. */
  suspension(): Suspension | null;
  /** Lets grants be believed again once this transaction has committed. */
  liftSuspension(): void;
};

/** Records that carry a seal, and the number of the last sealed change. */
export type Sealed = 'account' | 'key' | 'code' | 'engagement' | 'request' | 'review' | 'head';

/** HMACs that make records believable; the database does not hold their key. */
export type Seals = {
  seal(what: Sealed, value: unknown): string;
  holds(what: Sealed, value: unknown, claimed: string): boolean;
};

/** A record that was changed, put in or brought back without control. */
export type Broken = { readonly what: Sealed | 'grant' | 'session'; readonly id: string };

/** The database is not the one that control last wrote to. */
export type Suspension = { readonly why: string; readonly at: string };

export type Audit = {
  append(event: AuditEvent): Promise<void>;
  /** The latest ones, newest first. */
  list(limit: number): Promise<readonly AuditEvent[]>;
  /** Who ended this grant, or asked for the end of this session, as the latest event about it says; null where none does. */
  enderOf(what: 'grant' | 'session', id: GrantId | SessionId): Promise<Actor | null>;
  /** What was written after an event, in order. */
  after(id: number, limit: number): Promise<AuditPage>;
  /** The id of the latest one; 0 where there is none. */
  last(): Promise<number>;
};

export type AuditPage = {
  readonly events: readonly (AuditEvent & { readonly id: number })[];
  /** Transactions older than this were over before the events were read. */
  readonly oldest: bigint;
  /** Transactions that began before the events were read are older than this. */
  readonly next: bigint;
};

export type Persons = {
  byId(id: PersonId): Promise<Person | null>;
  byIds(ids: readonly PersonId[]): Promise<readonly Person[]>;
  byAccount(teamId: string, userId: string): Promise<Person | null>;
  /** Of whichever workspace: an event names the user alone. */
  byUserId(userId: string): Promise<readonly Person[]>;
  /** `select … for update`: what ends a person's access and what gives it take turns. */
  lock(id: PersonId): Promise<Person | null>;
  /** False, and nothing written, where one of the accounts is known already. */
  insert(person: Person, name: string): Promise<boolean>;
  /** Writes what Slack says of it. */
  update(id: PersonId, seen: Omit<Person, 'id' | 'accounts'>): Promise<void>;
  /** Writes down that security is told of a doubt about them; returns those of whom it had not been told. */
  toldOfDoubt(ids: readonly PersonId[], at: Date): Promise<readonly PersonId[]>;
  /** The display name, kept apart so that it can be erased; '(name erased)' where it was. */
  name(id: PersonId): Promise<string>;
  names(ids: readonly PersonId[]): Promise<ReadonlyMap<PersonId, string>>;
  rename(id: PersonId, name: string): Promise<void>;
  all(): Promise<readonly Person[]>;
};

export type Keys = {
  /** In use, the newest last. */
  ofPerson(id: PersonId): Promise<readonly RegisteredKey[]>;
  /** False where it was retired before. */
  retire(fingerprint: Fingerprint, at: Date, by: PersonId | null): Promise<boolean>;
  retiredAmong(fingerprints: readonly Fingerprint[]): Promise<ReadonlySet<Fingerprint>>;
  /** Of everybody, retired ones too, the newest first. */
  list(limit: number): Promise<readonly RegisteredKey[]>;
  /** Also a retired one. */
  byFingerprint(fingerprint: Fingerprint): Promise<RegisteredKey | null>;
  insert(key: Omit<RegisteredKey, 'retiredAt'>): Promise<void>;
  insertCode(code: RegistrationCode): Promise<void>;
  /** Keys and codes as their rows are, whatever their seals say: nothing may be decided by it. The newest of each, the oldest first. */
  registry(max: RegistryMax): Promise<RegistryEntry[]>;
  /** Locks the code's row until the transaction ends. */
  lockCode(digest: Digest): Promise<RegistrationCode | null>;
  useCode(digest: Digest, at: Date): Promise<void>;
  /** Deletes codes that ran out before then; returns how many, at most `limit`. */
  forgetCodes(before: Date, limit: number): Promise<number>;
};

export type Engagements = {
  byId(id: EngagementId): Promise<Engagement | null>;
  byIds(ids: readonly EngagementId[]): Promise<readonly Engagement[]>;
  insert(engagement: Engagement): Promise<void>;
  /** Also those whose channel the member has left. */
  ofMember(id: PersonId): Promise<readonly Engagement[]>;
  /** False where somebody has. */
  confirm(
    id: EngagementId,
    confirmed: { readonly by: PersonId; readonly at: Date; readonly labels: readonly string[] },
  ): Promise<boolean>;
  askToConfirm(id: EngagementId, people: readonly PersonId[]): Promise<void>;
  /** Who was asked to confirm it. */
  confirmers(id: EngagementId): Promise<readonly PersonId[]>;
  inChannel(channelId: string): Promise<readonly Engagement[]>;
  /**
   * Writes down that Slack, asked at `at`, said who is in its channel: `outdated`, and nothing written, where it said so of a later
   * moment already; `read_again` where security had been told that it did not.
   */
  channelRead(id: EngagementId, at: Date, now: Date): Promise<'read' | 'read_again' | 'outdated'>;
  /** Slack names the channel of these as what it cannot show. Whether that is news: it was said of none of them since it was read. */
  channelRefused(ids: readonly EngagementId[], error: string): Promise<boolean>;
  /** Writes down that security is told that access in these rests; returns those of which it had not been told. */
  toldOfUnread(ids: readonly EngagementId[], at: Date): Promise<readonly EngagementId[]>;
  /** These members were in the channel just now. */
  seenIn(id: EngagementId, people: readonly PersonId[], at: Date): Promise<void>;
  leftFrom(id: EngagementId, people: readonly PersonId[], at: Date): Promise<void>;
  /** Members who were in the channel at some time. */
  everSeenIn(id: EngagementId): Promise<readonly PersonId[]>;
  all(): Promise<readonly Engagement[]>;
};

/** Slack user groups that policy names. */
export type Groups = {
  /** Writes down who is in one. `firstSince` is since when they were, where it is read for the first time. */
  save(groupId: string, userIds: readonly string[], at: Date, firstSince: Date): Promise<void>;
  /** The groups that one of these is in, and since when that is known. */
  of(userIds: readonly string[]): Promise<ReadonlyMap<string, Date>>;
};

export type Requests = {
  byId(id: RequestId): Promise<AccessRequest | null>;
  /** `select … for update`: concurrent decisions on one request take turns. */
  lock(id: RequestId): Promise<AccessRequest | null>;
  insert(request: AccessRequest): Promise<void>;
  /** Writes status, reviews and decision; nothing of the ask. */
  save(request: AccessRequest): Promise<void>;
  pendingOf(person: PersonId): Promise<readonly AccessRequest[]>;
  pendingForReviewer(person: PersonId): Promise<readonly AccessRequest[]>;
  /** Pending ones whose `expiresAt` has come, locked. */
  lockOverdue(now: Date, limit: number): Promise<readonly AccessRequest[]>;
};

/** A certificate as it was issued. */
export type IssuedCertificate = {
  /** 64-bit, decimal. */
  readonly serial: string;
  readonly keyId: string;
  readonly fingerprint: Fingerprint;
  /** `<type>-cert-v01@openssh.com <base64>`. */
  readonly certificate: string;
  readonly issuedAt: Date;
};

export type Grants = {
  byId(id: GrantId): Promise<Grant | null>;
  lock(id: GrantId): Promise<Grant | null>;
  byRequest(id: RequestId): Promise<Grant | null>;
  insert(grant: Grant): Promise<void>;
  end(id: GrantId, end: GrantEnd): Promise<void>;
  ofPerson(id: PersonId): Promise<readonly Grant[]>;
  list(filter: { readonly activeAt?: Date; readonly limit: number }): Promise<readonly Grant[]>;
  /** Neither ended nor noted as expired, the one that expires first first. */
  open(): Promise<readonly { readonly id: GrantId; readonly expiresAt: Date }[]>;
  /** Those of these that still are, and that no other transaction has locked. */
  lockOpen(ids: readonly GrantId[]): Promise<readonly Grant[]>;
  noteExpiry(id: GrantId, at: Date): Promise<void>;
  insertCertificate(grantId: GrantId | null, certificate: IssuedCertificate): Promise<void>;
  certificates(id: GrantId): Promise<readonly IssuedCertificate[]>;
};

export type SessionFilter = {
  readonly limit: number;
  readonly live?: boolean;
  readonly since?: Date;
  /** Only what comes after this one in the list. */
  readonly after?: SessionId;
  readonly personIds?: readonly PersonId[];
  readonly engagementIds?: readonly EngagementId[];
  readonly targetId?: string;
  /** How the id begins. */
  readonly prefix?: string;
};

export type Sessions = {
  byId(id: SessionId): Promise<Session | null>;
  lock(id: SessionId): Promise<Session | null>;
  /** `burstId` is the id of the first session of the burst: its own where it begins one. */
  insert(session: Session, burstId: SessionId): Promise<void>;
  end(id: SessionId, end: SessionEnd): Promise<void>;
  /** It goes on under another grant. */
  extend(id: SessionId, under: Pick<Grant, 'id' | 'digest'>): Promise<void>;
  /** Writes what is given of the recording's heads and state. */
  markRecording(id: SessionId, marks: Partial<RecordingMarks>): Promise<void>;
  /** The burst that a session of this grant and target beginning now belongs to, if one began after `since`. */
  openBurst(grantId: GrantId, targetId: TargetId, since: Date): Promise<SessionId | null>;
  burstOf(id: SessionId): Promise<SessionId | null>;
  ofBurst(burstId: SessionId): Promise<readonly Session[]>;
  liveOfGrant(id: GrantId): Promise<readonly Session[]>;
  live(): Promise<readonly Session[]>;
  /** The latest ones first. */
  list(filter: SessionFilter): Promise<readonly Session[]>;
  /** False where this SSH session id (RFC 4253 §7.2), or the digest of this signed login, was accepted before; remembered until `until`. */
  acceptSshSessionId(sshSessionId: string, until: Date): Promise<boolean>;
  /** Nothing came of it: another login may be accepted on it. */
  releaseSshSessionId(sshSessionId: string): Promise<void>;
  forgetSshSessionIds(before: Date, limit: number): Promise<number>;
};

export type Outbox = {
  /** False where the message exists already, or an equal notice is waiting. */
  enqueue(notice: Notice, lane: string): Promise<boolean>;
  /** The heads of the lanes that are due: first those of lanes in which somebody waits, then the oldest. */
  due(now: Date, limit: number): Promise<readonly OutboxItem[]>;
  /** Written before Slack is called, so that a crash in between is known afterwards. False where it waits no longer. */
  attempting(id: number, at: Date): Promise<boolean>;
  /** `doubtful` where Slack may have acted all the same. */
  retryAt(id: number, at: Date, error: string, doubtful: boolean): Promise<void>;
  /** The place is refused since `at`, or since it was first written down. */
  hold(id: number, at: Date): Promise<void>;
  delivered(id: number): Promise<void>;
  /** Slack will never take it; kept for operators, and its lane goes on. */
  bury(id: number, error: string): Promise<void>;
  /** Buries a lane's messages that have waited since before then; their keys, oldest first. */
  giveUp(lane: string, before: Date, error: string): Promise<readonly string[]>;
  /** Has a message that was delivered, or given up, posted anew before everything else in its lane. */
  again(notice: Notice, lane: string): Promise<void>;
  /** Whether this message still waits, and an attempt at it may have reached Slack. */
  inDoubt(key: string): Promise<boolean>;
  /** How many wait, in all or in one lane. */
  waiting(lane?: string): Promise<number>;
  /** Deletes what was delivered, or buried, and enqueued before then; returns how many, at most `limit`. */
  forget(status: 'delivered' | 'buried', before: Date, limit: number): Promise<number>;
};

export type Messages = {
  put(ref: MessageRef): Promise<void>;
  get(key: string): Promise<MessageRef | null>;
  forget(key: string): Promise<void>;
  /** A channel has another id from now on: messages and engagements in it go along. */
  moveChannel(oldId: string, newId: string, at: Date): Promise<void>;
  /** The id that a channel has today. */
  channelNow(id: string): Promise<string>;
};

/** What control's keys do. Everything it returns was read back and checked. */
export type CertificateAuthority = {
  /** Signed by the user CA, for the key that a contractor registered. */
  issueDownstream(publicKey: string, spec: CertificateSpec): IssuedCertificate;
  /** Signed by the target CA, for a key that lives in one worker for one session. */
  issueUpstream(publicKeyBlob: Uint8Array, spec: CertificateSpec): IssuedCertificate;
  /** SHA-256 over RFC 8785 JSON. */
  digest(value: unknown): Digest;
  /** HMAC that makes a grant believable; the database does not hold its key. */
  seal(grantId: GrantId, digest: Digest): string;
  sealed(grantId: GrantId, digest: Digest, mac: string): boolean;
  /** Verifies what a client signed to log in; returns what follows from it and nothing that was merely claimed. */
  verifyProof(proof: UserauthProof, remoteAddress: string, now: Date): Result<VerifiedProof, ProofRejection>;
};

export type ProofRejection = RejectionOf<
  'proof_invalid' | 'certificate_refused' | 'certificate_expired' | 'key_too_weak'
>;

/** RFC 4252 §7: the signed data, which begins with the SSH session id, and the signature over it. */
export type UserauthProof = { readonly signed: Uint8Array; readonly signature: Uint8Array };

export type VerifiedProof = {
  /** Hex. */
  readonly sshSessionId: string;
  /** SHA-256 of the signed data, hex: this login and no other. */
  readonly digest: string;
  /** The login name that the client signed. */
  readonly userName: string;
  /** Of the plain key, also where a certificate was presented. */
  readonly fingerprint: Fingerprint;
  /** `<type> <base64>` of the plain key. */
  readonly publicKey: string;
  /** Present where a certificate of the user CA, valid now and from this address, was presented. */
  readonly certificate: {
    readonly principals: readonly string[];
    readonly keyId: string;
    readonly serial: string;
    readonly validBefore: Date;
  } | null;
};

/** Each part is what the configuration says at the moment it is read; a reload changes all of them at once. */
export type Inventory = {
  readonly site: string;
  readonly targets: readonly Target[];
  readonly policy: Policy;
  /** Built-in ones and the operator's own: what can be asked for. */
  readonly scopes: readonly Scope[];
  find(id: TargetId): Target | null;
};

/** What a worker carries, as control decided it; unlike the session's record it is in memory only. */
export type Carried = {
  readonly session: SessionId;
  /** Under which it runs now. */
  readonly grantId: GrantId;
  readonly personId: PersonId;
  readonly keyFingerprint: Fingerprint;
};

/** The gateway workers, as control sees them. */
export type Gateways = {
  carried(): readonly Carried[];
  /** Ends live sessions: both TCP sides are destroyed without waiting for either peer. */
  terminate(sessions: readonly SessionId[], order: TerminationOrder): void;
  /**
   * A live session goes on until this grant's end, where the grant allows what runs, and ends later than what it runs under. Returns
   * whether it runs under it now.
   */
  extend(session: SessionId, under: Grant): boolean;
  /** Shows what passes in a live session from now on; null where no worker carries it. */
  watch(session: SessionId, watcher: Watcher): (() => void) | null;
};

/** Somebody who looks on at a session; it does not wait for them. */
export type Watcher = {
  /** What the person reads of it; null where policy says to be silent. */
  readonly told: string | null;
  see(shown: Shown): void;
  /** There is nothing more to see. */
  over(): void;
};

export type TerminationOrder = {
  readonly why: Extract<SessionEnding, { how: 'terminated' }>['why'];
  /** One line for the person's terminal. */
  readonly message: string;
};

/** What Slack says of an account at this moment. */
export type Directory = {
  lookup(account: SlackAccount): Promise<Profile | null>;
};
export type Profile = {
  /** Null where Slack does not say, as of deactivated accounts: what was known stays. */
  readonly name: string | null;
  readonly standing: Standing | null;
  readonly active: boolean;
};
