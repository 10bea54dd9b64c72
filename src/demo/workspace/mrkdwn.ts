import type { Block, Inline, Interactive, RichPart } from './blocks.ts';
import type { Message, WorkspaceState } from './state.ts';

/** Slack's client escapes what people type before it sends it. */
export const escapeTyped = (text: string): string =>
  text.replace(/[&<>]/g, (each) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[each] ?? each);

const unescaped = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

/** Mrkdwn as words without markup: mentions by name, dates in UTC, links by their text. */
function plainWords(state: WorkspaceState, text: string): string {
  const replaced = text.replace(/<([^<>]*)>/g, (_, inner: string) => entity(state, inner));
  // Slack shows code as it is, in between backquotes.
  const parts = replaced.split(/```(.*?)```|`([^`\n]+)`/s);
  const words = parts.map((part, index) => (index % 3 === 0 ? withoutMarks(part) : part));
  return unescaped(words.join(''));
}

const withoutMarks = (text: string): string => text.replace(/:([a-z_]+):\s?/g, '').replace(/[*`]/g, '');

function entity(state: WorkspaceState, inner: string): string {
  const [head = '', label] = inner.split('|');
  if (head.startsWith('@')) return `@${state.user(head.slice(1))?.realName ?? label ?? head.slice(1)}`;
  if (head.startsWith('#')) return `#${state.channel(head.slice(1))?.name ?? label ?? head.slice(1)}`;
  if (head.startsWith('!')) return label ?? head.slice(1);
  return label ?? head;
}

/** A message as lines of plain text, for people who read the state and for the tour. */
export function plainMessage(state: WorkspaceState, message: Pick<Message, 'text' | 'blocks'>): string {
  if (message.blocks.length === 0) return plainWords(state, message.text);
  return message.blocks.flatMap((block) => blockLines(state, block)).join('\n');
}

const plainText = (state: WorkspaceState, { type, text }: { type: string; text: string }): string =>
  type === 'mrkdwn' ? plainWords(state, text) : text;

function blockLines(state: WorkspaceState, block: Block): string[] {
  switch (block.type) {
    case 'header':
      return [block.text.text];
    case 'rich_text':
      return block.elements.flatMap((part) => richLines(state, part));
    case 'section':
      return [
        ...(block.text ? [plainText(state, block.text)] : []),
        ...(block.fields ?? []).map((field) => plainText(state, field)),
        ...(block.accessory && block.accessory.type !== 'image' ? buttonLine([block.accessory]) : []),
      ];
    case 'context':
      return [block.elements.map((each) => (each.type === 'image' ? each.alt_text : plainText(state, each))).join(' ')];
    case 'actions':
      return buttonLine(block.elements);
    case 'image':
      return [block.alt_text];
    case 'input':
      return [block.label.text];
    case 'divider':
      return [];
    default:
      return block satisfies never;
  }
}

function richLines(state: WorkspaceState, part: RichPart): string[] {
  switch (part.type) {
    case 'rich_text_section':
    case 'rich_text_preformatted':
      return [inlineWords(state, part.elements)];
    case 'rich_text_quote':
      return [inlineWords(state, part.elements).replace(/^/gm, '> ')];
    case 'rich_text_list':
      return part.elements.map((item) => `• ${inlineWords(state, item.elements)}`);
    default:
      return part satisfies never;
  }
}

const inlineWords = (state: WorkspaceState, elements: readonly Inline[]): string =>
  elements
    .map((each) => {
      switch (each.type) {
        case 'text':
          return each.text;
        case 'link':
          return each.text ?? each.url;
        case 'date':
          return each.fallback ?? new Date(each.timestamp * 1000).toISOString();
        case 'user':
          return `@${state.user(each.user_id)?.realName ?? each.user_id}`;
        case 'channel':
          return `#${state.channel(each.channel_id)?.name ?? each.channel_id}`;
        case 'emoji':
          return '';
        default:
          return each satisfies never;
      }
    })
    .join('')
    .replace(/^ +/, '');

function buttonLine(elements: readonly Interactive[]): string[] {
  const labels = elements.flatMap((each) => (each.type === 'button' ? [`[${each.text.text}]`] : []));
  return labels.length === 0 ? [] : [labels.join(' ')];
}
