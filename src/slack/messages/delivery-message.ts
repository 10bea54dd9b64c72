import type { Notice } from '../../use-cases/notice.ts';
import { type Block, context, section } from '../words/blocks.ts';
import { type Line, line, mono, own, strong, toNotification } from '../words/line.ts';
import { count } from '../words/units.ts';

/** Whose messages a lane holds. */
export type HeldPlace =
  | { readonly kind: 'thread'; readonly engagement: string }
  | { readonly kind: 'person'; readonly name: string }
  | { readonly kind: 'security' };

type Message = { readonly text: string; readonly blocks: Block[] };

const INVITE = line`Invite Daypass to the channel again: run \`/invite @Daypass\` there.`;
const RESTRICTED = line`The settings of the channel or the workspace do not let Daypass post there. Allow it to post.`;
const PERSON = line`Their account may be deactivated, or they may no longer be in a shared channel.`;

const ADVICE: Readonly<Record<string, Line>> = {
  channel_not_found: line`The channel was deleted, or Daypass was removed from it. ${INVITE}`,
  not_in_channel: INVITE,
  is_archived: line`The channel is archived. Unarchive it.`,
  restricted_action: RESTRICTED,
  restricted_action_read_only_channel: RESTRICTED,
  restricted_action_thread_only_channel: RESTRICTED,
  restricted_action_non_threadable_channel: line`Threads are turned off in this channel. Allow them.`,
  restricted_action_thread_locked: line`The thread is locked. Unlock it.`,
  posting_to_general_channel_denied: RESTRICTED,
  user_not_found: PERSON,
  users_not_found: PERSON,
  user_disabled: PERSON,
  user_not_visible: PERSON,
  missing_scope: line`The app is missing a permission. Compare its scopes with manifest.yml, then reinstall it.`,
  thread_not_found: line`Somebody keeps deleting the first message of the thread.`,
};

/** To security: messages that are waiting, being sent again, or given up on, with the reason and what to do. */
export function deliveryMessage(
  notice: Extract<Notice, { kind: 'delivery' }>,
  place: HeldPlace,
  waiting: number,
): Message {
  const whose = placeOf(place);
  const advice = Object.hasOwn(ADVICE, notice.error) ? ADVICE[notice.error] : null;
  const why = line`Slack’s error is ${mono(notice.error, 80)}.`;
  switch (notice.state) {
    case 'held':
      return message(
        line`:warning: *Slack does not accept messages for ${whose}.* ${advice ? line`${why} ${advice}` : why}`,
        line`Waiting: ${own(count(waiting, 'message'))}. Daypass sends them in order once Slack accepts them, and gives up after 14 days.`,
      );
    case 'resumed':
      return message(
        line`:white_check_mark: Slack accepts messages for ${whose} again. The waiting messages are being sent.`,
      );
    case 'given_up':
      return message(
        line`:warning: *Daypass gave up on ${own(count(notice.count, 'message'))} for ${whose}.* ${why}`,
        line`The audit log lists the messages. What they were about is in the audit log and the recordings.`,
      );
    default:
      return notice.state satisfies never;
  }
}

const message = (said: Line, ...more: readonly Line[]): Message => ({
  text: toNotification(said),
  blocks: [section(said), ...(more.length > 0 ? [context(...more)] : [])],
});

function placeOf(place: HeldPlace): Line {
  switch (place.kind) {
    case 'thread':
      return line`the thread of ${strong(place.engagement, 80)}`;
    case 'person':
      return strong(place.name, 80);
    case 'security':
      return line`security’s channel`;
    default:
      return place satisfies never;
  }
}
