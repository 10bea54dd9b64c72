import { z } from 'zod';
import { COMMENT_LIMITS } from '../../access/comment.ts';
import { expiresAt, isRunning } from '../../access/grant.ts';
import { GrantId } from '../../access/ids.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { type GrantView, viewGrant } from '../../use-cases/views/views.ts';
import { type Asker, type Edge, namesFor } from '../edge.ts';
import { accessLine } from '../words/access-line.ts';
import { CALLBACK } from '../words/action-ids.ts';
import { input, LIMITS, plainText, section, textModal, type View } from '../words/blocks.ts';
import { line, strong } from '../words/line.ts';
import { unmarked, word } from '../words/refusals.ts';
import { refusal } from './answer.ts';
import { publishHome } from './home.ts';
import { endAnswer, listAnswer } from './list.ts';
import { parseJson, type ViewPayload } from './payloads.ts';
import { errorAt } from './request-form.ts';
import type { Outcome } from './submission.ts';

/** Where the button was: what is shown there is brought up to date. */
const FROM = ['home', 'list', 'message'] as const;
type From = (typeof FROM)[number];
const Revocation = z.object({ grantId: GrantId, from: z.enum(FROM) });

/** Asks once more, and what to tell the person. The holder's own access is handed back without a reason. */
export async function revokeView(
  edge: Edge,
  asker: Asker,
  grantId: string | undefined,
  from: From,
): Promise<Result<View>> {
  const id = GrantId.safeParse(grantId);
  const view = id.success ? await viewGrant(edge)({ grantId: id.data }) : null;
  if (!view) return refuse({ code: 'unknown_grant' });
  const { grant } = view;
  if (!isRunning(grant, edge.clock.now()))
    return refuse({ code: 'grant_already_ended', at: grant.end?.at ?? expiresAt(grant) });
  return ok(revokeForm(view, grant.terms.personId === asker.person.id, from));
}

/** The form itself. */
export function revokeForm({ grant, names }: Pick<GrantView, 'grant' | 'names'>, isMine: boolean, from: From): View {
  const { terms } = grant;
  const what = accessLine(terms);
  const common = {
    type: 'modal',
    callback_id: CALLBACK.revoke,
    private_metadata: JSON.stringify({ grantId: grant.id, from } satisfies z.input<typeof Revocation>),
    close: plainText('Cancel', LIMITS.viewTitle),
  } as const;
  if (isMine) {
    return {
      ...common,
      title: plainText('Hand this back?', LIMITS.viewTitle),
      submit: plainText('Hand back', LIMITS.viewTitle),
      blocks: [section(line`Your access ends now: ${what}. Live sessions are disconnected within a second.`)],
    };
  }
  return {
    ...common,
    title: plainText('Revoke this access?', LIMITS.viewTitle),
    submit: plainText('Revoke', LIMITS.viewTitle),
    blocks: [
      section(
        line`The access of ${strong(names.get(terms.personId) ?? 'somebody', 80)} ends now: ${what}. Live sessions are disconnected within a second. This cannot be undone, but access can be requested again.`,
      ),
      section(
        line`They are told that it was you. What you write here goes to them, also on their terminals, but not to the thread.`,
      ),
      input({
        field: 'comment',
        label: 'Why',
        optional: true,
        element: { type: 'plain_text_input', action_id: 'comment', multiline: true, max_length: COMMENT_LIMITS.length },
      }),
    ],
  };
}

/** Shows what ended, and what is left that one may have meant as well. */
export async function submitRevocation(
  edge: Edge,
  asker: Result<Asker>,
  view: ViewPayload,
  comment: string | null,
): Promise<Outcome> {
  const about = Revocation.safeParse(parseJson(view.private_metadata));
  const ended = !asker.ok
    ? asker
    : about.success
      ? await endAnswer(edge, asker.value, about.data.grantId, comment)
      : refuse({ code: 'unknown_grant' } as const);
  if (!ended.ok) {
    const sentence = word(ended.rejection, unmarked(await namesFor(edge, ended.rejection)));
    const errors = errorAt(view, ended.rejection, sentence);
    if (Object.keys(errors).length > 0) return { kind: 'errors', errors };
    return { kind: 'show', view: textModal('Daypass', (await refusal(edge, ended.rejection)).blocks) };
  }
  if (!asker.ok || !about.success) return { kind: 'close' };
  const { from } = about.data;
  if (from === 'home') await publishHome(edge, asker.value);
  const list = from === 'list' ? await listAnswer(edge, asker.value) : null;
  return { kind: 'show', view: textModal('Access ended', [...ended.value.blocks, ...(list?.blocks ?? [])]) };
}
