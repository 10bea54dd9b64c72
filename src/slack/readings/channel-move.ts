import type { webApi } from '@slack/bolt';
import { z } from 'zod';
import type { Clock } from '../../use-cases/ports/clock.ts';
import type { Store } from '../../use-cases/ports/store.ts';

type Deps = { readonly web: webApi.WebClient; readonly store: Store; readonly clock: Clock };

const Shown = z.object({ channel: z.object({ id: z.string().min(1).max(64) }) });

/**
 * A channel that is shared with or moves to another workspace gets a new id. Asks Slack for a channel by one of its ids and, if its id has
 * changed, moves everything from the old id to the new one. Returns the current id.
 */
export async function followChannel(deps: Deps, oldId: string, shownAs: string): Promise<string> {
  const { channel } = Shown.parse(await deps.web.conversations.info({ channel: shownAs }));
  if (channel.id === oldId) return oldId;
  await deps.store.transaction(async (tx) => {
    if ((await tx.messages.channelNow(oldId)) === channel.id) return;
    const at = deps.clock.now();
    await tx.messages.moveChannel(oldId, channel.id, at);
    const facts = { from: oldId, to: channel.id };
    await tx.audit.append({ type: 'channel_moved', at, actor: { kind: 'daypass' }, facts });
  });
  return channel.id;
}
