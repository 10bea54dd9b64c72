import { webApi } from '@slack/bolt';

/** What became of a call that failed, and so what may be done next. */
export type SlackFault =
  /** Slack answered that it did nothing and never will. */
  | { readonly kind: 'permanent'; readonly error: string }
  /** Slack answered that it did nothing; another time it may. */
  | { readonly kind: 'refused'; readonly error: string; readonly retryAfterSeconds: number | null }
  /** Nobody knows whether Slack acted. */
  | { readonly kind: 'doubtful'; readonly error: string };

/** Answers about this one message, which no waiting changes. Everything else is tried again. */
const PERMANENT: ReadonlySet<string> = new Set([
  'channel_not_found',
  'user_not_found',
  'users_not_found',
  'user_disabled',
  'user_not_visible',
  'cannot_dm_bot',
  'is_archived',
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
  'message_not_found',
  'cant_update_message',
  'edit_window_closed',
  'restricted_action',
  'thread_not_found',
  'file_not_found',
]);

/** Slack's own documentation of these: some part of the operation may have succeeded. */
const DOUBTFUL: ReadonlySet<string> = new Set([
  'fatal_error',
  'internal_error',
  'request_timeout',
  'service_unavailable',
]);

export function faultOf(error: unknown): SlackFault {
  if (error instanceof webApi.WebAPIRateLimitedError) {
    return { kind: 'refused', error: 'ratelimited', retryAfterSeconds: error.retryAfter };
  }
  if (error instanceof webApi.WebAPIPlatformError) {
    const code = error.data.error;
    if (PERMANENT.has(code)) return { kind: 'permanent', error: code };
    if (DOUBTFUL.has(code)) return { kind: 'doubtful', error: code };
    return { kind: 'refused', error: code, retryAfterSeconds: null };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'doubtful', error: message.slice(0, 300) };
}
