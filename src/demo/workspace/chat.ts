import { z } from 'zod';
import { type Block, LIMITS } from './blocks.ts';
import { checkBlocks } from './check.ts';
import type { Core } from './core.ts';
import { invalid, SlackError } from './errors.ts';
import { conversation, flag, id, joined, json, type Method, method } from './method.ts';
import { messageObject } from './objects.ts';
import type { Channel, Metadata } from './state.ts';

const METADATA_MAX = 16_000;

const MessageArgs = z.object({
  channel: id,
  text: z.string().default(''),
  blocks: json(z.unknown()).optional(),
  metadata: json(z.unknown()).optional(),
  thread_ts: z.string().optional(),
  reply_broadcast: flag.optional(),
  unfurl_links: flag.optional(),
  unfurl_media: flag.optional(),
});

const MetadataShape = z.strictObject({
  event_type: z.string().min(1).max(255),
  event_payload: z.record(z.string(), z.unknown()),
});

function metadataOf(given: unknown): Metadata | null {
  if (given === undefined || given === null) return null;
  const parsed = MetadataShape.safeParse(given);
  if (!parsed.success) throw new SlackError('invalid_metadata_format');
  if (JSON.stringify(parsed.data).length > METADATA_MAX) throw new SlackError('metadata_too_large');
  return parsed.data;
}

/** What a message says; empty ones and those beyond Slack's limits are refused. */
function content(
  args: { text?: string | undefined; blocks?: unknown },
  max: number,
): { text: string; blocks: Block[] } {
  const text = args.text ?? '';
  const blocks = args.blocks === undefined || args.blocks === null ? [] : checkBlocks(args.blocks);
  if (text === '' && blocks.length === 0) throw new SlackError('no_text');
  if (text.length > max) throw new SlackError('msg_too_long');
  return { text, blocks };
}

/** A channel that the bot is in; a person's id stands for the direct messages with them. */
function place(core: Core, given: string): Channel {
  if (!given.startsWith('U')) return joined(core, given);
  const user = core.state.user(given);
  if (!user || user.isBot) throw new SlackError('channel_not_found');
  return core.state.im(user.id);
}

function threadOf(core: Core, channel: Channel, threadTs: string | undefined): string | null {
  if (threadTs === undefined || threadTs === '') return null;
  const root = core.state.message(channel.id, threadTs);
  if (!root) throw new SlackError('thread_not_found');
  return root.threadTs ?? root.ts;
}

const postMessage = method({
  need: 'chat:write',
  args: MessageArgs,
  run: (core, args) => {
    const channel = place(core, args.channel);
    const message = core.state.post({
      ...content(args, LIMITS.postText),
      channel: channel.id,
      user: core.state.bot,
      threadTs: threadOf(core, channel, args.thread_ts),
      metadata: metadataOf(args.metadata),
      files: [],
      onlyFor: null,
    });
    return { channel: channel.id, ts: message.ts, message: messageObject(core, message) };
  },
});

const update = method({
  need: 'chat:write',
  args: MessageArgs.omit({ thread_ts: true }).extend({ ts: z.string(), text: z.string().optional() }),
  run: (core, args) => {
    const channel = conversation(core, args.channel);
    const message = core.state.message(channel.id, args.ts);
    if (!message) throw new SlackError('message_not_found');
    if (message.user !== core.state.bot) throw new SlackError('cant_update_message');
    const given = {
      text: args.text ?? (args.blocks === undefined ? undefined : ''),
      blocks: args.blocks ?? (args.text === undefined ? undefined : message.blocks),
    };
    const { text, blocks } = content(given, LIMITS.updateText);
    const metadata = metadataOf(args.metadata);
    Object.assign(message, { text, blocks, edited: true, ...(metadata ? { metadata } : {}) });
    core.state.changed();
    return { channel: channel.id, ts: message.ts, text, message: messageObject(core, message) };
  },
});

const postEphemeral = method({
  need: 'chat:write',
  args: MessageArgs.extend({ user: id }),
  run: (core, args) => {
    const channel = joined(core, args.channel);
    if (!core.state.user(args.user)) throw new SlackError('user_not_found');
    if (!channel.members.has(args.user)) throw new SlackError('user_not_in_channel');
    const message = core.state.post({
      ...content(args, LIMITS.postText),
      channel: channel.id,
      user: core.state.bot,
      threadTs: threadOf(core, channel, args.thread_ts),
      metadata: null,
      files: [],
      onlyFor: args.user,
    });
    return { message_ts: message.ts };
  },
});

const getPermalink = method({
  need: null,
  args: z.object({ channel: id, message_ts: z.string() }),
  run: (core, args) => {
    const channel = conversation(core, args.channel);
    const message = core.state.message(channel.id, args.message_ts);
    if (!message) throw new SlackError('message_not_found');
    const thread = message.threadTs === null ? '' : `?thread_ts=${message.threadTs}&cid=${channel.id}`;
    const permalink = `${core.origin()}/archives/${channel.id}/p${message.ts.replace('.', '')}${thread}`;
    return { channel: channel.id, permalink };
  },
});

const Response = z.object({
  text: z.string().optional(),
  blocks: z.unknown().optional(),
  response_type: z.enum(['ephemeral', 'in_channel']).default('ephemeral'),
  replace_original: z.boolean().default(false),
  delete_original: z.boolean().default(false),
  thread_ts: z.string().optional(),
});

/** A post to a response URL, or the text that a command was acknowledged with. */
export function respond(
  core: Core,
  target: { user: string; channel: string; threadTs: string | null; messageTs: string | null },
  body: unknown,
): void {
  const parsed = Response.safeParse(body);
  if (!parsed.success) throw invalid('invalid_payload', ['[ERROR] the body is no answer']);
  const { state } = core;
  const { response_type: type, replace_original: replace, delete_original: remove } = parsed.data;
  const original =
    target.messageTs === null
      ? null
      : (state.message(target.channel, target.messageTs) ??
        state.ephemerals.find((each) => each.ts === target.messageTs));
  if (remove && original) {
    for (const list of [state.messages, state.ephemerals]) {
      const index = list.indexOf(original);
      if (index >= 0) list.splice(index, 1);
    }
    state.changed();
    return;
  }
  const said = content(parsed.data, LIMITS.postText);
  if (replace && original) {
    Object.assign(original, { ...said, edited: original.onlyFor === null });
    state.changed();
    return;
  }
  state.post({
    ...said,
    channel: target.channel,
    user: state.bot,
    threadTs: parsed.data.thread_ts ?? target.threadTs,
    metadata: null,
    files: [],
    onlyFor: type === 'ephemeral' ? target.user : null,
  });
}

export const CHAT: Readonly<Record<string, Method>> = {
  'chat.postMessage': postMessage,
  'chat.update': update,
  'chat.postEphemeral': postEphemeral,
  'chat.getPermalink': getPermalink,
};
