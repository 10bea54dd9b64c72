import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Core } from './core.ts';
import type { Acknowledgement, EnvelopeType, Retry, Unanswered } from './socket.ts';
import type { User } from './state.ts';

const EVENT_TRIES = 4;

/** Sends what a person did to the app. The faults that repeat a delivery do it here. */
export async function deliver(core: Core, type: EnvelopeType, payload: unknown): Promise<Acknowledgement> {
  const isClick = z.object({ type: z.literal('block_actions') }).safeParse(payload).success;
  const kinds = isClick ? (['duplicate_delivery', 'replayed_click'] as const) : (['duplicate_delivery'] as const);
  const repeated = core.faults.take(kinds, null) !== null;
  const first = core.delivery.deliver(type, payload);
  if (repeated) await core.delivery.deliver(type, payload);
  return first;
}

/** One try of an event. What the app answered can be lost on its way to Slack. */
async function tryEvent(core: Core, payload: unknown, retry: Retry | undefined): Promise<Acknowledgement> {
  const answer = retry
    ? await core.delivery.deliver('events_api', payload, retry)
    : await deliver(core, 'events_api', payload);
  return core.faults.take(['lost_answer'], null) ? { acked: false, why: 'timeout' } : answer;
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
  let retry: Retry | undefined;
  // Slack waits a minute before the third try, and five before the last.
  for (let attempt = 1; attempt <= EVENT_TRIES; attempt += 1) {
    const answer = await tryEvent(core, payload, retry);
    if (answer.acked || (answer.why === 'not_connected' && core.manifest.requestUrls === null)) return;
    retry = { attempt, reason: answer.why };
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

const SILENCE: Readonly<Record<Unanswered, string>> = {
  timeout: 'did not respond within 3 seconds',
  not_connected: 'is not connected',
  http_error: 'answered with an error',
};

/** What Slack writes where the app did not answer in time. */
export const silence = (what: string, why: Unanswered): string => `${what} failed because the app ${SILENCE[why]}.`;
