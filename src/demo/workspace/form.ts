import { z } from 'zod';
import { LIMITS, type ModalView, Options } from './blocks.ts';
import { checkView, interactives } from './check.ts';
import type { Core } from './core.ts';
import { deliver, interaction, silence } from './deliver.ts';
import { PersonaError, SlackError } from './errors.ts';
import { type Choice, isFilled, type Reader, readEntry } from './inputs.ts';
import { viewObject } from './objects.ts';
import type { OpenView, User } from './state.ts';
import { pushView, replaceView } from './views.ts';

/** A person's window: filling it in, sending it off, closing it. */

export const Entry = z.union([z.string().max(4_000), z.array(z.string().max(200)).max(200), z.null()]);
export const SubmissionInput = z.strictObject({
  values: z.record(z.string(), z.unknown()).default({}),
  close: z.boolean().default(false),
});

const OFFERED_MAX = 5_000;
/** Options that the app offered while somebody typed; a choice of one of them is sent back as it was offered. */
const offered = new WeakMap<Core, Map<string, Choice>>();

function offeredBy(core: Core): Map<string, Choice> {
  const known = offered.get(core) ?? new Map<string, Choice>();
  offered.set(core, known);
  return known;
}

export const entryReader = (core: Core, user: User): Reader => ({
  workspace: core.state,
  user: user.id,
  offered: (actionId) =>
    [...offeredBy(core)].flatMap(([key, choice]) => (key.startsWith(`${user.id} ${actionId} `) ? [choice] : [])),
});

const topOf = (core: Core, user: User): OpenView => {
  const open = core.state.modalsOf(user.id).at(-1);
  if (open) return open;
  throw new PersonaError(409, 'no_view', `${user.realName} has no window open.`);
};

type Problems = Record<string, string>;

/**
 * Puts entries into the window's fields. A key is a block id with entries by action id, or, where that is clear, a block id, an action id
 * or a label with the entry itself.
 */
export function applyEntries(
  core: Core,
  user: User,
  open: OpenView,
  entries: Readonly<Record<string, unknown>>,
): Problems {
  const problems: Problems = {};
  const reader = entryReader(core, user);
  for (const [key, given] of Object.entries(entries)) {
    const nested = z.record(z.string(), Entry).safeParse(given);
    const flat = nested.success ? Object.entries(nested.data) : [[key, Entry.parse(given)] as const];
    for (const [name, entry] of flat) {
      const { block, element } = fieldNamed(open, nested.success ? key : null, name);
      const blockId = block.block_id ?? '';
      const read = readEntry(element, entry, reader);
      if ('wrong' in read) problems[blockId] = read.wrong;
      else open.values[blockId] = { ...open.values[blockId], [element.action_id ?? '']: read.state };
    }
  }
  return problems;
}

function fieldNamed(open: OpenView, blockId: string | null, name: string) {
  const fields = interactives(open.view.blocks).filter(({ element }) => element.type !== 'button');
  const found = fields.find(({ block, element }) => {
    if (blockId !== null) return block.block_id === blockId && element.action_id === name;
    const label = block.type === 'input' ? block.label.text : null;
    return [block.block_id, element.action_id, label].includes(name);
  });
  if (found) return found;
  const known = fields.map(({ block }) => (block.type === 'input' ? block.label.text : block.block_id)).join(', ');
  throw new PersonaError(
    400,
    'no_such_field',
    `The window has no field “${name}”. Its fields are: ${known || 'none'}.`,
  );
}

/** What Slack's own client refuses before the app hears of it. */
function missing(open: OpenView): Problems {
  const problems: Problems = {};
  for (const { block, element } of interactives(open.view.blocks)) {
    if (block.type !== 'input' || block.optional) continue;
    const blockId = block.block_id ?? '';
    if (!isFilled(element, open.values[blockId]?.[element.action_id ?? ''])) {
      problems[blockId] = 'Please complete this required field.';
    }
  }
  return problems;
}

export type Submitted = { readonly modal: 'closed' | 'updated' | 'pushed' };

export async function submit(core: Core, user: User, input: z.infer<typeof SubmissionInput>): Promise<Submitted> {
  const open = topOf(core, user);
  if (input.close) return close(core, user, open);
  if (open.view.type !== 'modal' || open.view.submit === undefined) {
    throw new PersonaError(
      409,
      'nothing_to_submit',
      'This window has nothing to submit. Close it with {"close": true}.',
    );
  }
  const wrong = { ...applyEntries(core, user, open, input.values) };
  const problems = { ...missing(open), ...wrong };
  if (Object.keys(problems).length > 0) throw refuse(core, open, problems);
  open.errors = {};
  open.notice = null;
  core.state.changed();
  const payload = {
    ...interaction(core, user, 'view_submission', core.triggers.newTrigger(user.id, open.origin)),
    view: viewObject(core, open),
    response_urls: [],
  };
  const answer = await deliver(core, 'interactive', payload);
  if (!answer.acked) throw failed(core, open, silence('Sending this form', answer.why));
  return answered(core, user, open, answer.payload);
}

