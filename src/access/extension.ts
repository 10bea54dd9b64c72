import { type Engagement, engagementEnd, latestEnd } from './engagement.ts';
import { expiresAt, type Grant, goesOnUnder, startsAt } from './grant.ts';
import { offeredDurations } from './policy.ts';
import type { AccessRequest, Ask } from './request.ts';
import { type Asker, heldToPolicy, type Today } from './standing-ask.ts';

/** What an ask is more time on: access that lasts until then, and that its person has had without a gap since. */
export type Extension = { readonly until: Date; readonly since: Date };

/** Null where the ask is for anything that its person did not have at that moment: another target, login, scope or key. */
export function extensionOf(ask: Ask, grants: readonly Grant[], at: Date): Extension | null {
  const had = ask.targets.flatMap((target) =>
    ask.keyFingerprints.map((fingerprint) =>
      grants.filter((grant) => ranAt(grant, at) && goesOnUnder(grant, { ...ask, target, fingerprint })),
    ),
  );
  if (had.length === 0 || had.some((each) => each.length === 0)) return null;
  // An end that came later was not to be seen then.
  const until = Math.min(...had.map((each) => Math.max(...each.map((grant) => expiresAt(grant).getTime()))));
  return { until: new Date(until), since: new Date(sinceWhen(had.flat(), grants)) };
}

/** Back through grants that allowed some of it before, each until the next began. */
function sinceWhen(had: readonly Grant[], grants: readonly Grant[]): number {
  const since = Math.min(...had.map((grant) => startsAt(grant).getTime()));
  const before = grants.filter(
    (grant) => startsAt(grant).getTime() < since && overAt(grant) >= since && had.some((each) => overlaps(each, grant)),
  );
  return before.length === 0 ? since : sinceWhen(before, grants);
}

const overlaps = ({ terms }: Grant, other: Grant): boolean =>
  terms.targets.some((target) =>
    terms.keyFingerprints.some((fingerprint) => goesOnUnder(other, { ...terms, target, fingerprint })),
  );

const ranAt = (grant: Grant, at: Date): boolean =>
  !grant.suspended && startsAt(grant) <= at && at.getTime() < overAt(grant);

/** When it ended, or ends. */
const overAt = (grant: Grant): number =>
  Math.min(...[expiresAt(grant), grant.expiredAt, grant.end?.at].flatMap((at) => at?.getTime() ?? []));

/** Why nobody could be given more time on this: the engagement or the allowed hours are over by then, or policy allows it no more. */
export type NoExtension = 'engagement' | 'hours' | 'policy';

type Had = {
  readonly grant: Grant;
  readonly request: AccessRequest;
  readonly engagement: Engagement;
  readonly requester: Asker['requester'];
};

/** Null where more time can be asked for. */
export function whyNoExtension(
  today: Today,
  { grant, request, engagement, requester }: Had,
  now: Date,
): NoExtension | null {
  if (engagementEnd(engagement) <= expiresAt(grant)) return 'engagement';
  if (latestEnd(engagement, now) <= expiresAt(grant)) return 'hours';
  const durationSeconds = Math.min(...offeredDurations(today.policy));
  const shortest = { ...request, ask: { ...request.ask, durationSeconds } };
  const held = heldToPolicy(today, shortest, { requester, engagement }, now);
  if (held.ok) return held.value.until && held.value.until <= expiresAt(grant) ? 'hours' : null;
  if (held.rejection.code === 'no_longer_allowed' && held.rejection.why.kind === 'hours') return 'hours';
  // Another ticket can be given.
  return held.rejection.code === 'no_longer_allowed' && held.rejection.why.kind === 'ticket' ? null : 'policy';
}
