import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Core } from './core.ts';
import type { Acknowledgement, EnvelopeType } from './socket.ts';
import type { User } from './state.ts';

const EVENT_TRIES = 4;

/** Sends what a person did to the app. The faults that repeat a delivery do it here. */
export async function deliver(core: Core, type: EnvelopeType, payload: unknown): Promise<Acknowledgement> {
  const isClick = z.object({ type: z.literal('block_actions') }).safeParse(payload).success;
  const kinds = isClick ? (['duplicate_delivery', 'replayed_click'] as const) : (['duplicate_delivery'] as const);
  const repeated = core.faults.take(kinds, null) !== null;
  const first = core.socket.deliver(type, payload);
  if (repeated) await core.socket.deliver(type, payload);
  return first;
}

/** Tells the app of an event that its manifest subscribes to; again, with the same event id, until it is acknowledged. */
export async function sendEvent(
  core: Core,
  event: Readonly<Record<string, unknown>> & { type: string },
): Promise<void> {
  const name = event.type === 'message' ? `message.${String(event['channel_type'])}` : event.type;
  if (!core.manifest.events.has(name)) return;
  const payload = {
    token: '',
    team_id: core.state.team.id,
    context_team_id: core.state.team.id,
    api_app_id: core.state.appId,
    event,
    type: 'event_callback',
    event_id: `Ev${randomUUID().replaceAll('-', '').slice(0, 10).toUpperCase()}`,
    event_time: Math.floor(core.state.now() / 1000),
    authorizations: [
      {
        ...{ team_id: core.state.team.id, user_id: core.state.bot, is_bot: true },
        is_enterprise_install: core.organisation?.isAppInAll ?? false,
      },
    ],
    is_ext_shared_channel: false,
  };
  for (let attempt = 0; attempt < EVENT_TRIES; attempt += 1) {
    const retry = attempt === 0 ? {} : { retry_attempt: attempt, retry_reason: 'timeout' };
    const answer =
      attempt === 0
        ? await deliver(core, 'events_api', payload)
        : await core.socket.deliver('events_api', payload, retry);
    if (answer.acked || answer.why === 'not_connected') return;
  }
}

const userIn = (core: Core, user: User) => ({
  id: user.id,
  username: user.name,
  name: user.name,
  team_id: user.teamId ?? core.state.team.id,
});

/** What every interaction carries. */
export const interaction = (core: Core, user: User, type: string, triggerId: string) => ({
  type,
  user: userIn(core, user),
  api_app_id: core.state.appId,
  token: '',
  trigger_id: triggerId,
  // Of whom uses it: another workspace's where the channel is shared.
  team:
    user.teamId === null ? { id: core.state.team.id, domain: core.state.team.domain } : { id: user.teamId, domain: '' },
  enterprise: user.teamId === null && core.organisation ? { id: core.organisation.id, name: '' } : null,
  is_enterprise_install: core.organisation?.isAppInAll ?? false,
});

/** What Slack writes where the app did not answer in time. */
export const silence = (what: string, why: 'not_connected' | 'timeout'): string =>
  why === 'timeout'
    ? `${what} failed because the app did not respond within 3 seconds.`
    : `${what} failed because the app is not connected.`;