function refuse(core: Core, open: OpenView, errors: Problems): PersonaError {
  open.errors = errors;
  core.state.changed();
  const sentence = Object.values(errors).join(' ');
  return new PersonaError(422, 'form_errors', sentence, errors);
}

function failed(core: Core, open: OpenView, sentence: string): PersonaError {
  open.notice = sentence;
  core.state.changed();
  return new PersonaError(504, 'app_did_not_respond', sentence);
}

function close(core: Core, user: User, open: OpenView): Submitted {
  const stack = core.state.modalsOf(user.id);
  const clears = open.view.type === 'modal' && (open.view.clear_on_close ?? false);
  if (clears) stack.splice(0);
  else stack.pop();
  core.state.changed();
  if (open.view.type === 'modal' && open.view.notify_on_close) {
    const payload = { ...interaction(core, user, 'view_closed', ''), view: viewObject(core, open), is_cleared: clears };
    void deliver(core, 'interactive', payload);
  }
  return { modal: 'closed' };
}

const Answer = z.discriminatedUnion('response_action', [
  z.object({ response_action: z.literal('clear') }),
  z.object({ response_action: z.literal('errors'), errors: z.record(z.string(), z.string()) }),
  z.object({ response_action: z.literal('update'), view: z.unknown() }),
  z.object({ response_action: z.literal('push'), view: z.unknown() }),
]);

/** What the app's acknowledgement of a submission does to the window. */
function answered(core: Core, user: User, open: OpenView, payload: unknown): Submitted {
  const stack = core.state.modalsOf(user.id);
  const empty = z.strictObject({}).or(z.undefined()).or(z.null()).safeParse(payload).success;
  const answer = empty ? null : Answer.safeParse(payload);
  if (answer && !answer.success) throw failed(core, open, 'The app’s answer to this form was not understood.');
  try {
    const kind = answer?.data.response_action;
    if (answer?.data.response_action === 'errors') throw refuse(core, open, knownErrors(open, answer.data.errors));
    if (answer?.data.response_action === 'update') {
      replaceView(core, open, checkView(answer.data.view, 'modal'));
      return { modal: 'updated' };
    }
    if (answer?.data.response_action === 'push') {
      if (stack.length >= LIMITS.viewStack) throw new SlackError('push_limit_reached');
      pushView(core, user.id, checkView(answer.data.view, 'modal') as ModalView, open.origin);
      return { modal: 'pushed' };
    }
    if (kind === 'clear') stack.splice(0);
    else if (stack.includes(open)) stack.splice(stack.indexOf(open), 1);
    core.state.changed();
    return { modal: 'closed' };
  } catch (error) {
    if (!(error instanceof SlackError)) throw error;
    throw failed(core, open, `The app’s answer to this form was refused: ${error.code}.`);
  }
}

/** Errors belong to input blocks of the window; others Slack does not show, so the app must not send them. */
function knownErrors(open: OpenView, errors: Problems): Problems {
  const inputs = new Set(open.view.blocks.flatMap((block) => (block.type === 'input' ? [block.block_id] : [])));
  if (Object.keys(errors).length === 0 || Object.keys(errors).some((id) => !inputs.has(id))) {
    throw new SlackError('invalid_errors');
  }
  return errors;
}

/** Options for a menu that asks the app while somebody types. */
export async function suggest(
  core: Core,
  user: User,
  blockId: string,
  actionId: string,
  q: string,
): Promise<readonly Choice[]> {
  const open = topOf(core, user);
  const { block, element } = fieldNamed(open, blockId, actionId);
  if (element.type !== 'external_select' && element.type !== 'multi_external_select') {
    throw new PersonaError(400, 'not_a_search_menu', 'This menu already lists its options.');
  }
  if (q.length < (element.min_query_length ?? 3)) return [];
  const payload = {
    ...interaction(core, user, 'block_suggestion', ''),
    container: { type: 'view', view_id: open.id },
    view: viewObject(core, open),
    ...{ block_id: block.block_id, action_id: element.action_id, value: q },
  };
  const answer = await deliver(core, 'interactive', payload);
  if (!answer.acked) throw new PersonaError(504, 'app_did_not_respond', silence('Searching', answer.why));
  const parsed = z.object({ options: Options }).safeParse(answer.payload);
  if (!parsed.success) throw new PersonaError(502, 'bad_options', 'The app’s options were not understood.');
  const known = offeredBy(core);
  for (const choice of parsed.data.options) known.set(`${user.id} ${element.action_id} ${choice.value}`, choice);
  while (known.size > OFFERED_MAX) known.delete(known.keys().next().value ?? '');
  return parsed.data.options;
}
