import { codeLines, h, icon } from './dom.js';

const EMOJI = {
  white_check_mark: ['check', 'good'],
  hourglass: ['clock', 'quiet'],
  hourglass_flowing_sand: ['clock', 'warn'],
  receipt: ['file', 'quiet'],
  key: ['key', 'quiet'],
  no_entry: ['stop', 'bad'],
  no_entry_sign: ['stop', 'bad'],
  warning: ['alert', 'warn'],
  rotating_light: ['alert', 'bad'],
  checkered_flag: ['flag', 'quiet'],
  leftwards_arrow_with_hook: ['back', 'quiet'],
  large_green_circle: ['dot', 'good'],
  white_circle: ['dot', 'quiet'],
  alarm_clock: ['clock', 'warn'],
  speech_balloon: ['thread', 'quiet'],
  arrows_counterclockwise: ['back', 'quiet'],
  bust_in_silhouette: ['person', 'quiet'],
  ticket: ['file', 'quiet'],
};

const decode = (text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

/** Slack's mrkdwn as nodes. `names` knows people and channels by id. */
export function mrkdwn(text, names) {
  const parts = text.split(/```\n?([\s\S]*?)```/);
  return parts.flatMap((part, index) => {
    if (index % 2 === 1) return [codeLines(decode(part.replace(/\n$/, '')))];
    const trimmed = index === 0 ? part : part.replace(/^\n/, '');
    return trimmed === '' ? [] : [paragraphs(trimmed.replace(/\n$/, ''), names)];
  });
}

function paragraphs(text, names) {
  const box = h('div', { className: 'text' });
  let quote = null;
  for (const line of text.split('\n')) {
    const quoted = /^(?:>|&gt;) ?(.*)$/.exec(line);
    if (quoted) {
      quote ??= box.appendChild(h('blockquote'));
      quote.append(h('div', {}, inline(quoted[1], names)));
    } else {
      quote = null;
      box.append(h('div', {}, line === '' ? h('br') : inline(line, names)));
    }
  }
  return box;
}

const TOKEN =
  /`([^`\n]+)`|<([^<>\n]+)>|:([a-z0-9_+-]+):|(?<![\w*])\*([^*\n]+)\*(?![\w*])|(?<![\w_])_([^_\n]+)_(?![\w_])|(?<!\w)~([^~\n]+)~(?!\w)/g;

function inline(text, names) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, code, entity, emoji, bold, italic, strike] = match;
    nodes.push(decode(text.slice(at, match.index)));
    at = match.index + whole.length;
    if (code !== undefined) nodes.push(h('code', {}, decode(code)));
    else if (entity !== undefined) nodes.push(entityNode(entity, names));
    else if (emoji !== undefined) nodes.push(emojiNode(emoji, whole));
    else if (bold !== undefined) nodes.push(h('strong', {}, inline(bold, names)));
    else if (italic !== undefined) nodes.push(h('em', {}, inline(italic, names)));
    else if (strike !== undefined) nodes.push(h('s', {}, inline(strike, names)));
  }
  nodes.push(decode(text.slice(at)));
  return nodes;
}

export function emojiNode(name, whole) {
  const known = EMOJI[name];
  if (!known) return whole;
  const [shape, tone] = known;
  const label = { role: 'img', 'aria-label': name.replaceAll('_', ' ') };
  return h(
    'span',
    { className: `emoji ${tone}`, ...label },
    shape === 'dot' ? h('span', { className: 'dot' }) : icon(shape),
  );
}

function entityNode(entity, names) {
  const [head, label] = entity.split('|');
  if (head.startsWith('@'))
    return h('span', { className: 'mention' }, `@${names.person(head.slice(1)) ?? label ?? head.slice(1)}`);
  if (head.startsWith('#'))
    return h('span', { className: 'mention' }, `#${names.channel(head.slice(1)) ?? label ?? head.slice(1)}`);
  if (head.startsWith('!date^')) return dateNode(head, label);
  if (head.startsWith('!')) return h('span', { className: 'mention' }, label ?? `@${head.slice(1)}`);
  if (/^(?:https?|mailto):/.test(head)) {
    return h('a', { href: decode(head), rel: 'noreferrer noopener', target: '_blank' }, decode(label ?? head));
  }
  return decode(label ?? head);
}

function dateNode(head, fallback) {
  const [, seconds, format = ''] = head.split('^');
  return dateOf(seconds, format, fallback);
}

/** A moment in the reader's own time zone. */
export function dateOf(seconds, format, fallback) {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return fallback ?? '';
  const shown = format.replace(/\{(\w+)\}/g, (_, token) => dateToken(token, date));
  return h('time', { datetime: date.toISOString(), title: fallback ?? '' }, shown);
}

function dateToken(token, date) {
  const as = (options) => new Intl.DateTimeFormat('en-GB', options).format(date);
  if (token === 'time') return as({ hour: '2-digit', minute: '2-digit' });
  if (token === 'time_secs') return as({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
  if (token === 'date_num') return date.toISOString().slice(0, 10);
  if (!token.startsWith('date')) return `{${token}}`;
  const days = Math.round((new Date(date).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 86_400_000);
  const near = { '-1': 'yesterday', 0: 'today', 1: 'tomorrow' }[days];
  if (token.endsWith('_pretty') && near) return near;
  return as({ day: 'numeric', month: token.includes('short') ? 'short' : 'long', year: 'numeric' });
}

/** `14:05`, or with the day when it was another one. */
export function clockTime(ts) {
  const date = new Date(Number(ts) * 1000);
  const time = dateToken('time', date);
  return new Date().toDateString() === date.toDateString() ? time : `${dateToken('date_short', date)} ${time}`;
}
