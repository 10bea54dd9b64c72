import { COMMENT_LIMITS } from '../../access/comment.ts';
import type { PersonId } from '../../access/ids.ts';
import type { RequestComment } from '../../access/request.ts';
import type { RequestView } from '../../use-cases/views/views.ts';
import { accessLine } from '../words/access-line.ts';
import { actions, type Block, context, paragraph, quoted, rich } from '../words/blocks.ts';
import { commentButton } from '../words/buttons.ts';
import { line, own, strong, toNotification } from '../words/line.ts';
import { duration } from '../words/units.ts';
import { nameOf } from './engagement-message.ts';

type Names = ReadonlyMap<PersonId, string>;
/** Of all comments together, in one block of a card. */
const SHOWN_MAX = 2_000;

/** The newest that there is room for, for the cards of reviewers. */
export function commentBlocks({ comments, names }: Pick<RequestView, 'comments' | 'names'>): Block[] {
  const shown: RequestComment[] = [];
  let left = SHOWN_MAX;
  for (const comment of comments.toReversed()) {
    left -= comment.text.length + 100;
    if (left < 0 && shown.length > 0) break;
    shown.unshift(comment);
  }
  if (shown.length === 0) return [];
  const rest = comments.length - shown.length;
  const parts = shown.flatMap((comment) => [
    paragraph(saidBy(comment, names)),
    quoted(comment.text, COMMENT_LIMITS.length),
  ]);
  return [rich(paragraph(line`*Comments*${rest > 0 ? line` (${rest} earlier ones are not shown)` : []}`), ...parts)];
}

const saidBy = ({ by, at }: RequestComment, names: Names) => line`${nameOf(names, by)}, ${at}`;

/** To the requester, or to a reviewer: somebody said something about a request that waits. Null where there is no such comment. */
export function requestCommented(
  { request, comments, names }: RequestView,
  ordinal: number,
  isOpen: boolean,
): { readonly text: string; readonly blocks: Block[] } | null {
  const comment = comments.find((each) => each.ordinal === ordinal);
  if (!comment) return null;
  const { ask } = request;
  const which = line`${accessLine(ask)}, for ${own(duration(ask.durationSeconds))}`;
  const whose = comment.by === ask.personId ? line`their request` : line`your request`;
  const said = line`:speech_balloon: ${strong(names.get(comment.by) ?? 'somebody', 80)} commented on ${whose}`;
  return {
    text: toNotification(line`${said}: ${which}`),
    blocks: [
      rich(paragraph(said), quoted(comment.text, COMMENT_LIMITS.length)),
      context(which),
      ...(isOpen ? [actions('commented', [commentButton(request.id)])] : []),
    ],
  };
}
