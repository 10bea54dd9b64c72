import type { webApi } from '@slack/bolt';
import { z } from 'zod';
import { type MessageRef, messageKey, type Notice, type OutboxItem } from '../../use-cases/notice.ts';
import { MESSAGE_EVENT } from '../words/message-event.ts';
import { faultOf } from '../workspace/fault.ts';
import type { Fetch } from '../workspace/network.ts';
import type { pace } from '../workspace/pace.ts';
import type { AccessFile } from './access-files.ts';
import type { Destination } from './destination.ts';
import { FileRefused, filesAsText, shareFiles } from './files.ts';
import type { Rendered } from './render.ts';

export type DeliveryDeps = {
  readonly web: webApi.WebClient;
  readonly fetch: Fetch;
  readonly pace: ReturnType<typeof pace>;
  readonly stored: (key: string) => Promise<MessageRef | null>;
  /** The id that a channel has today. */
  readonly channelNow: (id: string) => Promise<string>;
  /** Asks Slack whether a channel has another id today; the same one where it has not. */
  readonly follow: (channelId: string) => Promise<string>;
  /** Called right before the call that makes the message visible. */
  readonly posting: () => void;
  readonly signal: AbortSignal;
};

/** The root of the thread that a message belongs into is not there: without it the message would stand in the channel. */
export class ThreadGone extends Error {
  readonly code = 'thread_not_found';
  readonly root: Notice;
  constructor(root: Notice, cause?: unknown) {
    super('the root of the thread is not there', { cause });
    this.root = root;
  }
}

/** The place of a message has another id: it can go at once. */
export class ChannelMoved extends Error {
  readonly code = 'channel_moved';
}

/** How far before a doubtful attempt a message of it may be dated: Slack's clock is not ours. */
const CLOCK_SKEW_MS = 120_000;
const PAGE = 100;
const PAGES_MAX = 20;
const DIRECT_CHANNELS_MAX = 10_000;
/** So often a file is tried, whatever went wrong, before it goes as text: messages behind it wait. */
const FILE_TRIES = 5;

/** Brings one message to Slack, or up to date there. Returns where it is; null where there was nothing to do. */
export async function deliver(
  deps: DeliveryDeps,
  item: OutboxItem,
  message: Rendered,
  directChannels: Map<string, string>,
): Promise<MessageRef | null> {
  const posted = await deps.stored(item.key);
  if (posted && (await update(deps, posted, message))) return null;
  if (message.onlyUpdate) return null;
  const place = await placeOf(deps, message.to, directChannels);
  try {
    if (item.attemptedAt) {
      const found = await find(deps.web, place, item, item.attemptedAt, message.files).catch(whenForbidden);
      if (found) return { key: item.key, channelId: place.channelId, ts: found };
    }
    await deps.pace(place.channelId, deps.signal);
    const shared = message.files && item.attempts < FILE_TRIES && (await share(deps, place, message, message.files));
    if (shared) return { key: item.key, channelId: place.channelId, ts: shared };
    return await post(deps, place, item.key, message);
  } catch (error) {
    const fault = faultOf(error);
    if (place.thread && fault.kind === 'gone') throw new ThreadGone(place.thread.root, error);
    if (fault.error === 'channel_not_found' && message.to.kind !== 'person') {
      const now = await deps.follow(place.channelId).catch(() => place.channelId);
      if (now !== place.channelId) throw new ChannelMoved(now, { cause: error });
    }
    throw error;
  }
}

/** Such a message is never updated. Null where Slack will not have the files. */
async function share(
  deps: DeliveryDeps,
  place: Place,
  message: Rendered,
  files: readonly AccessFile[],
): Promise<string | null> {
  try {
    return await shareFiles(deps, place.channelId, message.text, files);
  } catch (error) {
    if (error instanceof FileRefused) return null;
    throw error;
  }
}

async function post(deps: DeliveryDeps, place: Place, key: string, message: Rendered): Promise<MessageRef> {
  deps.posting();
  const answer = await deps.web.chat.postMessage({
    channel: place.channelId,
    ...(place.thread ? { thread_ts: place.thread.ts } : {}),
    text: message.files ? filesAsText(message.text, message.files) : message.text,
    ...(message.blocks.length > 0 ? { blocks: [...message.blocks] } : {}),
    metadata: metadataOf(key, message),
    unfurl_links: false,
    unfurl_media: false,
  });
  const posted = { key, channelId: answer.channel ?? place.channelId, ts: z.string().min(1).parse(answer.ts) };
  if (place.thread && answer.message && answer.message.thread_ts !== place.thread.ts) {
    await takeBackIfSpilled(deps.web, place.thread, posted);
  }
  return posted;
}

