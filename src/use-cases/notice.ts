import { z } from 'zod';
import { SPACE_LEVELS } from '../access/disk-space.ts';
import { ENDING_MINUTES, type EndingMinutes } from '../access/ending-notice.ts';
import {
  EngagementChangeId,
  EngagementId,
  Fingerprint,
  GrantId,
  OffboardingId,
  PersonId,
  RequestId,
  SessionId,
  TargetId,
} from '../access/ids.ts';

/**
 * Something people are to be told. A notice names what it is about; its words are made when it is delivered, from the state
 * at that moment. One notice is one message, posted or updated. A new kind has a row here and its words in slack/messages/render.ts.
 */

const GONE_WHY = ['deactivated', 'unseen', 'left_channel'] as const;
export type GoneWhy = (typeof GONE_WHY)[number];
const DELIVERY_STATES = ['held', 'resumed', 'given_up'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** 0: somebody waits for it; 1: somebody should know soon; 2: it is read later. */
export type Urgency = 0 | 1 | 2;

type Kind<Fields extends z.ZodRawShape> = {
  readonly urgency: Urgency;
  readonly fields: Fields;
  /** The message that a notice is, so that an update finds what was posted. */
  readonly key: (notice: z.output<z.ZodObject<Fields>>) => string;
  /** Whether a further notice of the same message may wait; the others are sent once. */
  readonly isRepeatable: boolean;
};

const once = <Fields extends z.ZodRawShape>(
  urgency: Urgency,
  fields: Fields,
  key: Kind<Fields>['key'],
): Kind<Fields> => ({ urgency, fields, key, isRepeatable: false });

const repeated = <Fields extends z.ZodRawShape>(...row: Parameters<typeof once<Fields>>): Kind<Fields> => ({
  ...once(...row),
  isRepeatable: true,
});

const Instant = z.iso.datetime();
const Count = z.int().nonnegative();
/** Of many engagements the first, and how many there are. */
const engagementsNamed = { at: Instant, engagementIds: z.array(EngagementId).readonly(), count: Count };
const named = ({ at, engagementIds }: { at: string; engagementIds: readonly string[] }): string =>
  `${engagementIds[0] ?? ''}:${at}`;

type Grants = { grantId: GrantId };
type Confirm = { engagementId: EngagementId; to: PersonId };
type Change = { changeId: EngagementChangeId; to: PersonId | null };
type Review = { requestId: RequestId; to: PersonId | null };
const confirmKey = ({ engagementId, to }: Confirm): string => `confirm:${engagementId}:${to}`;
const changeKey = ({ changeId, to }: Change): string => `change:${changeId}:${to ?? 'thread'}`;
const reviewKey = ({ requestId, to }: Review): string => `review:${requestId}:${to ?? 'thread'}`;
const issuedKey = ({ grantId }: Grants): string => `issued:${grantId}`;
const grantedKey = ({ grantId }: Grants): string => `granted:${grantId}`;
const ending = { grantId: GrantId, minutes: z.literal(ENDING_MINUTES) };
const endingKey = ({ grantId, minutes }: Grants & { minutes: EndingMinutes }): string => `ending:${grantId}:${minutes}`;

const KINDS = {
  /** The engagement's root message, with a Request button. */
  engagement_opened: once(0, { engagementId: EngagementId }, ({ engagementId }) => `engagement:${engagementId}`),
  /** To somebody who may confirm a first engagement on a label, with a Confirm button; and the same once somebody did. */
  engagement_confirm: once(0, { engagementId: EngagementId, to: PersonId }, confirmKey),
  engagement_confirm_changed: repeated(0, { engagementId: EngagementId, to: PersonId }, confirmKey),
  /** Brings the root message up to date; does nothing where none was posted. */
  engagement_updated: repeated(2, { engagementId: EngagementId }, ({ engagementId }) => `engagement:${engagementId}`),
  /** A change to an engagement: to a reviewer with buttons while it waits, or, with null, to the thread. */
  change_card: once(0, { changeId: EngagementChangeId, to: PersonId.nullable() }, changeKey),
  change_card_changed: repeated(0, { changeId: EngagementChangeId, to: PersonId.nullable() }, changeKey),
  /** Direct message to `to`: the key's owner, or the sponsor of an engagement the owner works in. */
  key_registered: once(
    1,
    { fingerprint: Fingerprint, to: PersonId },
    ({ fingerprint, to }) => `key:${fingerprint}:${to}`,
  ),
  /** A key that can sign reviews: to security's channel, because its owner's Slack may be somebody else's. */
  reviewer_key_registered: once(1, { fingerprint: Fingerprint }, ({ fingerprint }) => `reviewer_key:${fingerprint}`),
  /** To the owner of a key that was taken away. */
  key_retired: once(
    1,
    { fingerprint: Fingerprint, to: PersonId },
    ({ fingerprint, to }) => `retired:${fingerprint}:${to}`,
  ),
  /** A review card: `to` is the reviewer who gets it as a direct message, null for the engagement's thread. */
  review_card: once(0, { requestId: RequestId, to: PersonId.nullable() }, reviewKey),
  /** Brings a posted review card up to date; does nothing where none was posted. */
  review_card_changed: repeated(0, { requestId: RequestId, to: PersonId.nullable() }, reviewKey),
  /** Reminds a reviewer of a request that waits. */
  review_reminder: once(
    0,
    { requestId: RequestId, to: PersonId },
    ({ requestId, to }) => `reminder:${requestId}:${to}`,
  ),
  /** Tells the requester that the request was received, and by whom it will be reviewed. */
  request_received: once(0, { requestId: RequestId }, ({ requestId }) => `received:${requestId}`),
  /** To the requester, or to a reviewer: the comment that this many were before. */
  request_commented: once(
    0,
    { requestId: RequestId, ordinal: Count, to: PersonId },
    ({ requestId, ordinal, to }) => `comment:${requestId}:${ordinal}:${to}`,
  ),
  /** Tells the requester of a denial or an expired request. */
  request_closed: once(0, { requestId: RequestId }, ({ requestId }) => `closed:${requestId}`),
  /** What was granted and what to type, to the contractor. */
  grant_issued: once(0, { grantId: GrantId }, issuedKey),
  /** Makes a posted one say that the access has ended; does nothing where none was posted. */
  grant_issued_changed: repeated(1, { grantId: GrantId }, issuedKey),
  /** To the contractor: somebody else ended the access. */
  grant_revoked: once(1, { grantId: GrantId }, ({ grantId }) => `revoked:${grantId}`),
  /** Certificate, ssh_config and the lines that install them, to the contractor who asked for files. */
  grant_files: once(0, { grantId: GrantId }, ({ grantId }) => `files:${grantId}`),
  /** Granted by whom, until when, digest: to the thread. */
  grant_announced: once(1, { grantId: GrantId }, grantedKey),
  /** Takes the button from a posted announcement once there is nothing to revoke; does nothing where none was posted. */
  grant_announced_changed: repeated(1, { grantId: GrantId }, grantedKey),
  /** To the contractor, that many minutes before access ends: a message of its own each time, because a change is not noticed. */
  grant_ending: once(1, ending, endingKey),
  /** Makes a posted one say what has become of the access since; does nothing where none was posted. */
  grant_ending_changed: repeated(1, ending, endingKey),
  /** The same in the thread: one line that changes. It is posted only while the access is about to end. */
  grant_ending_line: repeated(2, { grantId: GrantId }, ({ grantId }) => `ending_line:${grantId}`),
  /** The line that a burst of sessions shares in the thread: posted first, updated afterwards. */
  session_line: repeated(2, { burstId: SessionId }, ({ burstId }) => `sessions:${burstId}`),
  /** What the contractor's own sessions of a burst were, to them: posted once, changed afterwards. */
  session_receipt: repeated(2, { burstId: SessionId }, ({ burstId }) => `receipt:${burstId}`),
  /** Commands, addresses and file transfers, to security's channel. */
  session_detail: once(2, { sessionId: SessionId }, ({ sessionId }) => `detail:${sessionId}`),
  /** "Access ended, 0 live sessions": sent once no session of the grant lives. */
  grant_ended: once(1, { grantId: GrantId }, ({ grantId }) => `ended:${grantId}`),
  /** A target showed a host key that is not pinned: to the thread. */
  host_key_mismatch: once(
    1,
    { engagementId: EngagementId, targetId: TargetId, sessionId: SessionId },
    ({ sessionId }) => `mismatch:${sessionId}`,
  ),
  /** What ended with an offboarding in this engagement, and whether it is proved that nothing is left: to its thread. */
  offboarding_line: repeated(
    1,
    { offboardingId: OffboardingId, engagementId: EngagementId },
    ({ offboardingId, engagementId }) => `offboarding:${offboardingId}:${engagementId}`,
  ),
  /** The same whole, with the checklist and its buttons: to security's channel. */
  offboarding_card: repeated(
    1,
    { offboardingId: OffboardingId },
    ({ offboardingId }) => `offboarding:${offboardingId}`,
  ),
  /** Everything of it is done: to the thread, and whole to security's channel. */
  offboarding_done: once(
    1,
    { offboardingId: OffboardingId, engagementId: EngagementId },
    ({ offboardingId, engagementId }) => `offboarded:${offboardingId}:${engagementId}`,
  ),
  offboarding_result: once(1, { offboardingId: OffboardingId }, ({ offboardingId }) => `offboarded:${offboardingId}`),
  /** An operator let somebody back in, everywhere or in one engagement: to security's channel. */
  person_readmitted: once(
    1,
    { personId: PersonId, engagementId: EngagementId.nullable(), account: z.string(), at: Instant },
    ({ personId, at }) => `readmitted:${personId}:${at}`,
  ),
  /** Somebody is gone, and what they had has ended: to security's channel. `engagementId` null is every engagement. */
  person_gone: once(
    1,
    {
      ...{ personId: PersonId, why: z.enum(GONE_WHY), engagementId: EngagementId.nullable() },
      ...{ at: Instant, grants: Count, sessions: Count },
    },
    ({ personId, engagementId, at }) => `gone:${personId}:${engagementId ?? 'all'}:${at}`,
  ),
  /** Slack has not confirmed these people for too long, so their access is paused: to security's channel. The first of them. */
  people_in_doubt: once(
    1,
    {
      ...{ at: Instant, personIds: z.array(PersonId).readonly(), count: Count },
      ...{ sessions: Count, doubtSeconds: z.int().positive() },
    },
    ({ at }) => `doubt:${at}`,
  ),
  /** Slack does not show these engagements' channel, with its code for why; access is paused from `restsAt` on. To security's channel. */
  channel_refused: once(
    1,
    { ...engagementsNamed, error: z.string(), restsAt: Instant },
    (notice) => `channel_refused:${named(notice)}`,
  ),
  /** For too long Slack has not shown who is in these engagements' channels, so access in them is paused: to security's channel. */
  channels_in_doubt: once(
    1,
    { ...engagementsNamed, sessions: Count, doubtSeconds: z.int().positive() },
    (notice) => `channels_in_doubt:${named(notice)}`,
  ),
  /** Slack shows these engagements' channel again: to security's channel. */
  channel_read_again: once(1, engagementsNamed, (notice) => `channel_read_again:${named(notice)}`),
  /** Recordings run out of space, or have some again: to security's channel. */
  free_space: once(
    1,
    { at: Instant, level: z.enum(SPACE_LEVELS), freeMiB: Count, minFreeMiB: Count },
    ({ at }) => `space:${at}`,
  ),
  /** A record was changed outside Daypass and is ignored: to security's channel. Where `isLast`, further ones are only in the audit log. */
  record_changed: once(
    1,
    { what: z.string(), id: z.string(), at: Instant, isLast: z.boolean() },
    ({ what, id, at }) => `changed:${what}:${id}:${at}`,
  ),
  /** A file of the configuration cannot be used, and what was in force stays: to security's channel. `line` null is about no line. */
  configuration_refused: once(
    1,
    { at: Instant, file: z.string(), line: z.int().positive().nullable(), reason: z.string() },
    ({ file, at }) => `configuration_refused:${file}:${at}`,
  ),
  /** All files of the configuration can be used again: to security's channel. */
  configuration_mended: once(1, { at: Instant }, ({ at }) => `configuration_mended:${at}`),
  /** No grant counts until an operator has looked: to security's channel. */
  grants_suspended: once(1, { why: z.string(), at: Instant }, ({ at }) => `suspended:${at}`),
  /**
   * What became of messages that Slack does not take for now: to security's channel, or, where that is the place that is refused, to
   * the Slack user `to`. `error` is Slack's code, `count` how many were given up (0 in other states).
   */
  delivery: once(
    1,
    {
      ...{ state: z.enum(DELIVERY_STATES), lane: z.string(), at: Instant },
      ...{ error: z.string(), count: Count, to: z.string().nullable() },
    },
    ({ state, lane, at, to }) => `delivery:${state}:${lane}:${at}:${to ?? 'channel'}`,
  ),
} satisfies Readonly<Record<string, { readonly urgency: Urgency; readonly isRepeatable: boolean }>>;

export type NoticeKind = keyof typeof KINDS;
export type Notice = {
  [Name in NoticeKind]: Readonly<{ kind: Name } & z.output<z.ZodObject<(typeof KINDS)[Name]['fields']>>>;
}[NoticeKind];

const schemas = Object.entries(KINDS).map(([kind, { fields }]) => z.strictObject({ kind: z.literal(kind), ...fields }));
/** A notice as it is stored. */
export const StoredNotice = z.discriminatedUnion(
  'kind',
  schemas as [(typeof schemas)[number]],
) as unknown as z.ZodType<Notice>;

export const urgencyOf = (kind: NoticeKind): Urgency => KINDS[kind].urgency;
export const isRepeatable = (kind: NoticeKind): boolean => KINDS[kind].isRepeatable;

export function messageKey(notice: Notice): string {
  const { key } = KINDS[notice.kind] as { readonly key: (notice: Notice) => string };
  return key(notice);
}

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

/** Messages of one thread, one direct conversation, or security's channel arrive in the order in which things happened. */
export const threadLane = (engagement: string): string => `thread:${engagement}`;
export const directLane = (person: string): string => `dm:${person}`;
export const SECURITY_LANE = 'security';
