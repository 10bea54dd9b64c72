import type { Rejection } from '../access/rejection.ts';
import { type Block, section } from './blocks.ts';
import { type Edge, namesFor } from './edge.ts';
import { escapeText } from './text.ts';
import { markup, word } from './wording.ts';

/** What one person is told, and nobody else. */
export type Answer = { readonly text: string; readonly blocks: readonly Block[] };

const SENTENCE_MAX = 2_900;
const RESPOND_TIMEOUT_MS = 8_000;

export const say = (sentence: string): Answer => {
  const text = escapeText(sentence, SENTENCE_MAX);
  return { text, blocks: [section(text)] };
};

/** A refusal in words. Its facts are escaped one by one, so its dates stay alive. */
export async function refusal(edge: Edge, rejection: Rejection): Promise<Answer> {
  const text = word(rejection, markup(await namesFor(edge, rejection)));
  return { text, blocks: [section(text)] };
}

/** Answers through the URL that came with a command or a click: five times, within half an hour. */
export async function respondTo(url: string, answer: Answer, replaceOriginal = false): Promise<void> {
  const body = { response_type: 'ephemeral', replace_original: replaceOriginal, ...answer };
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

/** A message that only this person sees, where they are looking; through the response URL where the bot is no member. */
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
    await respondTo(place.responseUrl, answer);
  }
}
