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

const INVITE = line`Invite Daypass to the channel again: type \`/invite @Daypass\` in it.`;
const RESTRICTED = line`The channel’s settings, or the workspace’s, do not let Daypass post there: allow it.`;
const PERSON = line`Their account may be deactivated, or no channel is shared with them any more.`;

const ADVICE: Readonly<Record<string, Line>> = {
  channel_not_found: line`The channel was deleted, or Daypass was removed from it. ${INVITE}`,
  not_in_channel: INVITE,
  is_archived: line`The channel is archived: unarchive it.`,
  restricted_action: RESTRICTED,
  restricted_action_read_only_channel: RESTRICTED,
  restricted_action_thread_only_channel: RESTRICTED,
  restricted_action_non_threadable_channel: line`Threads are switched off in this channel: allow them.`,
  restricted_action_thread_locked: line`The thread is locked: unlock it.`,
  posting_to_general_channel_denied: RESTRICTED,
  user_not_found: PERSON,
  users_not_found: PERSON,
  user_disabled: PERSON,
  user_not_visible: PERSON,
  missing_scope: line`The app lacks a permission: compare its scopes with manifest.yml, and install it again.`,
  thread_not_found: line`Somebody deletes the first message of the thread each time it is posted.`,
};

/** To security: messages that wait, go again, or were given up, why, and what to do. */
export function deliveryMessage(
  notice: Extract<Notice, { kind: 'delivery' }>,
  place: HeldPlace,
  waiting: number,
): Message {
  const whose = placeOf(place);
  const advice = Object.hasOwn(ADVICE, notice.error) ? ADVICE[notice.error] : null;
  const why = line`Slack answers ${mono(notice.error, 80)}.`;
  switch (notice.state) {
    case 'held':
      return message(
        line`:warning: *Slack does not take messages for ${whose}.* ${advice ? line`${why} ${advice}` : why}`,
        line`${own(count(waiting, 'message'))} waiting. They are sent in order once Slack takes them, and given up after 14 days.`,
      );
    case 'resumed':
      return message(line`:white_check_mark: Slack takes messages for ${whose} again. What waited is being sent.`);
    case 'given_up':
      return message(
        line`:warning: *Gave up ${own(count(notice.count, 'message'))} for ${whose}.* ${why}`,
        line`The audit log says which. What they were about is in the audit log and the recordings.`,
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
