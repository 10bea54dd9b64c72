import { setTimeout as sleep } from 'node:timers/promises';
import type { EngagementId } from '../../access/ids.ts';
import { missChannel } from '../../use-cases/engagements/channel-in-doubt.ts';
import { seeChannel } from '../../use-cases/engagements/see-channel.ts';
import type { Edge } from '../edge.ts';
import { channelMembers, TOO_MANY_MEMBERS } from '../workspace/directory.ts';
import { faultOf } from '../workspace/fault.ts';
import { followChannel } from './channel-move.ts';

type Deps = Pick<Edge, 'store' | 'clock' | 'inventory' | 'web'>;
const NOBODY: ReadonlySet<string> = new Set();

/**
 * Asks Slack who is in a channel that engagements live in, and writes it down; null where it is too large. Where Slack names the channel
 * as what it cannot show, security is told, and the error goes on to the caller.
 */
export async function readChannel(
  deps: Deps,
  channelId: string,
  left: ReadonlySet<string> = NOBODY,
): Promise<ReadonlySet<string> | null> {
  const at = deps.clock.now();
  let userIds: ReadonlySet<string> | null;
  try {
    userIds = await channelMembers(deps.web, channelId);
  } catch (error) {
    const fault = faultOf(error);
    if (fault.kind !== 'place') throw error;
    // Whoever did not hear that it has another id meets the old one, which only this leads on from.
    const today = await followChannel(deps, channelId, channelId).catch(() => channelId);
    if (today !== channelId) return readChannel(deps, today, left);
    await missChannel(deps)({ channelId, error: fault.error });
    throw error;
  }
  if (userIds) await seeChannel(deps)({ channelId, at, userIds, leftUserIds: left });
  else await missChannel(deps)({ channelId, error: TOO_MANY_MEMBERS });
  return userIds;
}

/** Somebody waits who pressed a button. */
const AT_CLICK_MS = 2_000;

/**
 * Before something is decided in an engagement: who left its channel a moment ago gets nothing by it. That costs one call, so a channel
 * of more than a page is left to the watch; where Slack does not answer in time, what was last read counts.
 */
export async function readChannelAtClick(edge: Deps & Pick<Edge, 'log'>, engagementId: EngagementId): Promise<void> {
  const engagement = await edge.store.transaction((tx) => tx.engagements.byId(engagementId));
  if (!engagement) return;
  const { channelId } = engagement;
  const at = edge.clock.now();
  const waited = new AbortController();
  try {
    const userIds = await Promise.race([
      channelMembers(edge.web, channelId, 1),
      sleep(AT_CLICK_MS, null, { signal: waited.signal, ref: false }),
    ]);
    if (userIds) await seeChannel(edge)({ channelId, at, userIds, leftUserIds: NOBODY });
  } catch (error) {
    edge.log.info({ err: error, channel: channelId }, 'Slack did not say at the click who is in the channel');
    const fault = faultOf(error);
    if (fault.kind === 'place') await missChannel(edge)({ channelId, error: fault.error });
  } finally {
    waited.abort();
  }
}
