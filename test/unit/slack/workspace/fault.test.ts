import { describe, expect, it } from 'vitest';
import { faultNamed, SLACK_ERRORS } from '../../../../src/slack/workspace/fault.ts';

describe('what an answer of Slack means', () => {
  it.each([
    ['channel_not_found', 'place'],
    ['is_archived', 'place'],
    ['restricted_action', 'place'],
    ['not_in_channel', 'place'],
    ['user_disabled', 'place'],
    ['account_inactive', 'app'],
    ['token_revoked', 'app'],
    ['invalid_auth', 'app'],
    ['message_not_found', 'gone'],
    ['thread_not_found', 'gone'],
    ['invalid_blocks', 'content'],
    ['msg_too_long', 'content'],
    ['internal_error', 'doubtful'],
    ['an_error_of_tomorrow', 'refused'],
  ] as const)('%s is %s', (error, kind) => {
    expect(faultNamed(error)).toMatchObject({ kind, error });
  });

  it('stands once in the table', () => {
    const all = Object.values(SLACK_ERRORS).flat();
    expect(new Set(all).size).toBe(all.length);
  });
});
