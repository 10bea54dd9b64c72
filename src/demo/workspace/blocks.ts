import { z } from 'zod';

/**
 * Slack's blocks as its reference documents them, with its limits. Block types that this workspace's page cannot show are refused
 * like unknown ones.
 */
export const LIMITS = {
  messageBlocks: 50,
  viewBlocks: 100,
  viewBytes: 250_000,
  viewStack: 3,
  blocksText: 13_200,
  postText: 40_000,
  updateText: 4_000,
  sectionText: 3_000,
  options: 100,
  viewTitle: 24,
  privateMetadata: 3_000,
  inputText: 3_000,
} as const;

const plain = (max: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(max), emoji: z.boolean().optional() });
const mrkdwn = (max: number) =>
  z.strictObject({ type: z.literal('mrkdwn'), text: z.string().min(1).max(max), verbatim: z.boolean().optional() });
const text = (max: number) => z.discriminatedUnion('type', [plain(max), mrkdwn(max)]);

const id = z.string().min(1).max(255);
const style = z.enum(['primary', 'danger']);
const confirm = z.strictObject({
  title: plain(100).optional(),
  text: text(300),
  confirm: plain(30).optional(),
  deny: plain(30).optional(),
  style: style.optional(),
});

const option = z.strictObject({
  text: text(75),
  value: z.string().min(1).max(150),
  description: text(75).optional(),
  url: z.string().max(3_000).optional(),
});
const menuOption = option.extend({ text: plain(75) });
export const Options = z.array(menuOption).max(LIMITS.options);

const common = { action_id: id.optional(), confirm: confirm.optional(), focus_on_load: z.boolean().optional() };
const menu = { ...common, placeholder: plain(150).optional() };
const many = { ...menu, max_selected_items: z.int().min(1).optional() };
const choices = {
  options: z.array(menuOption).min(1).max(LIMITS.options).optional(),
  option_groups: z
    .array(z.strictObject({ label: plain(75), options: z.array(menuOption).max(LIMITS.options) }))
    .min(1)
    .max(100)
    .optional(),
};
const query = { min_query_length: z.int().min(0).optional() };
const filter = z.strictObject({
  include: z
    .array(z.enum(['im', 'mpim', 'private', 'public']))
    .min(1)
    .optional(),
  exclude_external_shared_channels: z.boolean().optional(),
  exclude_bot_users: z.boolean().optional(),
});
const conversations = { filter: filter.optional(), default_to_current_conversation: z.boolean().optional() };
const respond = { response_url_enabled: z.boolean().optional() };
const dispatch = z.strictObject({
  trigger_actions_on: z.array(z.enum(['on_enter_pressed', 'on_character_entered'])).min(1),
});
const typed = {
  ...menu,
  initial_value: z.string().optional(),
  dispatch_action_config: dispatch.optional(),
};
const date = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'must be a date: YYYY-MM-DD');

const button = z.strictObject({
  type: z.literal('button'),
  action_id: id.optional(),
  confirm: confirm.optional(),
  text: plain(75),
  value: z.string().max(2_000).optional(),
  url: z.string().max(3_000).optional(),
  style: style.optional(),
  accessibility_label: z.string().max(75).optional(),
});
const few = z.array(option).min(1).max(10);
const element = <Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) =>
  z.strictObject({ type: z.literal(type), ...shape });

const overflow = element('overflow', {
  action_id: id.optional(),
  confirm: confirm.optional(),
  options: z.array(menuOption).min(1).max(5),
});
const choosers = [
  element('checkboxes', { ...common, options: few, initial_options: few.optional() }),
  element('radio_buttons', { ...common, options: few, initial_option: option.optional() }),
  element('datepicker', { ...menu, initial_date: date.optional() }),
  element('timepicker', { ...menu, initial_time: z.string().optional(), timezone: z.string().optional() }),
  element('static_select', { ...menu, ...choices, initial_option: menuOption.optional() }),
  element('multi_static_select', { ...many, ...choices, initial_options: z.array(menuOption).min(1).optional() }),
  element('external_select', { ...menu, ...query, initial_option: menuOption.optional() }),
  element('multi_external_select', { ...many, ...query, initial_options: z.array(menuOption).min(1).optional() }),
  element('users_select', { ...menu, initial_user: id.optional() }),
  element('multi_users_select', { ...many, initial_users: z.array(id).optional() }),
  element('conversations_select', { ...menu, ...conversations, ...respond, initial_conversation: id.optional() }),
  element('multi_conversations_select', { ...many, ...conversations, initial_conversations: z.array(id).optional() }),
] as const;
const writers = [
  element('plain_text_input', {
    ...typed,
    multiline: z.boolean().optional(),
    min_length: z.int().min(0).max(LIMITS.inputText).optional(),
    max_length: z.int().min(1).max(LIMITS.inputText).optional(),
  }),
  element('email_text_input', typed),
  element('url_text_input', typed),
  element('number_input', {
    ...typed,
    is_decimal_allowed: z.boolean(),
    min_value: z.string().optional(),
    max_value: z.string().optional(),
  }),
] as const;
const image = element('image', { image_url: z.string().max(3_000), alt_text: z.string().min(1).max(2_000) });

