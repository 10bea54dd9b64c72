import type { AskPart, Doubt } from '../../access/typed-ask.ts';
import { type Line, line, listed, mono, own, someOf } from './line.ts';

const ALLOWED_MAX = 6;
const DOUBTS_MAX = 5;
const WORD_MAX = 60;

const NAMES: Readonly<Record<AskPart, string>> = {
  targets: 'a target',
  login: 'a login',
  scope: 'a scope',
  duration: 'a duration',
  reason: 'a reason',
  ticket: 'a ticket',
  engagement: 'an engagement',
};

const MISSING: Readonly<Record<AskPart, Line>> = {
  targets: line`Name at least one target, or a label such as \`env=staging\`.`,
  login: line`Say as whom, such as \`as deploy\`.`,
  scope: line`Name a scope.`,
  duration: line`Say for how long, such as \`30m\`, \`2h\`, \`1h30m\` or \`1d\`.`,
  reason: line`Say why, in quotes: "rotate the logs".`,
  ticket: line`Name a ticket.`,
  engagement: line`Say in which engagement: \`in\` and its name.`,
};

/** What has to be cleared up before a typed request can be sent. */
export function doubtLines(doubts: readonly Doubt[]): readonly Line[] {
  const rest = doubts.length - DOUBTS_MAX;
  const shown = doubts.slice(0, DOUBTS_MAX).map(doubtLine);
  return rest > 0 ? [...shown, line`and ${rest} more`] : shown;
}

function doubtLine(doubt: Doubt): Line {
  switch (doubt.kind) {
    case 'unknown':
      return line`${mono(doubt.word, WORD_MAX)} was not understood.${allowedLine(doubt.allowed)}`;
    case 'ambiguous':
      return doubt.parts.length === 1
        ? line`${mono(doubt.word, WORD_MAX)} could mean several things.`
        : line`${mono(doubt.word, WORD_MAX)} could be ${oneOf(doubt.parts)}.`;
    case 'twice':
      return line`There is more than one ${own(NAMES[doubt.part].replace(/^an? /, ''))}.`;
    case 'missing':
      return line`${MISSING[doubt.part]}${allowedLine(doubt.allowed)}`;
    case 'open_quote':
      return line`A quote is opened and never closed.`;
    case 'for_somebody':
      return line`Requesting access for somebody else is not available yet.`;
    case 'too_long':
      return line`That is too long for one line.`;
    default:
      return doubt satisfies never;
  }
}

const allowedLine = (allowed: readonly string[]): Line =>
  allowed.length === 0
    ? []
    : line` Possible: ${someOf(
        allowed.map((each) => mono(each, WORD_MAX)),
        ALLOWED_MAX,
      )}.`;

const oneOf = (parts: readonly AskPart[]): Line => {
  const [last, ...before] = parts.map((part) => own(NAMES[part])).reverse();
  return line`${listed(before.reverse())} or ${last ?? []}`;
};
