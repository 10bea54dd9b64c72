import { z } from 'zod';

/** What Slack refuses a message or a view for; written from its documentation, apart from the product's own limits. */

const plain = (max: number) =>
  z.object({ type: z.literal('plain_text'), text: z.string().min(1).max(max), emoji: z.boolean().optional() });
const mrkdwn = (max: number) =>
  z.object({ type: z.literal('mrkdwn'), text: z.string().min(1).max(max), verbatim: z.boolean().optional() });
const actionId = z.string().min(1).max(255);
const blockId = z.string().min(1).max(255).optional();
const option = z.strictObject({ text: plain(75), value: z.string().min(1).max(150) });
const options = z.array(option).min(1).max(100);
const placeholder = plain(150).optional();

const button = z.strictObject({
  type: z.literal('button'),
  action_id: actionId,
  text: plain(75),
  value: z.string().max(2_000).optional(),
  url: z.string().min(1).max(3_000).optional(),
  style: z.enum(['primary', 'danger']).optional(),
  confirm: z.strictObject({ title: plain(100), text: plain(300), confirm: plain(30), deny: plain(30) }).optional(),
});

const element = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('static_select'),
    action_id: actionId,
    placeholder,
    options,
    initial_option: option.optional(),
  }),
  z.strictObject({
    type: z.literal('multi_static_select'),
    action_id: actionId,
    placeholder,
    options,
    initial_options: z.array(option).min(1).optional(),
    max_selected_items: z.int().min(1).optional(),
  }),
  z.strictObject({
    type: z.literal('multi_external_select'),
    action_id: actionId,
    placeholder,
    initial_options: z.array(option).min(1).optional(),
    min_query_length: z.int().min(0),
    max_selected_items: z.int().min(1).optional(),
  }),
  z.strictObject({
    type: z.literal('multi_users_select'),
    action_id: actionId,
    placeholder,
    max_selected_items: z.int().optional(),
    initial_users: z.array(z.string()).min(1).optional(),
  }),
  z.strictObject({
    type: z.literal('users_select'),
    action_id: actionId,
    placeholder,
    initial_user: z
      .string()
      .regex(/^[UW][A-Z0-9]+$/)
      .optional(),
  }),
  z.strictObject({
    type: z.literal('conversations_select'),
    action_id: actionId,
    placeholder,
    default_to_current_conversation: z.boolean(),
    filter: z.object({}).loose(),
  }),
  z.strictObject({ type: z.literal('datepicker'), action_id: actionId, initial_date: z.iso.date().optional() }),
  z.strictObject({
    type: z.literal('plain_text_input'),
    action_id: actionId,
    initial_value: z.string().min(1).max(3_000).optional(),
    multiline: z.boolean().optional(),
    max_length: z.int().min(1).max(3_000),
  }),
]);

const style = z
  .strictObject({ bold: z.literal(true).optional(), code: z.literal(true).optional() })
  .refine((given) => Object.keys(given).length > 0)
  .optional();
const words = z.strictObject({ type: z.literal('text'), text: z.string().min(1), style });
const inline = z.discriminatedUnion('type', [
  words,
  z.strictObject({ type: z.literal('emoji'), name: z.string().regex(/^[a-z_]+$/) }),
  z.strictObject({ type: z.literal('user'), user_id: z.string().regex(/^U[A-Z0-9]+$/) }),
  z.strictObject({
    type: z.literal('date'),
    timestamp: z.int().nonnegative(),
    format: z.enum(['{date_short_pretty} at {time}', '{time}']),
    fallback: z.string().regex(/^(?:\d{4}-\d\d-\d\d )?\d\d:\d\d UTC$/),
    style,
  }),
]);
const paragraph = z.strictObject({ type: z.literal('rich_text_section'), elements: z.array(inline).min(1) });
const richPart = z.discriminatedUnion('type', [
  paragraph,
  z.strictObject({ type: z.literal('rich_text_quote'), elements: z.array(words).min(1) }),
  z.strictObject({ type: z.literal('rich_text_preformatted'), elements: z.array(words).min(1) }),
  z.strictObject({
    type: z.literal('rich_text_list'),
    style: z.literal('bullet'),
    elements: z.array(paragraph).min(1),
  }),
]);

