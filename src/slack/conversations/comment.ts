import { COMMENT_LIMITS } from '../../access/comment.ts';
import { RequestId } from '../../access/ids.ts';
import { type Result, refuse } from '../../access/result.ts';
import { commentOnRequest } from '../../use-cases/requests/comment-on-request.ts';
import { type Asker, type Edge, namesFor, readGroups } from '../edge.ts';
import { CALLBACK } from '../words/action-ids.ts';
import { input, LIMITS, plainText, section, type View } from '../words/blocks.ts';
import { line } from '../words/line.ts';
import { unmarked, word } from '../words/refusals.ts';
import { fieldsOf, type ViewPayload } from './payloads.ts';
import { errorAt } from './request-form.ts';
import type { Outcome } from './submission.ts';

/** Null where the button is not one of ours. */
export function commentView(value: string | undefined): View | null {
  const requestId = RequestId.safeParse(value);
  if (!requestId.success) return null;
  return {
    type: 'modal',
    callback_id: CALLBACK.comment,
    private_metadata: requestId.data,
    title: plainText('Comment', LIMITS.viewTitle),
    submit: plainText('Send', LIMITS.viewTitle),
    close: plainText('Cancel', LIMITS.viewTitle),
    blocks: [
      section(
        line`The requester and the reviewers read it, in their direct messages with Daypass. It does not go to the engagement’s thread. Do not include secrets.`,
      ),
      input({
        field: 'comment',
        label: 'Comment',
        element: {
          ...{ type: 'plain_text_input', action_id: 'comment', multiline: true },
          max_length: COMMENT_LIMITS.length,
        },
      }),
    ],
  };
}

export async function submitComment(edge: Edge, asker: Result<Asker>, view: ViewPayload): Promise<Outcome> {
  const result = await comment(edge, asker, view);
  if (result.ok) return { kind: 'close' };
  const sentence = word(result.rejection, unmarked(await namesFor(edge, result.rejection)));
  return { kind: 'errors', errors: errorAt(view, result.rejection, sentence) };
}

async function comment(edge: Edge, asker: Result<Asker>, view: ViewPayload): Promise<Result<unknown>> {
  if (!asker.ok) return asker;
  const requestId = RequestId.safeParse(view.private_metadata);
  if (!requestId.success) return refuse({ code: 'unknown_request' });
  await readGroups(edge);
  const [text = ''] = fieldsOf(view)('comment');
  return commentOnRequest(edge)({ by: asker.value.person.id, requestId: requestId.data, text });
}
