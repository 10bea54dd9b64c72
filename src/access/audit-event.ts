import { z } from 'zod';
import { PersonId } from './ids.ts';

/** Who did it: a person, the operator at the command line, or Daypass by itself. */
export const Actor = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('person'), id: PersonId }),
    /** `account` is that of the host's operating system, as the command line tells it. */
    z.strictObject({ kind: z.literal('operator'), account: z.string() }),
    z.strictObject({ kind: z.literal('daypass') }),
  ])
  .readonly();
export type Actor = z.infer<typeof Actor>;

export type OperatorAccount = { readonly account: string };

export const actorOf = (by: PersonId | OperatorAccount): Actor =>
  typeof by === 'string' ? { kind: 'person', id: by } : { kind: 'operator', account: by.account };

/** Each type of event, and what happened. docs/events.md is written from it. */
export const AUDIT_EVENTS = {
  audit_chain_begun:
    'The audit log became a hash chain. The facts have the number and the digest of the events before this one.',
  person_seen: 'Slack showed Daypass a person for the first time.',
  person_changed: 'What Slack says about a person changed: full member, guest or external, active or deactivated.',
  person_unseen: 'Slack no longer shows a person. Their access stops.',
  people_in_doubt: 'Slack has not confirmed people for longer than `doubt` allows. Their access stops until it does.',
  channel_refused: 'Slack refused to show who is in the channel of an engagement.',
  channels_in_doubt:
    'Channels of engagements have been unreadable for longer than `doubt` allows. Access through them stops.',
  channel_read_again: 'A channel that could not be read can be read again.',
  channel_moved: 'Slack gave the channel of an engagement a new id.',
  member_left: 'A member left the channel of their engagement. Their access through it stops.',
  member_returned: 'A member is back in the channel of their engagement.',
  code_issued: 'A person got a code to register a key with.',
  key_registered: 'A person proved that they hold a key, and it was registered.',
  key_retired: 'A key was retired. It no longer logs in.',
  engagement_opened: 'An engagement was opened.',
  engagement_closed: 'An engagement was closed, by somebody or after its last day. Nothing can be asked for in it.',
  person_offboarded: 'A person was offboarded: everywhere, or from the engagements that the facts name.',
  person_readmitted: 'An operator let a person back in who had been offboarded.',
  offboarding_proved:
    'Every gateway worker answered that it carries no session of an offboarding, and no grant of it is active.',
  offboarding_item_ticked: 'An item of an offboarding’s checklist was ticked.',
  offboarding_completed: 'All of an offboarding is done. `digest` is that of the evidence.',
  engagement_confirmed: 'Somebody other than its opener confirmed an engagement.',
  engagement_changed: 'An engagement was changed. What it no longer includes ended.',
  engagement_change_proposed: 'Somebody proposed a change that gives an engagement more than it had.',
  engagement_change_reviewed: 'A reviewer approved or denied a change to an engagement.',
  engagement_change_expired: 'A change to an engagement waited for longer than `request_ttl`.',
  access_requested: 'Access was requested.',
  review_pledged: 'A reviewer pressed Approve on a request whose approvals are signed. It does not count yet.',
  request_reviewed: 'A reviewer approved or denied a request.',
  request_commented: 'A reviewer or the requester commented on a request that waits.',
  request_reminded: 'The reviewers of a request that waits were reminded of it.',
  request_approved: 'A request has all the approvals it needs.',
  request_denied: 'A request was denied.',
  request_expired: 'A request waited for longer than `request_ttl`.',
  request_withdrawn: 'A person withdrew their request.',
  grant_created: 'An approved request became a grant.',
  certificate_issued: 'A certificate was issued for a grant.',
  grant_revoked: 'A grant was revoked. Its sessions end.',
  grant_returned: 'A grant was handed back by the person who had it.',
  grant_expired: 'The time of a grant is up.',
  grants_suspended: 'The database is not the one that Daypass last wrote to. All access is paused.',
  grants_confirmed: 'An operator confirmed the database. Access is no longer paused.',
  seal_broken: 'A row was changed outside Daypass. It counts for nothing.',
  session_started: 'A session to a target started.',
  session_extended: 'A live session went over to a grant that lasts longer.',
  session_ended: 'A session ended.',
  session_terminated: 'Somebody ended a live session.',
  session_watched: 'Somebody watched a live session.',
  connection_refused: 'Connections were refused: one event for each address and reason in a minute.',
  recording_sealed: 'A recording was sealed: checked, signed and entered in the ledger.',
  recording_disputed: 'A recording is not what it should be. The facts name the doubts.',
  recording_seal_failed: 'A recording could not be sealed.',
  recording_exported: 'A recording was exported.',
  recording_erased: 'The keys of a recording were destroyed.',
  free_space_changed: 'Free space for recordings fell below a limit, or there is enough again.',
  messages_held: 'Slack refused a message. It waits, with all that follow it.',
  messages_resumed: 'Messages that waited are being delivered again.',
  messages_given_up: 'Slack refused a message for 14 days, and Daypass gave it up.',
  configuration_loaded: 'Daypass started with this configuration. The facts have the SHA-256 of its files.',
  configuration_reloaded: 'The configuration was reloaded, by an operator or by Daypass itself.',
  configuration_refused:
    'A file of the configuration was changed to something that cannot be used. What was in force before stays.',
} as const;
export type AuditEventType = keyof typeof AUDIT_EVENTS;

/** Facts are ids, counts and digests; names and free text stay out, so that they can be erased elsewhere. */
export type AuditEvent = {
  readonly type: AuditEventType;
  readonly at: Date;
  readonly actor: Actor;
  readonly facts: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
};
