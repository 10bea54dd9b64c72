import type { webApi } from '@slack/bolt';
import { z } from 'zod';
import type { MessageRef, OutboxItem } from '../use-cases/notice.ts';
import type { Destination, Rendered } from './notices.ts';
import type { pace } from './pace.ts';
import { faultOf } from './slack-fault.ts';
import type { AccessFile } from './ssh-config.ts';

const MESSAGE_EVENT = 'daypass_message';

export type DeliveryDeps = {
  readonly web: webApi.WebClient;
  readonly pace: ReturnType<typeof pace>;
  readonly stored: (key: string) => Promise<MessageRef | null>;
  /** Called right before the call that makes the message visible. */
  readonly posting: () => void;
  readonly signal: AbortSignal;
};

/** How far before a doubtful attempt a message of it may be dated: Slack's clock is not ours. */
const CLOCK_SKEW_MS = 120_000;
const PAGE = 100;
const PAGES_MAX = 20;
const UPLOAD_TIMEOUT_MS = 10_000;
const DIRECT_CHANNELS_MAX = 10_000;

/** Brings one message to Slack, or up to date there. Returns where it is; null where there was nothing to do. */
export async function deliver(
  deps: DeliveryDeps,
  item: OutboxItem,
  message: Rendered,
  directChannels: Map<string, string>,
): Promise<MessageRef | null> {
  const posted = await deps.stored(item.key);
  if (posted) return update(deps, posted, message);
  if (message.onlyUpdate) return null;
  const place = await placeOf(deps, message.to, directChannels);
  if (item.attemptedAt) {
    const found = await find(deps.web, place, item, item.attemptedAt, message.files).catch(whenForbidden);
    if (found) return { key: item.key, channelId: place.channelId, ts: found };
  }
  await deps.pace(place.channelId, deps.signal);
  if (message.files) return share(deps, place, item.key, message, message.files);
  deps.posting();
  const answer = await deps.web.chat.postMessage({
    channel: place.channelId,
    ...(place.threadTs === null ? {} : { thread_ts: place.threadTs }),
    text: message.text,
    blocks: [...message.blocks],
    metadata: { event_type: MESSAGE_EVENT, event_payload: { ...message.facts, key: item.key } },
    unfurl_links: false,
    unfurl_media: false,
  });
  return { key: item.key, channelId: answer.channel ?? place.channelId, ts: z.string().min(1).parse(answer.ts) };
}

/** Updating twice leaves what updating once does, so no attempt at it is doubtful. */
async function update(deps: DeliveryDeps, posted: MessageRef, message: Rendered): Promise<null> {
  if (message.files) return null;
  await deps.pace(`update:${posted.channelId}`, deps.signal);
  await deps.web.chat.update({
    channel: posted.channelId,
    ts: posted.ts,
    text: message.text,
    blocks: [...message.blocks],
    metadata: { event_type: MESSAGE_EVENT, event_payload: { ...message.facts, key: posted.key } },
  });
  return null;
}

type Place = { readonly channelId: string; readonly threadTs: string | null };

async function placeOf(deps: DeliveryDeps, to: Destination, directChannels: Map<string, string>): Promise<Place> {
  switch (to.kind) {
    case 'channel':
      return { channelId: to.channelId, threadTs: null };
    case 'thread': {
      const root = await deps.stored(to.rootKey);
      return { channelId: root?.channelId ?? to.channelId, threadTs: root?.ts ?? null };
    }
    case 'person': {
      const known = directChannels.get(to.userId);
      if (known) return { channelId: known, threadTs: null };
      const opened = await deps.web.conversations.open({ users: to.userId });
      const channelId = z.string().min(1).parse(opened.channel?.id);
      if (directChannels.size >= DIRECT_CHANNELS_MAX) directChannels.clear();
      directChannels.set(to.userId, channelId);
      return { channelId, threadTs: null };
    }
    default:
      return to satisfies never;
  }
}

/**
 * Files become visible with the last of three calls, which makes the message: only that one can be doubtful. A file has no
 * metadata, so its message is known by the files' names, which carry the grant.
 */
async function share(
  deps: DeliveryDeps,
  place: Place,
  key: string,
  message: Rendered,
  files: readonly AccessFile[],
): Promise<MessageRef> {
  const uploaded: { id: string; title: string }[] = [];
  for (const file of files) {
    const bytes = Buffer.from(file.content, 'utf8');
    const target = await deps.web.files.getUploadURLExternal({ filename: file.name, length: bytes.length });
    const { url, id } = z
      .object({ url: z.url(), id: z.string() })
      .parse({ url: target.upload_url, id: target.file_id });
    const signal = AbortSignal.any([deps.signal, AbortSignal.timeout(UPLOAD_TIMEOUT_MS)]);
    const answer = await fetch(url, { method: 'POST', body: bytes, signal });
    if (!answer.ok) throw new Error(`upload answered ${answer.status}`);
    uploaded.push({ id, title: file.name });
  }
  const [first, ...rest] = uploaded;
  if (!first) throw new Error('a message with files has at least one');
  deps.posting();
  await deps.web.files.completeUploadExternal({
    files: [first, ...rest],
    channel_id: place.channelId,
    initial_comment: message.text,
  });
  // Slack makes the message a moment later and does not say its ts; such a message is never updated.
  return { key, channelId: place.channelId, ts: first.id };
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

/** Looks whether an attempt of which nothing was heard made its message after all. */
async function find(
  web: webApi.WebClient,
  { channelId, threadTs }: Place,
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
      threadTs === null
        ? await web.conversations.history(range)
        : await web.conversations.replies({ ...range, ts: threadTs }),
    );
    const match = answer.messages.find(({ metadata, files: shared }) => {
      if (files) return shared?.some(({ name }) => files.some((file) => file.name === name)) ?? false;
      return metadata?.event_type === MESSAGE_EVENT && metadata.event_payload?.['key'] === item.key;
    });
    if (match) return match.ts;
    cursor = answer.response_metadata?.next_cursor || undefined;
    if (!cursor) return null;
  }
  return null;
}
