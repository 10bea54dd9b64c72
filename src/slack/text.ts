/** Text for Slack's mrkdwn: the only way by which what people typed, or targets said, gets into a message. */

/** Controls, zero-width and bidirectional marks, line separators, fillers, tags: nothing that hides or reorders. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const LONE_SURROGATES = /\p{Cs}/gu;
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const ELLIPSIS = '…';

/** Drops what cannot be seen and makes lone surrogates visible; line breaks become spaces. */
const visible = (text: string): string =>
  text
    .replace(/[\r\n\t\u2028\u2029]+/g, ' ')
    .replace(LONE_SURROGATES, '\ufffd')
    .replace(HIDDEN, '')
    .trim();

/** Escaped for mrkdwn, at most `max` UTF-16 units as sent; an entity or a surrogate pair is never split. */
export function escapeText(text: string, max: number): string {
  return cut(
    [...visible(text)].map((character) => ENTITIES[character] ?? character),
    max,
  );
}

/** In code style. A backtick of the text would end it, so it becomes one that looks alike. */
export function code(text: string, max: number): string {
  const inner = escapeText(text.replaceAll('`', 'ˋ'), max - 2);
  return inner === '' ? '`(empty)`' : `\`${inner}\``;
}

/** Bold. The text's own asterisks would end it. */
export function bold(text: string, max: number): string {
  const inner = escapeText(text.replaceAll('*', '∗'), max - 2);
  return inner === '' ? '*(no name)*' : `*${inner}*`;
}

/** A quotation: what somebody typed can be told from what Daypass says, line breaks or not. */
export const quote = (text: string, max: number): string => `> ${escapeText(text, max - 2) || '(nothing)'}`;

/** For plain_text objects, which know no markup; bounded without splitting a character. */
export const plain = (text: string, max: number): string => cut([...visible(text)], max) || '-';

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
