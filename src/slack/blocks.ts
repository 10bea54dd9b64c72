import type { types } from '@slack/bolt';
import { plain } from './text.ts';

export type Block = types.KnownBlock;
export type View = types.ModalView;

/** Slack's limits on blocks; a message or view beyond them is refused whole. */
export const LIMITS = {
  messageBlocks: 50,
  messageText: 12_500,
  sectionText: 3_000,
  headerText: 150,
  buttonText: 75,
  optionText: 75,
  options: 100,
  viewTitle: 24,
  inputMax: 3_000,
  actions: 25,
} as const;

/** `verbatim` keeps Slack from making links and mentions out of plain words. */
const mrkdwn = (text: string): types.MrkdwnElement => ({ type: 'mrkdwn', text, verbatim: true });
export const plainText = (text: string, max: number): types.PlainTextElement => ({
  type: 'plain_text',
  text: plain(text, max),
  emoji: false,
});

export const section = (text: string): types.SectionBlock => ({ type: 'section', text: mrkdwn(text) });
export const context = (text: string): types.ContextBlock => ({ type: 'context', elements: [mrkdwn(text)] });
export const header = (text: string): types.HeaderBlock => ({
  type: 'header',
  text: plainText(text, LIMITS.headerText),
});
export const divider = (): types.DividerBlock => ({ type: 'divider' });

/** Lines as few sections as they fit in; every line is there, none is split. */
export function sections(lines: readonly string[]): types.SectionBlock[] {
  const texts: string[] = [];
  for (const line of lines) {
    const last = texts.at(-1);
    if (last !== undefined && last.length + 1 + line.length <= LIMITS.sectionText) {
      texts[texts.length - 1] = `${last}\n${line}`;
    } else texts.push(line);
  }
  return texts.map(section);
}

type ButtonOptions = {
  readonly action: string;
  readonly label: string;
  readonly value?: string;
  readonly style?: 'primary' | 'danger';
  readonly confirm?: { readonly title: string; readonly text: string; readonly yes: string };
};

export const button = ({ action, label, value, style, confirm }: ButtonOptions): types.Button => ({
  type: 'button',
  action_id: action,
  text: plainText(label, LIMITS.buttonText),
  ...(value === undefined ? {} : { value }),
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
export const notice = (title: string, blocks: readonly Block[]): View => ({
  type: 'modal',
  title: plainText(title, LIMITS.viewTitle),
  close: plainText('Close', LIMITS.viewTitle),
  blocks: [...blocks],
});

/** Characters of all texts of a message, which Slack bounds together. */
export const textLength = (blocks: readonly Block[]): number =>
  blocks.reduce((sum, block) => {
    if (block.type === 'section') return sum + (block.text?.text.length ?? 0);
    if (block.type === 'header') return sum + block.text.text.length;
    if (block.type === 'context') {
      return sum + block.elements.reduce((all, each) => all + ('text' in each ? each.text.length : 0), 0);
    }
    return sum;
  }, 0);
