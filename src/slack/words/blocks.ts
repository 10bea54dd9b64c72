import type { types } from '@slack/bolt';
import { type Line, stacked, toElements, toMrkdwn, toPlain } from './line.ts';
import { plain, plainLines } from './text.ts';

export type Block = types.KnownBlock;
export type View = types.ModalView;

/** Slack's limits on blocks; a message or view beyond them is refused whole. */
export const LIMITS = {
  messageBlocks: 50,
  homeBlocks: 100,
  messageText: 12_500,
  sectionText: 3_000,
  headerText: 150,
  buttonText: 75,
  optionText: 75,
  options: 100,
  viewTitle: 24,
  inputMax: 3_000,
  actions: 25,
  contextElements: 10,
  contextText: 2_000,
} as const;

export const plainText = (text: string, max: number): types.PlainTextElement => ({
  type: 'plain_text',
  text: plain(text, max),
  emoji: false,
});

type Part = types.RichTextBlockElement;

/** Text is in rich text, whose elements hold it as it is: nothing in it is ever read as markup. */
export const rich = (...parts: readonly Part[]): types.RichTextBlock => ({ type: 'rich_text', elements: [...parts] });

/** Lines one below the other. */
export const paragraph = (...lines: readonly Line[]): types.RichTextSection => ({
  type: 'rich_text_section',
  elements: toElements(stacked(lines)),
});

/** What somebody wrote, with its line breaks. */
export const quoted = (text: string, max: number): types.RichTextQuote => ({
  type: 'rich_text_quote',
  elements: [{ type: 'text', text: plainLines(text, max) }],
});

/** Lines to copy, or a command. */
export const preformatted = (text: string, max: number = LIMITS.sectionText): types.RichTextPreformatted => ({
  type: 'rich_text_preformatted',
  elements: [{ type: 'text', text: plainLines(text, max) }],
});

export const bullets = (lines: readonly Line[]): types.RichTextList => ({
  type: 'rich_text_list',
  style: 'bullet',
  elements: lines.map((each) => paragraph(each)),
});

export const section = (...lines: readonly Line[]): types.RichTextBlock => rich(paragraph(...lines));

/** Small print, which rich text does not have: our own words as mrkdwn, a line that holds somebody else's as plain text. */
export const context = (...lines: readonly Line[]): types.ContextBlock => ({
  type: 'context',
  elements: lines.slice(0, LIMITS.contextElements).map((each): types.MrkdwnElement | types.PlainTextElement => {
    const text = toMrkdwn(each);
    return text === null ? plainText(toPlain(each), LIMITS.contextText) : { type: 'mrkdwn', text, verbatim: true };
  }),
});

export const header = (text: string): types.HeaderBlock => ({
  type: 'header',
  text: plainText(text, LIMITS.headerText),
});
export const divider = (): types.DividerBlock => ({ type: 'divider' });

type ButtonOptions = {
  readonly action: string;
  readonly label: string;
  readonly value?: string;
  /** Opens this address. */
  readonly url?: string;
  readonly style?: 'primary' | 'danger';
  readonly confirm?: { readonly title: string; readonly text: string; readonly yes: string };
};

export const button = ({ action, label, value, url, style, confirm }: ButtonOptions): types.Button => ({
  type: 'button',
  action_id: action,
  text: plainText(label, LIMITS.buttonText),
  ...(value === undefined ? {} : { value }),
  ...(url === undefined ? {} : { url }),
  ...(style === undefined ? {} : { style }),
  ...(confirm === undefined
    ? {}
    : {
        confirm: {
          title: plainText(confirm.title, 100),
          text: plainText(confirm.text, 300),
          confirm: plainText(confirm.yes, 30),
          deny: plainText('Cancel', 30),
        },
      }),
});

export const actions = (block: string, buttons: readonly types.Button[]): types.ActionsBlock => ({
  type: 'actions',
  block_id: block,
  elements: buttons.slice(0, LIMITS.actions),
});

export const option = (label: string, value: string): types.PlainTextOption => ({
  text: plainText(label, LIMITS.optionText),
  value,
});

type Input = {
  readonly field: string;
  readonly label: string;
  readonly element: types.InputBlock['element'];
  readonly hint?: string;
  readonly optional?: boolean;
  readonly dispatch?: boolean;
};

/** `field` is the block id, which is where a refusal's `field` puts its sentence. */
export const input = ({ field, label, element, hint, optional, dispatch }: Input): types.InputBlock => ({
  type: 'input',
  block_id: field,
  label: plainText(label, 200),
  element,
  ...(hint === undefined ? {} : { hint: plainText(hint, 200) }),
  ...(optional ? { optional: true } : {}),
  ...(dispatch ? { dispatch_action: true } : {}),
});

/** A modal without inputs, to tell something in. */
export const textModal = (title: string, blocks: readonly Block[]): View => ({
  type: 'modal',
  title: plainText(title, LIMITS.viewTitle),
  close: plainText('Close', LIMITS.viewTitle),
  blocks: [...blocks],
});

/** Characters of all texts of a message, which Slack bounds together. */
export function textLength(blocks: readonly unknown[]): number {
  let length = 0;
  JSON.stringify(blocks, (key, value: unknown) => {
    if ((key === 'text' || key === 'fallback' || key === 'format') && typeof value === 'string') length += value.length;
    return value;
  });
  return length;
}
