import type { Block, Interactive } from './blocks.ts';
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
  const lines = message.blocks.length > 0 ? message.blocks.flatMap(blockLines) : [message.text];
  return lines.map((line) => plainWords(state, line)).join('\n');
}

function blockLines(block: Block): string[] {
  switch (block.type) {
    case 'header':
      return [block.text.text];
    case 'section':
      return [
        ...(block.text ? [block.text.text] : []),
        ...(block.fields ?? []).map((field) => field.text),
        ...(block.accessory && block.accessory.type !== 'image' ? buttonLine([block.accessory]) : []),
      ];
    case 'context':
      return [block.elements.map((each) => (each.type === 'image' ? each.alt_text : each.text)).join(' ')];
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

function buttonLine(elements: readonly Interactive[]): string[] {
  const labels = elements.flatMap((each) => (each.type === 'button' ? [`[${each.text.text}]`] : []));
  return labels.length === 0 ? [] : [labels.join(' ')];
}
