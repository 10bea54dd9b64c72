import { z } from 'zod';
import { type Core, userObject } from './core.ts';
import { SlackError } from './errors.ts';
import { conversation, flag, id, joined, type Method, method, whole } from './method.ts';
import { channelObject, messageObject } from './objects.ts';
import type { Message } from './state.ts';

const PAGE_MAX = 999;
const READ = { public: 'channels:read', private: 'groups:read', im: 'im:read' } as const;
const HISTORY = { public: 'channels:history', private: 'groups:history', im: 'im:history' } as const;

/** One page of a list, and the cursor of the next. */
function page<T>(
  items: readonly T[],
  cursor: string | undefined,
  limit: number,
): { items: readonly T[]; next: string } {
  const at = cursor ? Number(Buffer.from(cursor, 'base64').toString()) : 0;
  if (!Number.isInteger(at) || at < 0) throw new SlackError('invalid_cursor');
  const end = at + Math.max(1, limit);
  return {
    items: items.slice(at, end),
    next: end < items.length ? Buffer.from(String(end)).toString('base64') : '',
  };
}

const Range = z.object({
  channel: id,
  oldest: z.coerce.number().default(0),
  latest: z.coerce.number().default(Number.POSITIVE_INFINITY),
  inclusive: flag.optional(),
  limit: whole(100, PAGE_MAX),
  cursor: z.string().optional(),
  include_all_metadata: flag.optional(),
});

function messagesIn(core: Core, all: readonly Message[], args: z.output<typeof Range>) {
  const within = all.filter((message) => {
    const ts = Number(message.ts);
    return args.inclusive ? ts >= args.oldest && ts <= args.latest : ts > args.oldest && ts < args.latest;
  });
  const { items, next } = page(within, args.cursor, args.limit);
  return {
    messages: items.map((message) => messageObject(core, message, args.include_all_metadata ?? false)),
    has_more: next !== '',
    response_metadata: { next_cursor: next },
  };
}

export const CONVERSATIONS: Readonly<Record<string, Method>> = {
  'conversations.open': method({
    need: 'im:write',
    args: z.object({ users: z.string().min(1), return_im: flag.optional() }),
    run: (core, { users }) => {
      const ids = users.split(',').filter((each) => each !== '');
      // Conversations of several people need mpim:write, which the app does not ask for.
      if (ids.length !== 1) throw new SlackError('missing_scope', { needed: 'mpim:write' });
      const user = core.state.user(ids[0] ?? '');
      if (!user || user.isHidden) throw new SlackError('user_not_found');
      if (user.isBot) throw new SlackError('cannot_dm_bot');
      if (user.deleted) throw new SlackError('user_disabled');
      return { channel: { id: core.state.im(user.id).id }, no_op: true, already_open: true };
    },
  }),
  'conversations.info': method({
    need: READ,
    args: z.object({ channel: id, include_num_members: flag.optional() }),
    run: (core, args) => {
      // Of all methods this one alone knows a channel by the id that it had before.
      const channel = conversation(core, core.state.movedChannels.get(args.channel) ?? args.channel);
      const count = args.include_num_members ? { num_members: channel.members.size } : {};
      return { channel: { ...channelObject(core, channel), ...count } };
    },
  }),
  'conversations.members': method({
    need: READ,
    args: z.object({ channel: id, limit: whole(100, PAGE_MAX), cursor: z.string().optional() }),
    run: (core, args) => {
      const { items, next } = page([...conversation(core, args.channel).members], args.cursor, args.limit);
      return { members: items, response_metadata: { next_cursor: next } };
    },
  }),
  'conversations.history': method({
    need: HISTORY,
    args: Range,
    run: (core, args) => {
      const { id: channel } = joined(core, args.channel);
      const roots = core.state.messages.filter((each) => each.channel === channel && each.threadTs === null);
      return messagesIn(core, roots.reverse(), args);
    },
  }),
  'conversations.replies': method({
    need: HISTORY,
    args: Range.extend({ ts: z.string() }),
    run: (core, args) => {
      const { id: channel } = joined(core, args.channel);
      const root = core.state.message(channel, args.ts);
      if (!root) throw new SlackError('thread_not_found');
      const thread = core.state.messages.filter((each) => each.channel === channel && each.threadTs === root.ts);
      // Slack's answer begins with the root on every page; it is not part of the range.
      const answer = messagesIn(core, thread, args);
      return {
        ...answer,
        messages: [messageObject(core, root, args.include_all_metadata ?? false), ...answer.messages],
      };
    },
  }),
};

export const USERS: Readonly<Record<string, Method>> = {
  'auth.test': method({
    need: null,
    args: z.object({}),
    run: (core) => ({
      url: `${core.origin()}/`,
      team: core.state.team.name,
      user: core.state.user(core.state.bot)?.name,
      team_id: core.state.team.id,
      user_id: core.state.bot,
      bot_id: core.state.botId,
      ...(core.organisation ? { enterprise_id: core.organisation.id } : {}),
      is_enterprise_install: core.organisation?.isAppInAll ?? false,
    }),
  }),
  'users.info': method({
    need: 'users:read',
    args: z.object({ user: id, include_locale: flag.optional() }),
    run: (core, args) => {
      const user = core.state.user(args.user);
      if (!user) throw new SlackError('user_not_found');
      if (user.isHidden) throw new SlackError('user_not_visible');
      return { user: userObject(core, user) };
    },
  }),
  'usergroups.users.list': method({
    need: 'usergroups:read',
    args: z.object({ usergroup: id, include_disabled: flag.optional() }),
    run: (core, { usergroup }) => {
      const users = core.state.groups.get(usergroup);
      if (!users) throw new SlackError('no_such_subteam');
      return { users };
    },
  }),
  'users.list': method({
    need: 'users:read',
    args: z.object({ limit: whole(0, PAGE_MAX), cursor: z.string().optional(), include_locale: flag.optional() }),
    run: (core, args) => {
      const all = [...core.state.users.values()].filter((user) => !user.isHidden).map((user) => userObject(core, user));
      const { items, next } = page(all, args.cursor, args.limit === 0 ? PAGE_MAX : args.limit);
      return {
        members: items,
        cache_ts: Math.floor(core.state.now() / 1000),
        response_metadata: { next_cursor: next },
      };
    },
  }),
};
