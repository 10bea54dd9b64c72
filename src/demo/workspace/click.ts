import { z } from 'zod';
import type { Block, Interactive } from './blocks.ts';
import { interactives, optionsOf } from './check.ts';
import type { Core } from './core.ts';
import { deliver, interaction, sendEvent, silence } from './deliver.ts';
import { PersonaError } from './errors.ts';
import { applyEntries, Entry, entryReader } from './form.ts';
import { readEntry } from './inputs.ts';
import { channelObject, messageObject, viewObject } from './objects.ts';
import { placeOf } from './speak.ts';
import type { Message, OpenView, User } from './state.ts';

/** What people press: buttons and menus of messages, windows and the home tab. */

export const ClickInput = z.strictObject({
  channel: z.string().optional(),
  ts: z.string().optional(),
  view: z.literal(true).optional(),
  home: z.literal(true).optional(),
  action_id: z.string().optional(),
  block_id: z.string().optional(),
  /** The words on the button, for callers who do not know its action_id. */
  button: z.string().optional(),
  /** With several alike buttons: the value of the one that is meant. For a menu: what is chosen. */
  value: Entry.optional(),
  /** What stands in the window's fields at that moment. */
  values: z.record(z.string(), z.unknown()).optional(),
});
type ClickInput = z.infer<typeof ClickInput>;

export async function click(core: Core, user: User, input: ClickInput): Promise<void> {
  if (input.home && input.action_id === undefined && input.button === undefined) return openHome(core, user);
  if (input.home) return clickInView(core, user, input, core.state.homes.get(user.id) ?? null);
  if (input.view) return clickInView(core, user, input, core.state.modalsOf(user.id).at(-1) ?? null);
  if (input.channel === undefined || input.ts === undefined) {
    throw new PersonaError(400, 'no_place', 'A click needs channel and ts, or "view": true, or "home": true.');
  }
  return clickInMessage(core, user, input, input.channel, input.ts);
}

/** The app hears that its home tab was opened, and publishes it. */
function openHome(core: Core, user: User): Promise<void> {
  const open = core.state.homes.get(user.id);
  return sendEvent(core, {
    type: 'app_home_opened',
    user: user.id,
    channel: core.state.im(user.id).id,
    tab: 'home',
    event_ts: core.state.nextTs(),
    ...(open ? { view: viewObject(core, open) } : {}),
  });
}

async function clickInMessage(core: Core, user: User, input: ClickInput, place: string, ts: string): Promise<void> {
  const channel = placeOf(core, user, place);
  const message = visibleMessage(core, user, channel.id, ts);
  const target = find(message.blocks, input);
  const triggerId = core.triggers.newTrigger(user.id, channel.id);
  const ephemeral = message.onlyFor !== null;
  const responseId = core.triggers.newResponse({
    ...{ user: user.id, channel: channel.id, messageTs: ts },
    threadTs: message.threadTs,
  });
  const { id, name } = { name: 'directmessage', ...channelObject(core, channel) };
  const container = {
    type: 'message',
    message_ts: ts,
    channel_id: channel.id,
    is_ephemeral: ephemeral,
    ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
  };
  await send(core, {
    ...interaction(core, user, 'block_actions', triggerId),
    container,
    channel: { id, name },
    ...(ephemeral ? {} : { message: messageObject(core, message, true) }),
    state: { values: {} },
    response_url: `${core.origin()}/response/${responseId}`,
    actions: [actionOf(core, user, target, input, null)],
  });
}

/** A message of the channel, or an ephemeral one for this person alone. */
function visibleMessage(core: Core, user: User, channel: string, ts: string): Message {
  const own = core.state.ephemerals.find(
    (each) => each.channel === channel && each.ts === ts && each.onlyFor === user.id,
  );
  const found = core.state.message(channel, ts) ?? own;
  if (found) return found;
  throw new PersonaError(404, 'no_such_message', `${user.realName} cannot see such a message in this conversation.`);
}

async function clickInView(core: Core, user: User, input: ClickInput, open: OpenView | null): Promise<void> {
  if (!open) throw new PersonaError(404, 'no_view', 'No such window or tab is open.');
  if (input.values) applyEntries(core, user, open, input.values);
  const target = find(open.view.blocks, input);
  const triggerId = core.triggers.newTrigger(user.id, open.origin);
  const action = actionOf(core, user, target, input, open);
  await send(core, {
    ...interaction(core, user, 'block_actions', triggerId),
    container: { type: 'view', view_id: open.id },
    view: viewObject(core, open),
    actions: [action],
  });
}

type Target = { readonly block: Block; readonly element: Interactive };

function find(blocks: readonly Block[], input: ClickInput): Target {
  const matching = interactives(blocks).filter(({ block, element }) => {
    if (input.action_id !== undefined && element.action_id !== input.action_id) return false;
    if (input.block_id !== undefined && block.block_id !== input.block_id) return false;
    if (element.type !== 'button') return input.button === undefined;
    if (input.button !== undefined && element.text.text !== input.button) return false;
    return input.value === undefined || element.value === input.value;
  });
  const [only, ...others] = matching;
  if (only && others.length === 0) return only;
  const words = interactives(blocks).flatMap(({ element }) => (element.type === 'button' ? [element.text.text] : []));
  const wanted = input.button ?? input.action_id ?? 'element';
  if (!only) {
    const known = words.map((each) => `“${each}”`).join(', ') || 'none';
    throw new PersonaError(404, 'no_such_action', `There is no “${wanted}” to press there. The buttons are: ${known}.`);
  }
  throw new PersonaError(
    400,
    'ambiguous',
    `${matching.length} elements match “${wanted}”. Give action_id or value too.`,
  );
}

/** The action as the app gets it; in a view the choice stays in its state. */
function actionOf(core: Core, user: User, { block, element }: Target, input: ClickInput, open: OpenView | null) {
  const about = {
    type: element.type,
    action_id: element.action_id ?? '',
    block_id: block.block_id ?? '',
    action_ts: core.state.nextTs(),
  };
  if (element.type === 'button') {
    const { text, value, style } = element;
    return { ...about, text, ...(value === undefined ? {} : { value }), ...(style === undefined ? {} : { style }) };
  }
  if (element.type === 'overflow') {
    const chosen = optionsOf(element).find((each) => each.value === input.value);
    if (!chosen) throw new PersonaError(400, 'no_such_option', 'That is not in the menu.');
    return { ...about, selected_option: chosen };
  }
  const read = readEntry(element, input.value ?? null, entryReader(core, user));
  if ('wrong' in read) throw new PersonaError(422, 'not_an_option', read.wrong);
  if (open) {
    open.values[about.block_id] = { ...open.values[about.block_id], [about.action_id]: read.state };
    core.state.changed();
  }
  return { ...about, ...read.state };
}

async function send(core: Core, payload: unknown): Promise<void> {
  const answer = await deliver(core, 'interactive', payload);
  if (!answer.acked) throw new PersonaError(504, 'app_did_not_respond', silence('The click', answer.why));
}
