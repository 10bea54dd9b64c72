import type { Grant } from '../../access/grant.ts';
import type { EngagementId, GrantId, PersonId, SessionId, TargetId } from '../../access/ids.ts';
import type { RecordingMarks, Session, SessionEnd } from '../../access/session.ts';

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
  /** The targets that these had sessions on, ever. */
  targets(filter: Pick<SessionFilter, 'personIds' | 'engagementIds'>): Promise<readonly TargetId[]>;
  /** The latest ones first. */
  list(filter: SessionFilter): Promise<readonly Session[]>;
  /** False where this SSH session id (RFC 4253 §7.2), or the digest of this signed login, was accepted before; remembered until `until`. */
  acceptSshSessionId(sshSessionId: string, until: Date): Promise<boolean>;
  /** Nothing came of it: another login may be accepted on it. */
  releaseSshSessionId(sshSessionId: string): Promise<void>;
  forgetSshSessionIds(before: Date, limit: number): Promise<number>;
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