const ActionElement = z.discriminatedUnion('type', [button, overflow, ...choosers]);
const Accessory = z.discriminatedUnion('type', [button, overflow, image, ...choosers]);
const InputElement = z.discriminatedUnion('type', [...choosers, ...writers]);

const block = <Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) =>
  z.strictObject({ type: z.literal(type), block_id: id.optional(), ...shape });

const section = block('section', {
  text: text(LIMITS.sectionText).optional(),
  fields: z.array(text(2_000)).min(1).max(10).optional(),
  accessory: Accessory.optional(),
  expand: z.boolean().optional(),
});
const marks = z.strictObject({
  bold: z.boolean().optional(),
  italic: z.boolean().optional(),
  strike: z.boolean().optional(),
  code: z.boolean().optional(),
  underline: z.boolean().optional(),
});
const inline = <Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) =>
  z.strictObject({ type: z.literal(type), ...shape, style: marks.optional() });
const words = inline('text', { text: z.string().min(1) });
const link = inline('link', { url: z.string().min(1).max(3_000), text: z.string().optional() });
const Inline = z.discriminatedUnion('type', [
  words,
  link,
  inline('emoji', { name: z.string().min(1), unicode: z.string().optional() }),
  inline('user', { user_id: id }),
  inline('channel', { channel_id: id }),
  inline('date', {
    timestamp: z.int().nonnegative(),
    format: z.string().regex(/\{[a-z_]+\}/, 'must hold a date token'),
    url: z.string().max(3_000).optional(),
    fallback: z.string().optional(),
  }),
]);
export type Inline = z.infer<typeof Inline>;
const richSection = z.strictObject({ type: z.literal('rich_text_section'), elements: z.array(Inline).min(1) });
const RichPart = z.discriminatedUnion('type', [
  richSection,
  z.strictObject({
    type: z.literal('rich_text_list'),
    style: z.enum(['bullet', 'ordered']),
    elements: z.array(richSection).min(1),
    indent: z.int().min(0).max(8).optional(),
    offset: z.int().min(0).optional(),
    border: z.int().min(0).max(1).optional(),
  }),
  z.strictObject({
    type: z.literal('rich_text_preformatted'),
    elements: z.array(z.discriminatedUnion('type', [words, link])).min(1),
    border: z.int().min(0).max(1).optional(),
  }),
  z.strictObject({
    type: z.literal('rich_text_quote'),
    elements: z.array(Inline).min(1),
    border: z.int().min(0).max(1).optional(),
  }),
]);
export type RichPart = z.infer<typeof RichPart>;
const knownBlocks = [
  block('rich_text', { elements: z.array(RichPart).min(1) }),
  section.refine((each) => each.text !== undefined || each.fields !== undefined, {
    message: 'missing required field: text',
  }),
  block('context', {
    elements: z
      .array(z.union([text(LIMITS.sectionText), image]))
      .min(1)
      .max(10),
  }),
  block('divider', {}),
  block('header', { text: plain(150) }),
  block('actions', { elements: z.array(ActionElement).min(1).max(25) }),
  block('image', {
    image_url: z.string().max(3_000),
    alt_text: z.string().min(1).max(2_000),
    title: plain(2_000).optional(),
  }),
  block('input', {
    label: plain(2_000),
    element: InputElement,
    hint: plain(2_000).optional(),
    optional: z.boolean().optional(),
    dispatch_action: z.boolean().optional(),
  }),
] as const;
export const Block = z.discriminatedUnion('type', knownBlocks);
export type Block = z.infer<typeof Block>;
export type ActionElement = z.infer<typeof ActionElement>;
export type InputElement = z.infer<typeof InputElement>;
/** Anything in a block that a person can use. */
export type Interactive = Exclude<z.infer<typeof Accessory> | InputElement, { type: 'image' }>;

const viewBlocks = z.array(Block).max(LIMITS.viewBlocks);
const viewCommon = {
  private_metadata: z.string().max(LIMITS.privateMetadata).optional(),
  callback_id: z.string().max(255).optional(),
  external_id: z.string().max(255).optional(),
};
export const ModalView = z
  .strictObject({
    type: z.literal('modal'),
    title: plain(LIMITS.viewTitle),
    blocks: viewBlocks,
    close: plain(LIMITS.viewTitle).optional(),
    submit: plain(LIMITS.viewTitle).optional(),
    submit_disabled: z.boolean().optional(),
    clear_on_close: z.boolean().optional(),
    notify_on_close: z.boolean().optional(),
    ...viewCommon,
  })
  .refine((view) => view.submit !== undefined || view.blocks.every((each) => each.type !== 'input'), {
    message: 'missing required field: submit',
    path: ['submit'],
  });
export const HomeView = z.strictObject({ type: z.literal('home'), blocks: viewBlocks, ...viewCommon });
export type ModalView = z.infer<typeof ModalView>;
export type View = ModalView | z.infer<typeof HomeView>;

export const MessageBlocks = z.array(Block).max(LIMITS.messageBlocks);
