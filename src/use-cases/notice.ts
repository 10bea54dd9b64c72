import type { SpaceLevel } from '../access/disk-space.ts';
import type { EngagementId, Fingerprint, GrantId, PersonId, RequestId, SessionId, TargetId } from '../access/ids.ts';

/**
 * Something people are to be told. A notice names what it is about; its words are made when it is delivered, from the state
 * at that moment. One notice is one message, posted or updated.
 */
export type Notice =
  /** The engagement's root message, with a Request button. */
  | { readonly kind: 'engagement_opened'; readonly engagementId: EngagementId }
  /** To somebody who may confirm a first engagement on a label, with a Confirm button; and the same once somebody did. */
  | { readonly kind: 'engagement_confirm'; readonly engagementId: EngagementId; readonly to: PersonId }
  | { readonly kind: 'engagement_confirm_changed'; readonly engagementId: EngagementId; readonly to: PersonId }
  /** Direct message to `to`: the key's owner, or the sponsor of an engagement the owner works in. */
  | { readonly kind: 'key_registered'; readonly fingerprint: Fingerprint; readonly to: PersonId }
  /** To the owner of a key that was taken away. */
  | { readonly kind: 'key_retired'; readonly fingerprint: Fingerprint; readonly to: PersonId }
  /** A review card: `to` is the reviewer who gets it as a direct message, null for the engagement's thread. */
  | { readonly kind: 'review_card'; readonly requestId: RequestId; readonly to: PersonId | null }
  /** Brings a posted review card up to date; does nothing where none was posted. */
  | { readonly kind: 'review_card_changed'; readonly requestId: RequestId; readonly to: PersonId | null }
  /** Tells the requester that the request was received, and by whom it will be reviewed. */
  | { readonly kind: 'request_received'; readonly requestId: RequestId }
  /** Tells the requester of a denial or an expired request. */
  | { readonly kind: 'request_closed'; readonly requestId: RequestId }
  /** What was granted and what to type, to the contractor. */
  | { readonly kind: 'grant_issued'; readonly grantId: GrantId }
  /** Has a posted one say that the access is over; does nothing where none was posted. */
  | { readonly kind: 'grant_issued_changed'; readonly grantId: GrantId }
  /** To the contractor: somebody else ended the access. */
  | { readonly kind: 'grant_revoked'; readonly grantId: GrantId }
  /** Certificate, ssh_config and the lines that install them, to the contractor who asked for files. */
  | { readonly kind: 'grant_files'; readonly grantId: GrantId }
  /** Granted by whom, until when, digest: to the thread. */
  | { readonly kind: 'grant_announced'; readonly grantId: GrantId }
  /** Takes the button from a posted announcement once there is nothing to revoke; does nothing where none was posted. */
  | { readonly kind: 'grant_announced_changed'; readonly grantId: GrantId }
  /** The line that a burst of sessions shares in the thread: posted first, updated afterwards. */
  | { readonly kind: 'session_line'; readonly burstId: SessionId }
  /** Commands, addresses and file transfers, to security's channel. */
  | { readonly kind: 'session_detail'; readonly sessionId: SessionId }
  /** "Access ended, 0 live sessions": sent once no session of the grant lives. */
  | { readonly kind: 'grant_ended'; readonly grantId: GrantId }
  /** A target showed a host key that is not pinned: to the thread. */
  | {
      readonly kind: 'host_key_mismatch';
      readonly engagementId: EngagementId;
      readonly targetId: TargetId;
      readonly sessionId: SessionId;
    }
  /** Somebody is gone, and what they had has ended: to security's channel. `at` is ISO 8601; null is every engagement. */
  | {
      readonly kind: 'person_gone';
      readonly personId: PersonId;
      readonly why: GoneWhy;
      readonly engagementId: EngagementId | null;
      readonly at: string;
      readonly grants: number;
      readonly sessions: number;
    }
  /** Slack has not confirmed these people for too long, so that their access rests: to security's channel. */
  | {
      readonly kind: 'people_in_doubt';
      readonly at: string;
      /** The first of them. */
      readonly personIds: readonly PersonId[];
      readonly count: number;
      readonly sessions: number;
      readonly doubtSeconds: number;
    }
  /** Slack does not show these engagements' channel, with its code for why; access rests from `restsAt` on (ISO 8601). To security. */
  | ({ readonly kind: 'channel_refused'; readonly error: string; readonly restsAt: string } & EngagementsNamed)
  /** Slack has not said for too long who is in these engagements' channels, so that access in them rests: to security's channel. */
  | ({
      readonly kind: 'channels_in_doubt';
      readonly sessions: number;
      readonly doubtSeconds: number;
    } & EngagementsNamed)
  /** It says so again. */
  | ({ readonly kind: 'channel_read_again' } & EngagementsNamed)
  /** Recordings run out of space, or have some again: to security's channel. `at` is ISO 8601. */
  | {
      readonly kind: 'free_space';
      readonly at: string;
      readonly level: SpaceLevel;
      readonly freeMiB: number;
      readonly minFreeMiB: number;
    }
  /**
   * A record was changed without control, and counts for nothing: to security's channel. `isLast`: of more the audit log alone tells.
   * `at` is ISO 8601.
   */
  | {
      readonly kind: 'record_changed';
      readonly what: string;
      readonly id: string;
      readonly at: string;
      readonly isLast: boolean;
    }
  /** No grant counts until an operator has looked: to security's channel. `at` is ISO 8601. */
  | { readonly kind: 'grants_suspended'; readonly why: string; readonly at: string }
  /**
   * What became of messages that Slack does not take for now: to security's channel, or, where that is the place that is refused, to
   * the Slack user `to`. `at` is ISO 8601, `error` Slack's code.
   */
  | {
      readonly kind: 'delivery';
      readonly state: DeliveryState;
      readonly lane: string;
      readonly at: string;
      readonly error: string;
      /** How many were given up; 0 in other states. */
      readonly count: number;
      readonly to: string | null;
    };