const metadataOf = (key: string, { facts }: Rendered) => ({
  event_type: MESSAGE_EVENT,
  event_payload: { ...facts, key },
});

/** A reply to a root that is gone can come to stand in the channel, for all to read: it is taken back from there. */
async function takeBackIfSpilled(web: webApi.WebClient, thread: Thread, posted: MessageRef): Promise<void> {
  try {
    await web.chat.getPermalink({ channel: posted.channelId, message_ts: thread.ts });
  } catch (error) {
    if (faultOf(error).kind !== 'gone') return;
    await web.chat.delete({ channel: posted.channelId, ts: posted.ts });
    throw new ThreadGone(thread.root, error);
  }
}

/** Updating twice leaves what updating once does, so no attempt at it is doubtful. False where the message is not there any more. */
async function update(deps: DeliveryDeps, posted: MessageRef, message: Rendered): Promise<boolean> {
  if (message.files) return true;
  await deps.pace(`update:${posted.channelId}`, deps.signal);
  try {
    await deps.web.chat.update({
      channel: posted.channelId,
      ts: posted.ts,
      text: message.text,
      blocks: [...message.blocks],
      metadata: metadataOf(posted.key, message),
    });
    return true;
  } catch (error) {
    const fault = faultOf(error);
    if (fault.kind === 'gone') return false;
    const now = fault.error === 'channel_not_found' ? await deps.follow(posted.channelId).catch(() => null) : null;
    if (now !== null && now !== posted.channelId) throw new ChannelMoved(now, { cause: error });
    throw error;
  }
}

type Thread = { readonly ts: string; readonly root: Notice };
type Place = { readonly channelId: string; readonly thread: Thread | null };

async function placeOf(deps: DeliveryDeps, to: Destination, directChannels: Map<string, string>): Promise<Place> {
  switch (to.kind) {
    case 'channel':
      return { channelId: await deps.channelNow(to.channelId), thread: null };
    case 'thread': {
      const root = await deps.stored(messageKey(to.root));
      if (!root) throw new ThreadGone(to.root);
      return { channelId: root.channelId, thread: { ts: root.ts, root: to.root } };
    }
    case 'person': {
      const known = directChannels.get(to.userId);
      if (known) return { channelId: known, thread: null };
      const opened = await deps.web.conversations.open({ users: to.userId });
      const channelId = z.string().min(1).parse(opened.channel?.id);
      if (directChannels.size >= DIRECT_CHANNELS_MAX) directChannels.clear();
      directChannels.set(to.userId, channelId);
      return { channelId, thread: null };
    }
    default:
      return to satisfies never;
  }
}

const Found = z.object({
  messages: z
    .array(
      z.object({
        ts: z.string(),
        metadata: z
          .object({ event_type: z.string(), event_payload: z.record(z.string(), z.unknown()) })
          .partial()
          .optional(),
        files: z.array(z.object({ name: z.string().nullish() })).optional(),
      }),
    )
    .default([]),
  has_more: z.boolean().optional(),
  response_metadata: z.object({ next_cursor: z.string().optional() }).optional(),
});

/** Where the workspace chose not to let the bot read history, losing a message would be worse than posting it twice. */
function whenForbidden(error: unknown): null {
  if (faultOf(error).error === 'missing_scope') return null;
  throw error;
}

/**
 * Looks whether an attempt of which nothing was heard made its message after all. A file has no metadata, so its message is known by the
 * files' names, which carry the grant.
 */
async function find(
  web: webApi.WebClient,
  { channelId, thread }: Place,
  item: OutboxItem,
  attemptedAt: Date,
  files: readonly AccessFile[] | undefined,
): Promise<string | null> {
  const oldest = ((attemptedAt.getTime() - CLOCK_SKEW_MS) / 1000).toFixed(6);
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const range = {
      channel: channelId,
      oldest,
      limit: PAGE,
      include_all_metadata: true,
      ...(cursor ? { cursor } : {}),
    };
    const answer = Found.parse(
      thread === null
        ? await web.conversations.history(range)
        : await web.conversations.replies({ ...range, ts: thread.ts }),
    );
    const match = answer.messages.find(
      ({ metadata, files: shared }) =>
        shared?.some(({ name }) => files?.some((file) => file.name === name)) ||
        (metadata?.event_type === MESSAGE_EVENT && metadata.event_payload?.['key'] === item.key),
    );
    if (match) return match.ts;
    cursor = answer.response_metadata?.next_cursor || undefined;
    if (!cursor) return null;
  }
  return null;
}
