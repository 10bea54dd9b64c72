import type { types } from '@slack/bolt';
import { entities, inert, plain } from './text.ts';
import { utc, utcTime, when, whenTime } from './units.ts';

type Style = { readonly bold?: true; readonly code?: true };

/** `own` is what stands in this code; everything else may have been typed by anybody. */
type Piece =
  | { readonly kind: 'text'; readonly text: string; readonly own: boolean; readonly style: Style }
  | { readonly kind: 'date'; readonly at: Date; readonly shown: 'whole' | 'time'; readonly style: Style }
  | { readonly kind: 'emoji'; readonly name: string }
  | { readonly kind: 'person'; readonly userId: string };

/** A sentence, or a part of one. */
export type Line = readonly Piece[];
type Value = string | number | Date | Line;

const VALUE_MAX = 200;

/**
 * A sentence of Daypass's own. Literals may hold *bold*, `code` and :emoji:; whatever is put in is shown as it is and can never become
 * markup, so nobody's words pass for Daypass's.
 */
export function line(literals: TemplateStringsArray, ...values: readonly Value[]): Line {
  const pieces: Piece[] = [];
  let style: Style = {};
  for (const [index, literal] of literals.entries()) {
    const read = ownPieces(literal, style);
    style = read.style;
    pieces.push(...read.pieces);
    const value = values[index];
    if (value !== undefined) pieces.push(...styled(piecesOf(value), style));
  }
  return joined(pieces);
}

/** Neighbours that look alike are one: two backquoted pieces side by side would not be code to Slack. */
function joined(pieces: readonly Piece[]): Line {
  const all: Piece[] = [];
  for (const piece of pieces) {
    const last = all.at(-1);
    if (
      last?.kind === 'text' &&
      piece.kind === 'text' &&
      last.own === piece.own &&
      sameStyle(last.style, piece.style)
    ) {
      all[all.length - 1] = { ...last, text: last.text + piece.text };
    } else all.push(piece);
  }
  return all;
}

const sameStyle = (one: Style, other: Style): boolean => one.bold === other.bold && one.code === other.code;

/** Words that this code made: a duration, a count. */
export const own = (text: string): Line => ownPieces(text, {}).pieces;
/** A name, in bold. */
export const strong = (text: string, max: number): Line => [typed(plain(text, max), { bold: true })];
/** An id, a command, anything that stands for itself. */
export const mono = (text: string, max: number): Line => [typed(plain(text, max), { code: true })];
/** An id or a digest of Daypass's own making. */
export const tag = (id: string): Line => [{ kind: 'text', text: id, own: true, style: { code: true } }];
export const value = (text: string, max: number): Line => [typed(plain(text, max), {})];
/** `13:34`, where a line above says the day. */
export const timeOf = (at: Date): Line => [{ kind: 'date', at, shown: 'time', style: {} }];
/** Somebody's account, as Slack shows it. */
export const account = (userId: string): Line => [{ kind: 'person', userId }];

const typed = (text: string, style: Style): Piece => ({ kind: 'text', text, own: false, style });

/** `a, b and c`. */
export function listed(items: readonly Line[]): Line {
  return items.flatMap((item, index) => {
    if (index === 0) return item;
    return [...own(index === items.length - 1 ? ' and ' : ', '), ...item];
  });
}

/** `a, b and c`, or `a, b and 4 more`. */
export function someOf(items: readonly Line[], max: number): Line {
  const rest = items.length - max;
  return listed(rest > 0 ? [...items.slice(0, max), own(`${rest} more`)] : items);
}

/** The lines that are not empty, with ` · ` between them. */
export const dotted = (...lines: readonly (Line | null)[]): Line =>
  lines
    .filter((each): each is Line => each !== null && each.length > 0)
    .flatMap((each, index) => (index === 0 ? each : [...own(' · '), ...each]));

/** One below the other. */
export const stacked = (lines: readonly Line[]): Line =>
  lines.flatMap((each, index) => (index === 0 ? each : [...own('\n'), ...each]));

const piecesOf = (value: Value): Line => {
  if (typeof value === 'string') return value === '' ? [] : [typed(plain(value, VALUE_MAX), {})];
  if (typeof value === 'number') return own(String(value));
  return value instanceof Date ? [{ kind: 'date', at: value, shown: 'whole', style: {} }] : value;
};

const styled = (pieces: Line, style: Style): Line =>
  pieces.map((piece) => ('style' in piece ? { ...piece, style: { ...style, ...piece.style } } : piece));

const MARKS = /([*`])|:([a-z0-9_]+):/g;

function ownPieces(literal: string, begun: Style): { pieces: Piece[]; style: Style } {
  const pieces: Piece[] = [];
  let style = begun;
  let at = 0;
  const words = (to: number): void => {
    if (to > at) pieces.push({ kind: 'text', text: literal.slice(at, to), own: true, style });
  };
  for (const match of literal.matchAll(MARKS)) {
    const [whole, mark, emoji] = match;
    words(match.index);
    at = match.index + whole.length;
    if (emoji !== undefined) pieces.push({ kind: 'emoji', name: emoji });
    else style = toggled(style, mark === '*' ? 'bold' : 'code');
  }
  words(literal.length);
  return { pieces, style };
}

const toggled = (style: Style, mark: 'bold' | 'code'): Style => {
  const { [mark]: on, ...rest } = style;
  return on ? rest : { ...style, [mark]: true };
};

const DATE_FORMAT = '{date_short_pretty} at {time}';
const TIME_FORMAT = '{time}';

export const toElements = (of: Line): types.RichTextElement[] =>
  of.map((piece): types.RichTextElement => {
    const style = 'style' in piece && Object.keys(piece.style).length > 0 ? { style: piece.style } : {};
    switch (piece.kind) {
      case 'text':
        return { type: 'text', text: piece.text, ...style };
      case 'date':
        return {
          type: 'date',
          timestamp: Math.floor(piece.at.getTime() / 1000),
          format: piece.shown === 'time' ? TIME_FORMAT : DATE_FORMAT,
          fallback: piece.shown === 'time' ? utcTime(piece.at) : utc(piece.at),
          ...style,
        };
      case 'emoji':
        return { type: 'emoji', name: piece.name };
      case 'person':
        return { type: 'user', user_id: piece.userId };
      default:
        return piece satisfies never;
    }
  });

/** As words alone: dates in UTC, no emoji. */
export const toPlain = (of: Line): string =>
  of
    .map((piece) => {
      if (piece.kind === 'text') return piece.text;
      if (piece.kind !== 'date') return '';
      return piece.shown === 'time' ? utcTime(piece.at) : utc(piece.at);
    })
    .join('')
    .replace(/ {2,}/g, ' ')
    .trim();

const NOTIFICATION_MAX = 3_000;

/** A message's `text`: what a phone shows and a screen reader says. */
export const toNotification = (of: Line): string => inert(toPlain(of), NOTIFICATION_MAX) || '-';

/** Null where a part of it is not our own. */
export function toMrkdwn(of: Line): string | null {
  const parts = of.map((piece) => {
    if (piece.kind === 'emoji') return `:${piece.name}:`;
    if (piece.kind === 'date') return piece.shown === 'time' ? whenTime(piece.at) : when(piece.at);
    if (piece.kind === 'person' || !piece.own) return null;
    const text = entities(piece.text);
    if (piece.style.code) return `\`${text}\``;
    return piece.style.bold ? `*${text}*` : text;
  });
  return parts.includes(null) ? null : parts.join('');
}
