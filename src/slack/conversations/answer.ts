import type { Rejection } from '../../access/rejection.ts';
import { type Edge, namesFor } from '../edge.ts';
import { type Block, section } from '../words/blocks.ts';
import { type Line, own, toNotification, value } from '../words/line.ts';
import { refusalLine } from '../words/refusals.ts';

/** What only one person sees. */
export type Answer = { readonly text: string; readonly blocks: readonly Block[] };

const SENTENCE_MAX = 2_900;
const RESPOND_TIMEOUT_MS = 8_000;

const answer = (...lines: readonly Line[]): Answer => ({
  text: toNotification(lines.flatMap((each, index) => (index === 0 ? each : [...own(' '), ...each]))),
  blocks: [section(...lines)],
});

export const say = (sentence: string): Answer => answer(value(sentence, SENTENCE_MAX));

/** A refusal in words. */
export const refusal = async (edge: Edge, rejection: Rejection): Promise<Answer> =>
  answer(refusalLine(rejection, await namesFor(edge, rejection)));

/** Answers through the URL that came with a command or a click: five times, within half an hour. */
export async function respondTo({ fetch }: Pick<Edge, 'fetch'>, url: string, answer: Answer): Promise<void> {
  const body = { response_type: 'ephemeral', replace_original: false, ...answer };
  const answered = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(body),
    redirect: 'error',
    signal: AbortSignal.timeout(RESPOND_TIMEOUT_MS),
  });
  if (!answered.ok) throw new Error(`response_url answered ${answered.status}`);
}

export type Place = {
  readonly channelId: string;
  readonly threadTs: string | null;
  readonly userId: string;
  readonly responseUrl: string | null;
};

/** A message that only this person sees, where they are looking. It goes through the response URL where the bot is not a member. */
export async function whisper(edge: Edge, place: Place, answer: Answer): Promise<void> {
  try {
    await edge.web.chat.postEphemeral({
      channel: place.channelId,
      user: place.userId,
      text: answer.text,
      blocks: [...answer.blocks],
      ...(place.threadTs === null ? {} : { thread_ts: place.threadTs }),
    });
  } catch (error) {
    if (place.responseUrl === null) throw error;
    await respondTo(edge, place.responseUrl, answer);
  }
}
