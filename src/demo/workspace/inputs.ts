import type { Block, Interactive } from './blocks.ts';
import { interactives, optionsOf } from './check.ts';
import type { InputState, Values, WorkspaceState } from './state.ts';

/** What the inputs of a view hold, how a person's entries become that, and what Slack itself finds wrong with them. */

export type Choice = { readonly value: string; readonly text: { readonly text: string } };
export type Entry = string | readonly string[] | null;
export type Reading = { readonly state: InputState } | { readonly wrong: string };

export type Reader = {
  readonly workspace: WorkspaceState;
  readonly user: string;
  /** Options that the app offered for menus that ask back, by action id. */
  readonly offered: (actionId: string) => readonly Choice[];
};

type Field = { readonly key: string; readonly many: boolean };

/** The field of Slack's state object in which each kind of element keeps its entry. */
const FIELDS: Readonly<Record<Exclude<Interactive['type'], 'button' | 'overflow'>, Field>> = {
  plain_text_input: { key: 'value', many: false },
  email_text_input: { key: 'value', many: false },
  url_text_input: { key: 'value', many: false },
  number_input: { key: 'value', many: false },
  datepicker: { key: 'selected_date', many: false },
  timepicker: { key: 'selected_time', many: false },
  static_select: { key: 'selected_option', many: false },
  external_select: { key: 'selected_option', many: false },
  radio_buttons: { key: 'selected_option', many: false },
  multi_static_select: { key: 'selected_options', many: true },
  multi_external_select: { key: 'selected_options', many: true },
  checkboxes: { key: 'selected_options', many: true },
  users_select: { key: 'selected_user', many: false },
  multi_users_select: { key: 'selected_users', many: true },
  conversations_select: { key: 'selected_conversation', many: false },
  multi_conversations_select: { key: 'selected_conversations', many: true },
};

const fieldOf = (element: Interactive): Field | null =>
  element.type === 'button' || element.type === 'overflow' ? null : FIELDS[element.type];

function initialOf(element: Interactive, origin: string | null): unknown {
  const many = fieldOf(element)?.many ?? false;
  const initial = Object.entries(element).find(([key]) => key.startsWith('initial_'))?.[1];
  if (initial !== undefined) return initial;
  const here = 'default_to_current_conversation' in element && element.default_to_current_conversation;
  if (here && origin !== null) return many ? [origin] : origin;
  return many ? [] : null;
}

/** State of every input; an entry of before stays where block, action and type are the same. */
export function initialValues(blocks: readonly Block[], origin: string | null, before: Values): Values {
  const values: Values = {};
  for (const { block, element } of interactives(blocks)) {
    const field = fieldOf(element);
    if (!field) continue;
    const { block_id: blockId = '' } = block;
    const { action_id: actionId = '' } = element;
    const kept = before[blockId]?.[actionId];
    values[blockId] = {
      ...values[blockId],
      [actionId]: kept?.type === element.type ? kept : { type: element.type, [field.key]: initialOf(element, origin) },
    };
  }
  return values;
}

export function isFilled(element: Interactive, state: InputState | undefined): boolean {
  const field = fieldOf(element);
  if (!field || !state) return false;
  const held = state[field.key];
  return Array.isArray(held) ? held.length > 0 : held !== null && held !== undefined && held !== '';
}

/** What a person entered, as Slack's state object, or the sentence that Slack's own client would show. */
export function readEntry(element: Interactive, entry: Entry, reader: Reader): Reading {
  const field = fieldOf(element);
  if (!field) return { wrong: 'This is a button, not a field.' };
  const given = entry === null ? [] : typeof entry === 'string' ? [entry] : entry;
  if (!field.many && given.length > 1) return { wrong: 'This field takes one entry.' };
  if ('max_selected_items' in element && given.length > (element.max_selected_items ?? given.length)) {
    return { wrong: `Choose at most ${element.max_selected_items}.` };
  }
  const held: unknown[] = [];
  for (const one of given.filter((each) => each !== '')) {
    const read = readOne(element, one, reader);
    if ('wrong' in read) return read;
    held.push(read.held);
  }
  return { state: { type: element.type, [field.key]: field.many ? held : (held[0] ?? null) } };
}

type One = { readonly held: unknown } | { readonly wrong: string };

function readOne(element: Interactive, entry: string, reader: Reader): One {
  switch (element.type) {
    case 'users_select':
    case 'multi_users_select':
      return readPerson(entry, reader);
    case 'conversations_select':
    case 'multi_conversations_select':
      return readConversation(element, entry, reader);
    case 'datepicker':
      return isDate(entry) ? { held: entry } : { wrong: 'This is not a date (YYYY-MM-DD).' };
    case 'plain_text_input': {
      const { min_length: min = 0, max_length: max = 3_000 } = element;
      if (entry.length > max) return { wrong: `This is too long: ${entry.length} of ${max} characters.` };
      return entry.length < min ? { wrong: `This is too short: at least ${min} characters.` } : { held: entry };
    }
    case 'external_select':
    case 'multi_external_select':
      return readOption(reader.offered(element.action_id ?? ''), entry);
    case 'static_select':
    case 'multi_static_select':
    case 'radio_buttons':
    case 'checkboxes':
      return readOption(optionsOf(element), entry);
    default:
      return { held: entry };
  }
}

function readOption(options: readonly Choice[], entry: string): One {
  const found = options.find((each) => each.value === entry) ?? options.find((each) => each.text.text === entry);
  if (found) return { held: found };
  const known = options.map((each) => each.text.text).slice(0, 10);
  return { wrong: `“${entry.slice(0, 60)}” is not one of the options: ${known.join(', ') || 'there are none'}.` };
}

function readPerson(entry: string, { workspace, user }: Reader): One {
  const visible = visiblePeople(workspace, user);
  const found = visible.find((each) => [each.id, each.name, each.realName].includes(entry));
  return found ? { held: found.id } : { wrong: `Nobody here is called “${entry.slice(0, 60)}”.` };
}

function readConversation(
  element: Extract<Interactive, { type: 'conversations_select' | 'multi_conversations_select' }>,
  entry: string,
  { workspace, user }: Reader,
): One {
  const wanted = entry.replace(/^#/, '');
  const include = element.filter?.include;
  const found = [...workspace.channels.values()].find(
    (each) => each.members.has(user) && (each.id === wanted || (each.kind !== 'im' && each.name === wanted)),
  );
  if (!found) return { wrong: `You are not in a conversation “${entry.slice(0, 60)}”.` };
  if (include && !include.includes(found.kind)) return { wrong: 'This kind of conversation cannot be chosen here.' };
  return { held: found.id };
}

/** Whom a person finds in menus: a guest those of their channels, a member everybody. */
export function visiblePeople(workspace: WorkspaceState, userId: string) {
  const everybody = [...workspace.users.values()].filter((each) => !each.deleted);
  const me = workspace.user(userId);
  if (!me?.isRestricted && !me?.isUltraRestricted) return everybody;
  const mine = [...workspace.channels.values()].filter((each) => each.members.has(userId));
  return everybody.filter((each) => mine.some((channel) => channel.members.has(each.id)));
}

function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
}
