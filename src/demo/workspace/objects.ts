import type { Core } from './core.ts';
import type { Channel, FileItem, Message, OpenView } from './state.ts';

/** Messages, channels, files and views in the shapes in which Slack sends them. */

export function messageObject({ state }: Core, message: Message, withMetadata = false) {
  const isBot = message.user === state.bot;
  const replies = state.messages.filter((each) => each.threadTs === message.ts && each.channel === message.channel);
  return {
    type: 'message',
    user: message.user,
    ...(isBot ? { bot_id: state.botId, app_id: state.appId } : {}),
    team: state.team.id,
    text: message.text,
    ts: message.ts,
    ...(message.blocks.length > 0 ? { blocks: message.blocks } : {}),
    ...(message.threadTs === null ? {} : { thread_ts: message.threadTs, parent_user_id: rootAuthor(state, message) }),
    ...(replies.length > 0
      ? { thread_ts: message.ts, reply_count: replies.length, latest_reply: replies.at(-1)?.ts }
      : {}),
    ...(message.edited ? { edited: { user: message.user, ts: message.ts } } : {}),
    ...(message.files.length > 0
      ? { files: message.files.flatMap((id) => state.files.get(id) ?? []).map(fileObject), upload: false }
      : {}),
    ...(withMetadata && message.metadata ? { metadata: message.metadata } : {}),
  };
}

const rootAuthor = (state: Core['state'], message: Message): string | undefined =>
  message.threadTs === null ? undefined : state.message(message.channel, message.threadTs)?.user;

export const fileObject = (file: FileItem) => ({
  id: file.id,
  name: file.name,
  title: file.title,
  mimetype: 'text/plain',
  filetype: 'text',
  size: file.length,
  mode: 'hosted',
});

export const channelObject = ({ state }: Core, channel: Channel) =>
  channel.kind === 'im'
    ? {
        id: channel.id,
        is_im: true,
        user: [...channel.members].find((id) => id !== state.bot),
        is_archived: false,
      }
    : {
        id: channel.id,
        name: channel.name,
        is_channel: channel.kind === 'public',
        is_group: channel.kind === 'private',
        is_im: false,
        is_private: channel.kind === 'private',
        is_archived: false,
        is_member: channel.members.has(state.bot),
        topic: { value: channel.topic, creator: '', last_set: 0 },
        context_team_id: state.team.id,
      };

export const viewObject = ({ state }: Core, open: OpenView) => ({
  id: open.id,
  team_id: state.team.id,
  private_metadata: '',
  callback_id: '',
  external_id: '',
  close: null,
  submit: null,
  clear_on_close: false,
  notify_on_close: false,
  ...open.view,
  state: { values: open.values },
  hash: open.hash,
  previous_view_id: open.previousId,
  root_view_id: open.rootId,
  app_id: state.appId,
  app_installed_team_id: state.team.id,
  bot_id: state.botId,
});
