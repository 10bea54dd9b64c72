import { z } from 'zod';
import { respond } from './chat.ts';
import type { Core } from './core.ts';
import { deliver, sendEvent, silence } from './deliver.ts';
import { PersonaError } from './errors.ts';
import { escapeTyped } from './mrkdwn.ts';
import { markRead } from './seed.ts';
import type { Channel, Message, User } from './state.ts';

/** What people type: slash commands and messages. */

const TEXT_MAX = 12_000;

export const CommandInput = z.strictObject({ channel: z.string(), text: z.string().min(1).max(TEXT_MAX) });
export const MessageInput = z.strictObject({
  channel: z.string(),
  text: z.string().trim().min(1).max(TEXT_MAX),
  thread_ts: z.string().optional(),
});

/** A conversation that the person is in, by id, `#name`, or `@app` for their direct messages with the app. */
export function placeOf(core: Core, user: User, given: string): Channel {
  const { state } = core;
  if (given === '@app' || given === `@${state.user(state.bot)?.name}`) return state.im(user.id);
  const name = given.replace(/^#/, '');
  const found = [...state.channels.values()].find(
    (each) => each.members.has(user.id) && (each.id === given || (each.kind !== 'im' && each.name === name)),
  );
  if (found) return found;
  throw new PersonaError(
    404,
    'no_such_conversation',
    `${user.realName} is not in a conversation “${given.slice(0, 60)}”.`,
  );
}

/** Runs a slash command. What the app does afterwards, windows and messages, is in the state. */
export async function runCommand(core: Core, user: User, input: z.infer<typeof CommandInput>): Promise<void> {
  const channel = placeOf(core, user, input.channel);
  const [command = '', ...rest] = input.text.trim().split(/\s+/);
  if (!core.manifest.commands.has(command)) {
    const known = [...core.manifest.commands.keys()].join(', ');
    throw new PersonaError(
      400,
      'no_such_command',
      `There is no command ${command.slice(0, 60)}. The commands are: ${known}.`,
    );
  }
  const responseId = core.triggers.newResponse({ user: user.id, channel: channel.id, threadTs: null, messageTs: null });
  const answer = await deliver(core, 'slash_commands', {
    token: '',
    team_id: core.state.team.id,
    team_domain: core.state.team.domain,
    channel_id: channel.id,
    channel_name: channel.name,
    user_id: user.id,
    user_name: user.name,
    command,
    text: escapeTyped(rest.join(' ')),
    api_app_id: core.state.appId,
    is_enterprise_install: String(core.organisation?.isAppInAll ?? false),
    response_url: `${core.origin()}/response/${responseId}`,
    trigger_id: core.triggers.newTrigger(user.id, channel.id),
  });
  if (!answer.acked) {
    const text = silence(command, answer.why);
    core.state.post({
      ...{ channel: channel.id, user: core.state.bot, text, blocks: [], threadTs: null },
      ...{ metadata: null, files: [], onlyFor: user.id },
    });
    throw new PersonaError(504, 'app_did_not_respond', text);
  }
  const said = z
    .looseObject({ text: z.string().optional(), blocks: z.array(z.unknown()).optional() })
    .safeParse(answer.payload);
  if (said.success && (said.data.text || said.data.blocks)) {
    respond(core, { user: user.id, channel: channel.id, threadTs: null, messageTs: null }, said.data);
  }
}

/** Says something in a channel, a thread, or to the app. */
export function sayMessage(core: Core, user: User, input: z.infer<typeof MessageInput>): Message {
  const { state } = core;
  const channel = placeOf(core, user, input.channel);
  const root = input.thread_ts === undefined ? null : state.message(channel.id, input.thread_ts);
  if (input.thread_ts !== undefined && !root) {
    throw new PersonaError(404, 'no_such_message', 'There is no such message to reply to.');
  }
  const bot = state.user(state.bot);
  const text = escapeTyped(input.text).replaceAll(`@${bot?.realName}`, `<@${state.bot}>`);
  const message = state.post({
    ...{ channel: channel.id, user: user.id, text, blocks: [], metadata: null, files: [], onlyFor: null },
    threadTs: root ? (root.threadTs ?? root.ts) : null,
  });
  markRead(state, user.id, channel.id);
  tellApp(core, user, channel, message);
  return message;
}

function tellApp(core: Core, user: User, channel: Channel, message: Message): void {
  if (!channel.members.has(core.state.bot)) return;
  const about = {
    user: user.id,
    text: message.text,
    ts: message.ts,
    team: core.state.team.id,
    channel: channel.id,
    event_ts: message.ts,
    ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
  };
  const kind = { public: 'channel', private: 'group', im: 'im' }[channel.kind];
  const events = [
    sendEvent(core, { type: 'message', channel_type: channel.kind === 'im' ? 'im' : `${kind}s`, ...about }),
  ];
  if (message.text.includes(`<@${core.state.bot}>`)) events.push(sendEvent(core, { type: 'app_mention', ...about }));
  void Promise.all(events);
}
