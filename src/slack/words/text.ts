/** What people typed, or targets said, made fit to be shown: nothing that hides or reorders, and bounded. */

/** Controls, zero-width and bidirectional marks, line separators, fillers, tags. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const LONE_SURROGATES = /\p{Cs}/gu;
const BREAKS = /[\r\n\t\u2028\u2029]+/g;
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const ELLIPSIS = '…';

/** Drops what cannot be seen and makes lone surrogates visible. */
const visible = (text: string): string => text.replace(LONE_SURROGATES, '\ufffd').replace(HIDDEN, '');

/** One line, for plain_text and for text elements of rich text, which know no markup; no character is split. */
export const plain = (text: string, max: number): string =>
  cut([...visible(text.replace(BREAKS, ' ')).trim()], max) || '-';

/** The same with its line breaks; what is not there is said. */
export function plainLines(text: string, max: number): string {
  const lines = text.split(/\r\n|[\r\n\u2028\u2029]/).map((line) => visible(line.replaceAll('\t', '    ')).trimEnd());
  const shown = cut([...lines.join('\n').replace(/^\n+|\n+$/g, '')], max);
  return shown.trim() === '' ? '(empty)' : shown;
}

/** Escaped for Slack's mrkdwn, at most `max` UTF-16 units as sent; an entity or a surrogate pair is never split. */
export const escapeText = (text: string, max: number): string =>
  cut([...visible(text.replace(BREAKS, ' ')).trim()].map(entities), max);

/** What was typed behind a command or in a message: Slack hands it on escaped. */
export const asTyped = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

export const entities = (text: string): string => text.replace(/[&<>]/g, (each) => ENTITIES[each] ?? each);

/**
 * For a message's `text`, which phones show and Slack reads as mrkdwn: escaped, and the marks of bold, strike, code and emoji are replaced
 * by characters that look alike.
 */
export const inert = (text: string, max: number): string =>
  escapeText(
    text
      .replaceAll('*', '∗')
      .replaceAll('~', '∼')
      .replaceAll('`', 'ˋ')
      .replace(/:(?=[\w+-]+:)/g, '∶'),
    max,
  );

function cut(pieces: readonly string[], max: number): string {
  let length = 0;
  for (const [index, piece] of pieces.entries()) {
    length += piece.length;
    if (length > max) return shorten(pieces.slice(0, index), max);
  }
  return pieces.join('');
}

function shorten(pieces: readonly string[], max: number): string {
  const kept = [...pieces];
  let length = kept.reduce((sum, piece) => sum + piece.length, 0);
  while (kept.length > 0 && length > max - ELLIPSIS.length) length -= kept.pop()?.length ?? 0;
  return max >= ELLIPSIS.length ? kept.join('') + ELLIPSIS : '';
}
