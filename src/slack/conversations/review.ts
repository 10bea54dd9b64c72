import { z } from 'zod';
import { COMMENT_LIMITS } from '../../access/comment.ts';
import { Digest, RequestId } from '../../access/ids.ts';
import { PLEDGE_MINUTES } from '../../access/pledge.ts';
import type { AccessRequest } from '../../access/request.ts';
import { type Result, refuse } from '../../access/result.ts';
import { type ReviewRequestInput, reviewRequest } from '../../use-cases/requests/review-request.ts';
import { type Asker, askAgain, type Edge, namesFor, readGroups } from '../edge.ts';
import { readChannelAtClick } from '../readings/channel-reading.ts';
import { CALLBACK } from '../words/action-ids.ts';
import { input, LIMITS, plainText, section, type View } from '../words/blocks.ts';
import { line } from '../words/line.ts';
import { unmarked, word } from '../words/refusals.ts';
import { signingBlocks } from '../words/signing.ts';
import type { Answer } from './answer.ts';
import { messageKeyIn, parseJson, requestButton, type ViewPayload } from './payloads.ts';
import { errorAt } from './request-form.ts';
import type { Outcome } from './submission.ts';

export type Card = ReviewRequestInput['card'];

/** Approve: one click on a card, whose digest and place in Slack the use-case checks. */
export async function approve(
  edge: Edge,
  asker: Asker,
  value: string | undefined,
  card: Card,
): Promise<Result<AccessRequest>> {
  const pressed = requestButton(value);
  if (!pressed) return refuse({ code: 'unknown_request' });
  const request = await edge.store.transaction((tx) => tx.requests.byId(pressed.requestId));
  // A requester who was deactivated or left the channel in the meantime must not get access from a later click.
  if (request?.status === 'pending') {
    await askAgain(edge, request.ask.personId);
    await readChannelAtClick(edge, request.ask.engagementId);
  }
  await readGroups(edge);
  return review(edge, { by: asker.person.id, ...pressed, card, verdict: 'approve', comment: null });
}

/** What the reviewer has yet to sign; null where nothing is. */
export function unsignedAnswer(edge: Edge, { person }: Asker, request: AccessRequest): Answer | null {
  const blocks = signingBlocks(request, { reader: person.id, gateway: edge.gateway, now: edge.clock.now() });
  if (blocks.length === 0) return null;
  return { text: `Your approval does not count yet: sign it within ${PLEDGE_MINUTES} minutes.`, blocks };
}

/**
 * Somebody can press a card after Slack shows it but before we have stored where it is, or before we know whether it was posted at all.
 * We then ask Slack whose message it is.
 */
async function review(edge: Edge, input: ReviewRequestInput): Promise<Result<AccessRequest>> {
  const reviewed = await reviewRequest(edge)(input);
  if (reviewed.ok || reviewed.rejection.code !== 'unknown_card') return reviewed;
  await edge.settled();
  const card = { ...input.card, key: input.card.key ?? (await keyOf(edge, input.card)) };
  return reviewRequest(edge)({ ...input, card });
}

const Shown = z.object({ messages: z.array(z.object({ ts: z.string(), metadata: z.unknown().optional() })) });

/** The key of a message, as Slack shows it to the bot; null where it does not. */
async function keyOf(edge: Edge, { channelId, ts }: Card): Promise<string | null> {
  // The one method that shows a single message, whether in a thread or not.
  const place = {
    channel: channelId,
    ts,
    oldest: ts,
    latest: ts,
    inclusive: true,
    limit: 1,
    include_all_metadata: true,
  };
  try {
    const { messages } = Shown.parse(await edge.web.conversations.replies(place));
    return messageKeyIn(messages.find((message) => message.ts === ts)?.metadata);
  } catch (error) {
    edge.log.info({ err: error }, 'Slack did not show whose message was pressed');
    return null;
  }
}

const Denial = z.object({
  requestId: RequestId,
  digest: Digest,
  card: z.object({ channelId: z.string(), ts: z.string(), key: z.string().nullish() }),
});

/** Deny asks what to tell the requester. Null where the button is not one of ours. */
export function denyView(value: string | undefined, card: Card): View | null {
  const pressed = requestButton(value);
  if (!pressed) return null;
  return {
    type: 'modal',
    callback_id: CALLBACK.deny,
    private_metadata: JSON.stringify({ ...pressed, card } satisfies z.input<typeof Denial>),
    title: plainText('Deny this request', LIMITS.viewTitle),
    submit: plainText('Deny', LIMITS.viewTitle),
    close: plainText('Cancel', LIMITS.viewTitle),
    blocks: [
      section(
        line`The requester will see that you denied the request. What you write here goes to them and to the other reviewers, but not to the thread.`,
      ),
      input({
        field: 'comment',
        label: 'Why, and what to request instead',
        optional: true,
        element: { type: 'plain_text_input', action_id: 'comment', multiline: true, max_length: COMMENT_LIMITS.length },
      }),
    ],
  };
}

export async function submitDenial(
  edge: Edge,
  asker: Result<Asker>,
  view: ViewPayload,
  comment: string | null,
): Promise<Outcome> {
  const result = await deny(edge, asker, view, comment);
  if (result.ok) return { kind: 'close' };
  const sentence = word(result.rejection, unmarked(await namesFor(edge, result.rejection)));
  return { kind: 'errors', errors: errorAt(view, result.rejection, sentence) };
}

async function deny(
  edge: Edge,
  asker: Result<Asker>,
  view: ViewPayload,
  comment: string | null,
): Promise<Result<AccessRequest>> {
  if (!asker.ok) return asker;
  const about = Denial.safeParse(parseJson(view.private_metadata));
  if (!about.success) return refuse({ code: 'unknown_request' });
  return review(edge, { by: asker.value.person.id, ...about.data, verdict: 'deny', comment });
}
