import { webApi } from '@slack/bolt';

/** What happened to a call that failed, and so what may be done next. `error` is Slack's own code where it gave one. */
export type SlackFault =
  /** The place, the person or the app is refused, not the message: it waits until somebody changes that in Slack. */
  | { readonly kind: 'place' | 'app'; readonly error: string }
  /** The message or the thread that was meant is not there, or not to be changed, any more. */
  | { readonly kind: 'gone'; readonly error: string }
  /** Slack will never take this content: our own fault. */
  | { readonly kind: 'content'; readonly error: string }
  /** Slack answered that it did nothing; another time it may. */
  | { readonly kind: 'refused'; readonly error: string; readonly retryAfterSeconds: number | null }
  /** Nobody knows whether Slack acted. */
  | { readonly kind: 'doubtful'; readonly error: string };

/** The answers of Slack's Web API that say more than "try again". */
export const SLACK_ERRORS = {
  place: [
    'channel_not_found',
    'not_in_channel',
    'is_archived',
    'restricted_action',
    'restricted_action_read_only_channel',
    'restricted_action_thread_only_channel',
    'restricted_action_non_threadable_channel',
    'restricted_action_thread_locked',
    'posting_to_general_channel_denied',
    'external_channel_migrating',
    'channel_type_not_supported',
    'method_not_supported_for_channel_type',
    'messages_tab_disabled',
    'message_limit_exceeded',
    'user_not_found',
    'users_not_found',
    'user_disabled',
    'user_not_visible',
    'cannot_dm_bot',
    'access_denied',
    'no_permission',
    'missing_scope',
  ],
  app: [
    'account_inactive',
    'token_revoked',
    'token_expired',
    'invalid_auth',
    'not_authed',
    'not_allowed_token_type',
    'org_login_required',
    'ekm_access_denied',
    'team_access_not_granted',
    'team_not_found',
    'enterprise_is_restricted',
    'app_not_installed',
  ],
  gone: [
    'message_not_found',
    'thread_not_found',
    'cannot_reply_to_message',
    'cant_update_message',
    'edit_window_closed',
    'update_failed',
  ],
  content: [
    'invalid_blocks',
    'invalid_blocks_format',
    'invalid_arguments',
    'invalid_metadata_format',
    'invalid_metadata_schema',
    'metadata_too_large',
    'msg_too_long',
    'msg_blocks_too_long',
    'too_many_attachments',
    'no_text',
  ],
  /** Slack's own documentation of these: some part of the operation may have succeeded. */
  doubtful: ['fatal_error', 'internal_error', 'request_timeout', 'service_unavailable'],
} as const satisfies Readonly<Record<Exclude<SlackFault['kind'], 'refused'>, readonly string[]>>;

type Known = keyof typeof SLACK_ERRORS;
const KIND_OF: ReadonlyMap<string, Known> = new Map(
  (Object.keys(SLACK_ERRORS) as Known[]).flatMap((kind) => SLACK_ERRORS[kind].map((error) => [error, kind] as const)),
);

/** What one of Slack's own error codes means; one that is not in the table is tried again. */
export function faultNamed(error: string): SlackFault {
  const kind = KIND_OF.get(error);
  return kind === undefined ? { kind: 'refused', error, retryAfterSeconds: null } : { kind, error };
}

export function faultOf(error: unknown): SlackFault {
  if (error instanceof webApi.WebAPIRateLimitedError) {
    return { kind: 'refused', error: 'ratelimited', retryAfterSeconds: error.retryAfter };
  }
  if (error instanceof webApi.WebAPIPlatformError) return faultNamed(error.data.error);
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'doubtful', error: message.slice(0, 300) };
}