type EngagementsNamed = {
  /** ISO 8601. */
  readonly at: string;
  /** The first of them. */
  readonly engagementIds: readonly EngagementId[];
  readonly count: number;
};

export const GONE_WHY = ['deactivated', 'unseen', 'left_channel'] as const;
export type GoneWhy = (typeof GONE_WHY)[number];
export const DELIVERY_STATES = ['held', 'resumed', 'given_up'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export type NoticeKind = Notice['kind'];

/** Where a message went, so that it can be updated. `key` is the notice's message key. */
export type MessageRef = { readonly key: string; readonly channelId: string; readonly ts: string };

export type OutboxItem = {
  readonly id: number;
  readonly notice: Notice;
  /** Identifies the message for good: one message exists per key, however often delivery was tried. */
  readonly key: string;
  /** Items of one lane are delivered in order. */
  readonly lane: string;
  readonly attempts: number;
  /** Set when an earlier attempt may have reached Slack without our hearing of it. */
  readonly attemptedAt: Date | null;
  /** Since when Slack refuses the place where it goes. */
  readonly heldSince: Date | null;
  /** Of the most urgent message in the lane, which has to wait for this one. */
  readonly urgency: Urgency;
};

/** 0: somebody waits for it; 1: somebody should know soon; 2: it is read later. */
export type Urgency = 0 | 1 | 2;

const URGENCY: Readonly<Record<NoticeKind, Urgency>> = {
  engagement_opened: 0,
  engagement_confirm: 0,
  engagement_confirm_changed: 0,
  review_card: 0,
  review_card_changed: 0,
  request_received: 0,
  request_closed: 0,
  grant_issued: 0,
  grant_files: 0,
  grant_announced: 1,
  grant_ended: 1,
  key_registered: 1,
  key_retired: 1,
  host_key_mismatch: 1,
  person_gone: 1,
  people_in_doubt: 1,
  channel_refused: 1,
  channels_in_doubt: 1,
  channel_read_again: 1,
  free_space: 1,
  record_changed: 1,
  grants_suspended: 1,
  delivery: 1,
  grant_announced_changed: 1,
  grant_issued_changed: 1,
  grant_revoked: 1,
  session_line: 2,
  session_detail: 2,
};

export const urgencyOf = (kind: NoticeKind): Urgency => URGENCY[kind];

/** The message a notice is, so that an update finds what was posted. */
export function messageKey(notice: Notice): string {
  switch (notice.kind) {
    case 'engagement_opened':
      return `engagement:${notice.engagementId}`;
    case 'engagement_confirm':
    case 'engagement_confirm_changed':
      return `confirm:${notice.engagementId}:${notice.to}`;
    case 'key_registered':
      return `key:${notice.fingerprint}:${notice.to}`;
    case 'key_retired':
      return `retired:${notice.fingerprint}:${notice.to}`;
    case 'review_card':
    case 'review_card_changed':
      return `review:${notice.requestId}:${notice.to ?? 'thread'}`;
    case 'request_received':
      return `received:${notice.requestId}`;
    case 'request_closed':
      return `closed:${notice.requestId}`;
    case 'grant_issued':
    case 'grant_issued_changed':
      return `issued:${notice.grantId}`;
    case 'grant_revoked':
      return `revoked:${notice.grantId}`;
    case 'grant_files':
      return `files:${notice.grantId}`;
    case 'grant_announced':
    case 'grant_announced_changed':
      return `granted:${notice.grantId}`;
    case 'session_line':
      return `sessions:${notice.burstId}`;
    case 'session_detail':
      return `detail:${notice.sessionId}`;
    case 'grant_ended':
      return `ended:${notice.grantId}`;
    case 'host_key_mismatch':
      return `mismatch:${notice.sessionId}`;
    case 'person_gone':
      return `gone:${notice.personId}:${notice.engagementId ?? 'all'}:${notice.at}`;
    case 'people_in_doubt':
      return `doubt:${notice.at}`;
    case 'channel_refused':
    case 'channels_in_doubt':
    case 'channel_read_again':
      return `${notice.kind}:${notice.engagementIds[0] ?? ''}:${notice.at}`;
    case 'free_space':
      return `space:${notice.at}`;
    case 'record_changed':
      return `changed:${notice.what}:${notice.id}:${notice.at}`;
    case 'grants_suspended':
      return `suspended:${notice.at}`;
    case 'delivery':
      return `delivery:${notice.state}:${notice.lane}:${notice.at}:${notice.to ?? 'channel'}`;
  }
}

/** Whether a further notice of the same message may stand: the others are sent once for good. */
export const isRepeatable = (kind: NoticeKind): boolean =>
  kind === 'review_card_changed' ||
  kind === 'engagement_confirm_changed' ||
  kind === 'grant_announced_changed' ||
  kind === 'grant_issued_changed' ||
  kind === 'session_line';

/** Messages of one thread, one direct conversation, or security's channel arrive in the order in which things happened. */
export const threadLane = (engagement: string): string => `thread:${engagement}`;
export const directLane = (person: string): string => `dm:${person}`;
export const SECURITY_LANE = 'security';
