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
 * Asks Slack who is in a channel that has engagements, and stores it. Null if the channel is too large. If Slack will not show the
 * channel, security is notified and the error is passed on to the caller.
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
    // If we missed that the channel has a new id, only this leads from the old id to the new one.
    const today = await followChannel(deps, channelId, channelId).catch(() => channelId);
    if (today !== channelId) return readChannel(deps, today, left);
    await missChannel(deps)({ channelId, error: fault.error });
    throw error;
  }
  if (userIds) await seeChannel(deps)({ channelId, at, userIds, leftUserIds: left });
  else await missChannel(deps)({ channelId, error: TOO_MANY_MEMBERS });
  return userIds;
}

/** Somebody who pressed a button is waiting. */
const AT_CLICK_MS = 2_000;

/**
 * Runs before something is decided in an engagement, so that people who left its channel a moment ago gain nothing from it. It costs one
 * call, so channels of more than one page are left to the watch. If Slack does not answer in time, the last reading counts.
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
    edge.log.info({ err: error, channel: channelId }, 'at the click, Slack did not show who is in the channel');
    const fault = faultOf(error);
    if (fault.kind === 'place') await missChannel(edge)({ channelId, error: fault.error });
  } finally {
    waited.abort();
  }
}
