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

export const AUDIT_EVENT_TYPES = [
  'person_seen',
  'person_changed',
  'person_unseen',
  'people_in_doubt',
  'channel_refused',
  'channels_in_doubt',
  'channel_read_again',
  'member_left',
  'member_returned',
  'code_issued',
  'key_registered',
  'key_retired',
  'engagement_opened',
  'engagement_confirmed',
  'access_requested',
  'request_reviewed',
  'request_approved',
  'request_denied',
  'request_expired',
  'request_withdrawn',
  'grant_created',
  'certificate_issued',
  'grant_revoked',
  'grant_returned',
  'grant_expired',
  'seal_broken',
  'grants_suspended',
  'grants_confirmed',
  'session_started',
  'session_extended',
  'session_ended',
  'session_terminated',
  'session_watched',
  'connection_refused',
  'free_space_changed',
  'messages_held',
  'messages_resumed',
  'messages_given_up',
  'channel_moved',
  'configuration_reloaded',
  'recording_sealed',
  'recording_disputed',
  'recording_seal_failed',
  'recording_exported',
  'recording_erased',
] as const;
export type AuditEventType = (typeof AUDIT_EVENT_TYPES)[number];

/** Facts are ids, counts and digests; names and free text stay out, so that they can be erased elsewhere. */
export type AuditEvent = {
  readonly type: AuditEventType;
  readonly at: Date;
  readonly actor: Actor;
  readonly facts: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
};
