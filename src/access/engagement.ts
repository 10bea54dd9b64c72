import { DateTime } from 'luxon';
import { isTooLongAgo } from './age.ts';
import { type AllowedHours, endOfWindow, isWithin, nextWindow } from './hours.ts';
import type { EngagementId, Login, PersonId, TargetId } from './ids.ts';
import type { NoLongerAllowed, RestingRejection } from './rejection.ts';
import type { ScopeName } from './scopes/scope.ts';

/** A piece of contracted work: who, on what, how far, until when, and where it is talked about. */
export type Engagement = {
  readonly id: EngagementId;
  readonly name: string;
  /** Who the members work for; people of one vendor do not review each other. */
  readonly vendor: string;
  /** Slack conversation that holds the engagement's thread. */
  readonly channelId: string;
  readonly sponsorId: PersonId;
  readonly memberIds: readonly PersonId[];
  /** Members who left the channel: they work in it no more. */
  readonly leftIds: readonly PersonId[];
  readonly targetIds: readonly TargetId[];
  readonly scopes: readonly ScopeName[];
  /** The logins that can be asked for; null for every login of the targets. */
  readonly logins: readonly Login[] | null;
  readonly reviewerIds: readonly PersonId[];
  /** ISO date; nothing opens before this day in `timeZone`. Null where it began when it was opened. */
  readonly firstDay: string | null;
  /** Members who were offboarded from it: they work in it no more, also where they are in the channel. */
  readonly offboardedIds: readonly PersonId[];
  /** ISO date; access ends with this day in `timeZone`. */
  readonly lastDay: string;
  readonly timeZone: string;
  /** When access in it is possible; null for at any time. */
  readonly hours: AllowedHours | null;
  /** The ticket or statement of work behind it. */
  readonly reference: string | null;
  readonly createdAt: Date;
  /** When a second person confirmed it, or it was opened where none was needed; null while it waits, and nothing can be asked in it. */
  readonly confirmedAt: Date | null;
  /** When Slack last said who is in its channel; at first when it was opened. */
  readonly channelReadAt: Date;
  /** What its targets were labelled at that moment; none while it waits. */
  readonly labels: readonly string[];
  /** When it was closed, by somebody or after its last day; null while it is open. */
  readonly closedAt: Date | null;
  /** Null where an operator closed it, or Daypass after its last day. */
  readonly closedBy: PersonId | null;
};

type Days = Pick<Engagement, 'lastDay' | 'timeZone'>;

/** The instant at which the engagement's last day is over. */
export function engagementEnd({ lastDay, timeZone }: Days): Date {
  return startOf(lastDay, timeZone).plus({ days: 1 }).startOf('day').toJSDate();
}

/** The instant at which its first day begins; null where it began when it was opened. */
export const engagementBegin = ({ firstDay, timeZone }: Pick<Engagement, 'firstDay' | 'timeZone'>): Date | null =>
  firstDay === null ? null : startOf(firstDay, timeZone).toJSDate();

function startOf(day: string, timeZone: string): DateTime {
  const start = DateTime.fromISO(day, { zone: timeZone });
  if (!start.isValid) throw new RangeError(`engagement has no valid day: ${day} ${timeZone}`);
  return start.startOf('day');
}

/** The instant beyond which no access in it lasts that begins now: its hours or its last day are over. */
export function latestEnd({ hours, ...days }: Days & Pick<Engagement, 'hours'>, now: Date): Date {
  const end = engagementEnd(days);
  const closes = hours && endOfWindow(hours, now);
  return closes && closes < end ? closes : end;
}

/** When access that begins now would end before its duration is over; null where it would not. `until` is when the hours of policy end. */
export function cutShort(
  engagement: Days & Pick<Engagement, 'hours'>,
  until: Date | null,
  durationSeconds: number,
  now: Date,
): Date | null {
  const latest = latestEnd(engagement, now);
  const closes = until && until < latest ? until : latest;
  return closes.getTime() < now.getTime() + durationSeconds * 1_000 ? closes : null;
}

type Lasting = Pick<Engagement, 'lastDay' | 'timeZone' | 'closedAt'>;

/** When it is over, or was. */
export const overAt = (engagement: Lasting): Date => engagement.closedAt ?? engagementEnd(engagement);

export const isOver = (engagement: Lasting, now: Date): boolean =>
  engagement.closedAt !== null || now >= engagementEnd(engagement);

/** Whether somebody works in it: a member who has not left its channel, and was not offboarded from it. */
export const isMember = ({ memberIds, leftIds, offboardedIds }: Engagement, person: PersonId): boolean =>
  memberIds.includes(person) && !leftIds.includes(person) && !offboardedIds.includes(person);

/** What of this the engagement does not hold, or no longer; null where it holds all. */
export function outsideOf(
  { targetIds, scopes, logins }: Pick<Engagement, 'targetIds' | 'scopes' | 'logins'>,
  asked: { readonly targetIds: readonly TargetId[]; readonly scope: ScopeName; readonly login: Login },
): Extract<NoLongerAllowed, { kind: 'engagement' }> | null {
  const target = asked.targetIds.find((id) => !targetIds.includes(id));
  if (target !== undefined) return { kind: 'engagement', what: 'target', name: target };
  if (!scopes.includes(asked.scope)) return { kind: 'engagement', what: 'scope', name: asked.scope };
  return (logins?.includes(asked.login) ?? true) ? null : { kind: 'engagement', what: 'login', name: asked.login };
}

/**
 * Why access in it rests at this moment, or null: it was closed, has not begun, is over, or this is not one of its hours; or Slack has not
 * said for longer than `doubtSeconds` who is in its channel, because members who leave the channel lose access.
 */
export function whyItRests(
  engagement: Pick<Engagement, 'name' | 'channelReadAt' | 'firstDay' | 'lastDay' | 'timeZone' | 'hours' | 'closedAt'>,
  now: Date,
  doubtSeconds: number,
): Exclude<RestingRejection, { code: 'record_tampered' }> | null {
  const { name, channelReadAt: since, closedAt } = engagement;
  if (closedAt) return { code: 'engagement_closed', engagement: name, at: closedAt };
  const begins = engagementBegin(engagement);
  if (begins && now < begins) return { code: 'engagement_not_begun', beginsAt: begins, field: 'engagement' };
  if (isOver(engagement, now))
    return { code: 'engagement_over', endedAt: engagementEnd(engagement), field: 'engagement' };
  const { hours } = engagement;
  if (hours && !isWithin(hours, now))
    return { code: 'outside_engagement_hours', opensAt: nextWindow(hours, now)?.opens ?? null, field: 'engagement' };
  return isTooLongAgo(since, now, doubtSeconds * 1000) ? { code: 'channel_unread', engagement: name, since } : null;
}
