import { type Engagement, engagementEnd } from './engagement.ts';
import { expiresAt, type Grant } from './grant.ts';
import { offeredDurations } from './policy.ts';
import type { AccessRequest } from './request.ts';
import { type Asker, heldToPolicy, type Today } from './standing-ask.ts';

/** Why nobody could be given more time on this: the engagement is over by then, or policy allows it to nobody any more. */
export type NoExtension = 'engagement' | 'policy';

type Had = {
  readonly grant: Grant;
  readonly request: AccessRequest;
  readonly engagement: Engagement;
  readonly requester: Asker['requester'];
};

/** Null where more time can be asked for. */
export function whyNoExtension(today: Today, { grant, request, engagement, requester }: Had): NoExtension | null {
  if (engagementEnd(engagement) <= expiresAt(grant)) return 'engagement';
  const durationSeconds = Math.min(...offeredDurations(today.policy));
  const shortest = { ...request, ask: { ...request.ask, durationSeconds } };
  const held = heldToPolicy(today, shortest, { requester, engagement });
  if (held.ok) return null;
  // Another ticket can be given.
  return held.rejection.code === 'no_longer_allowed' && held.rejection.why.kind === 'ticket' ? null : 'policy';
}
