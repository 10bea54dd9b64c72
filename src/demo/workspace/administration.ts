import { z } from 'zod';
import { type Core, userObject } from './core.ts';
import { sendEvent } from './deliver.ts';
import { PersonaError } from './errors.ts';
import type { Channel, User } from './state.ts';

/** What administrators of workspaces do, and what the app hears of it. */

const PersonChange = z.strictObject({
  deleted: z.boolean().optional(),
  is_restricted: z.boolean().optional(),
  is_ultra_restricted: z.boolean().optional(),
  real_name: z.string().min(1).max(80).optional(),
  /** Null is this workspace. */
  team_id: z
    .string()
    .regex(/^T[A-Z0-9]{2,}$/)
    .nullable()
    .optional(),
  hidden: z.boolean().optional(),
});

/** Deactivates people, makes them guests or another workspace's, or hides them. */
export async function changePerson(core: Core, user: User, body: unknown) {
  const change = PersonChange.parse(body);
  user.deleted = change.deleted ?? user.deleted;
  user.isRestricted = change.is_restricted ?? user.isRestricted;
  user.isUltraRestricted = change.is_ultra_restricted ?? user.isUltraRestricted;
  user.realName = change.real_name ?? user.realName;
  user.teamId = change.team_id === undefined ? user.teamId : change.team_id;
  user.isHidden = change.hidden ?? user.isHidden;
  core.state.changed();
  const told = userObject(core, user);
  // Of other workspaces' accounts, and of those it shows no more, Slack tells nothing.
  if (user.teamId === null && !user.isHidden) {
    await sendEvent(core, { type: 'user_change', user: told, event_ts: core.state.nextTs() });
  }
  return { ok: true, user: told };
}

const ChannelChange = z.union([
  z.strictObject({ leave: z.string() }),
  z.strictObject({ join: z.string() }),
  z.strictObject({ unshare: z.literal(true) }),
  z.strictObject({ app: z.boolean() }),
]);

/** Lets people leave and join a channel, removes the app from it or invites it, or ends its being shared with other workspaces. */
export async function changeChannel(core: Core, channelId: string, body: unknown) {
  const change = ChannelChange.parse(body);
  const channel = core.state.channel(channelId);
  if (!channel || channel.kind === 'im') throw new PersonaError(404, 'no_such_channel', 'There is no such channel.');
  if ('unshare' in change) await unshare(core, channel);
  else if ('app' in change) await moveApp(core, channel, change.app);
  else {
    const user = core.state.byName('join' in change ? change.join : change.leave);
    if (!user) throw new PersonaError(404, 'no_such_persona', 'There is no such person.');
    if ('join' in change) {
      channel.members.add(user.id);
      core.state.changed();
    } else await leave(core, channel, user);
  }
  return { ok: true, members: [...channel.members] };
}

const GroupChange = z.strictObject({ users: z.array(z.string()).max(100) });

/** Who is in a user group. */
export async function changeGroup(core: Core, groupId: string, body: unknown) {
  const { users } = GroupChange.parse(body);
  const ids = users.flatMap((name) => core.state.byName(name)?.id ?? []);
  const before = core.state.groups.get(groupId) ?? [];
  core.state.groups.set(groupId, ids);
  const added = ids.filter((id) => !before.includes(id));
  const removed = before.filter((id) => !ids.includes(id));
  await sendEvent(core, {
    type: 'subteam_members_changed',
    ...{ subteam_id: groupId, team_id: core.state.team.id },
    ...{ added_users: added, added_users_count: added.length },
    ...{ removed_users: removed, removed_users_count: removed.length },
    event_ts: core.state.nextTs(),
  });
  return { ok: true, users: ids };
}

async function leave(core: Core, channel: Channel, user: User): Promise<void> {
  if (!channel.members.delete(user.id)) return;
  core.state.changed();
  if (!channel.members.has(core.state.bot)) return;
  await sendEvent(core, {
    type: 'member_left_channel',
    ...{ user: user.id, channel: channel.id, channel_type: channel.kind === 'private' ? 'G' : 'C' },
    ...{ team: core.state.team.id, event_ts: core.state.nextTs() },
  });
}

/** The app hears of itself: that it left by an event of its own. */
async function moveApp(core: Core, channel: Channel, isIn: boolean): Promise<void> {
  const { bot, team } = core.state;
  if (channel.members.has(bot) === isIn) return;
  if (isIn) channel.members.add(bot);
  else channel.members.delete(bot);
  core.state.changed();
  const isPrivate = channel.kind === 'private';
  const joined = { type: 'member_joined_channel', user: bot, channel_type: isPrivate ? 'G' : 'C', team: team.id };
  const left = { type: isPrivate ? 'group_left' : 'channel_left' };
  await sendEvent(core, { ...(isIn ? joined : left), channel: channel.id, event_ts: core.state.nextTs() });
}

/** Slack names the channel and the workspace, not the people; it shows those whom no channel is shared with no more. */
async function unshare(core: Core, channel: Channel): Promise<void> {
  const { users, channels, bot } = core.state;
  const foreign = [...channel.members].flatMap((id) => users.get(id) ?? []).filter((user) => user.teamId !== null);
  for (const user of foreign) channel.members.delete(user.id);
  for (const user of foreign) {
    user.isHidden = ![...channels.values()].some(({ kind, members }) => kind !== 'im' && members.has(user.id));
  }
  core.state.changed();
  if (!channel.members.has(bot)) return;
  for (const team of new Set(foreign.map((user) => user.teamId))) {
    await sendEvent(core, {
      type: 'channel_unshared',
      ...{ channel: channel.id, previously_connected_team_id: team, is_ext_shared: false },
      event_ts: core.state.nextTs(),
    });
  }
}