const block = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('rich_text'), block_id: blockId, elements: z.array(richPart).min(1) }),
  z.strictObject({ type: z.literal('header'), block_id: blockId, text: plain(150) }),
  z.strictObject({
    type: z.literal('context'),
    block_id: blockId,
    elements: z
      .array(z.union([mrkdwn(3_000), plain(3_000)]))
      .min(1)
      .max(10),
  }),
  z.strictObject({ type: z.literal('divider'), block_id: blockId }),
  z.strictObject({ type: z.literal('actions'), block_id: blockId, elements: z.array(button).min(1).max(25) }),
  z.strictObject({
    type: z.literal('input'),
    block_id: z.string().min(1).max(255),
    label: plain(2_000),
    hint: plain(2_000).optional(),
    element,
    optional: z.boolean().optional(),
    dispatch_action: z.boolean().optional(),
  }),
]);

const MESSAGE_TEXT = 13_200;

const unique = (values: readonly (string | undefined)[]): boolean => {
  const given = values.filter((value) => value !== undefined);
  return new Set(given).size === given.length;
};

type Blocks = readonly z.infer<typeof block>[];
const blockIds = (blocks: Blocks) => blocks.map((each) => each.block_id);
const actionIds = (blocks: Blocks) =>
  blocks.flatMap((each) => (each.type === 'actions' ? each.elements.map((button) => button.action_id) : []));

type Part = z.infer<typeof richPart>;
const lineOf = (elements: readonly z.infer<typeof inline>[]): string =>
  elements.map((each) => (each.type === 'text' ? each.text : each.type === 'date' ? each.fallback : '')).join('');
const partLines = (part: Part): string[] =>
  part.type === 'rich_text_list' ? part.elements.map((each) => lineOf(each.elements)) : [lineOf(part.elements)];

const texts = (blocks: Blocks): string[] =>
  blocks.flatMap((each) => {
    if (each.type === 'header') return [each.text.text];
    if (each.type === 'rich_text') return each.elements.flatMap(partLines);
    return each.type === 'context' ? each.elements.map((inner) => inner.text) : [];
  });

/** The texts that Slack reads as markup, in a message or a view. */
export function markupIn(blocks: readonly unknown[]): string[] {
  const found: string[] = [];
  JSON.stringify(blocks, (_, value: unknown) => {
    if (typeof value === 'object' && value !== null && 'type' in value && value.type === 'mrkdwn') {
      found.push(mrkdwn(3_000).parse(value).text);
    }
    return value;
  });
  return found;
}

/** Throws where Slack would refuse it; returns all texts that people see. */
export function checkMessage(message: { readonly text: string; readonly blocks: readonly unknown[] }): string[] {
  const blocks = z.array(block).max(50).parse(message.blocks);
  z.string().min(1).max(4_000).parse(message.text);
  const shown = texts(blocks);
  const total = shown.reduce((sum, text) => sum + text.length, 0);
  if (total > MESSAGE_TEXT) throw new Error(`msg_blocks_too_long: ${total}`);
  if (blocks.some((each) => each.type === 'input')) throw new Error('a message holds no input');
  if (!unique(blockIds(blocks)) || !unique(actionIds(blocks))) throw new Error('ids are not unique');
  return shown;
}

export function checkView(view: unknown): string[] {
  const { blocks, submit } = z
    .strictObject({
      type: z.literal('modal'),
      callback_id: z.string().max(255).optional(),
      private_metadata: z.string().max(3_000).optional(),
      title: plain(24),
      submit: plain(24).optional(),
      close: plain(24).optional(),
      blocks: z.array(block).min(1).max(100),
    })
    .parse(view);
  if (JSON.stringify(view).length > 250_000) throw new Error('view_too_large');
  if (blocks.some((each) => each.type === 'input') && !submit) throw new Error('a form needs its submit');
  if (!unique(blockIds(blocks)) || !unique(actionIds(blocks))) throw new Error('ids are not unique');
  return texts(blocks);
}

/** What Daypass itself writes with angle brackets: dates. */
const OWN_MARKUP = /<!date\^\d+\^(?:\{date_short_pretty\} at )?\{time\}\|(?:\d{4}-\d\d-\d\d )?\d\d:\d\d UTC>/g;

/** Throws where text that Slack reads as markup could mention, link or hide. */
export function checkInert(markup: readonly string[]): void {
  for (const text of markup) {
    const rest = text.replace(OWN_MARKUP, '');
    if (/[<>]/.test(rest) || /&(?!(?:amp|lt|gt);)/.test(rest)) throw new Error(`not escaped: ${rest}`);
    checkVisible([text]);
  }
}

/** Throws where a text holds what nobody sees, or what reorders it. */
export function checkVisible(shown: readonly string[]): void {
  for (const text of shown) {
    if (/[\p{Cs}\p{Cf}]|(?!\n)\p{Cc}/u.test(text)) throw new Error(`hidden characters: ${JSON.stringify(text)}`);
  }
}
