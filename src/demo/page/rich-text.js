import { codeLines, h } from './dom.js';
import { dateOf, emojiNode } from './mrkdwn.js';

/** Slack's rich text as nodes. Its text is never markup: it goes in as it is. */
export const richText = (parts, names) => parts.map((part) => partNode(part, names));

function partNode(part, names) {
  const words = (elements) => elements.map((element) => inline(element, names));
  switch (part.type) {
    case 'rich_text_section':
      return h('div', { className: 'text lines' }, words(part.elements));
    case 'rich_text_quote':
      return h('blockquote', { className: 'lines' }, words(part.elements));
    case 'rich_text_preformatted':
      return codeLines(part.elements.map((element) => element.text ?? element.url).join(''));
    case 'rich_text_list':
      return h(
        part.style === 'ordered' ? 'ol' : 'ul',
        { className: 'bullets' },
        part.elements.map((item) => h('li', { className: 'lines' }, words(item.elements))),
      );
    default:
      return h('div', { className: 'text' }, `(rich text of type ${part.type})`);
  }
}

function inline(element, names) {
  const node = bare(element, names);
  const { bold, italic, strike, code } = element.style ?? {};
  return [
    [code, 'code'],
    [italic, 'em'],
    [strike, 's'],
    [bold, 'strong'],
  ].reduce((inner, [on, tag]) => (on ? h(tag, {}, inner) : inner), node);
}

function bare(element, names) {
  switch (element.type) {
    case 'text':
      return element.text;
    case 'emoji':
      return emojiNode(element.name, `:${element.name}:`);
    case 'date':
      return dateOf(element.timestamp, element.format, element.fallback);
    case 'user':
      return h('span', { className: 'mention' }, `@${names.person(element.user_id) ?? element.user_id}`);
    case 'channel':
      return h('span', { className: 'mention' }, `#${names.channel(element.channel_id) ?? element.channel_id}`);
    case 'link':
      return /^(?:https?|mailto):/.test(element.url)
        ? h('a', { href: element.url, rel: 'noreferrer noopener', target: '_blank' }, element.text ?? element.url)
        : (element.text ?? element.url);
    default:
      return `(${element.type})`;
  }
}

/** Texts of all preformatted parts of blocks, in their order. */
export const preformattedIn = (blocks) =>
  blocks.flatMap((block) =>
    block.type === 'rich_text'
      ? block.elements
          .filter((part) => part.type === 'rich_text_preformatted')
          .map((part) => part.elements.map((element) => element.text ?? '').join(''))
      : [],
  );
