import { DateTime } from 'luxon';
import { isTooLongAgo } from './age.ts';
import type { EngagementId, PersonId, TargetId } from './ids.ts';
import type { RejectionOf } from './rejection.ts';
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
  readonly reviewerIds: readonly PersonId[];
  /** ISO date; access ends with this day in `timeZone`. */
  readonly lastDay: string;
  readonly timeZone: string;
  readonly createdAt: Date;
  /** When a second person confirmed it, or it was opened where none was needed; null while it waits, and nothing can be asked in it. */
  readonly confirmedAt: Date | null;
  /** When Slack last said who is in its channel; at first when it was opened. */
  readonly channelReadAt: Date;
  /** What its targets were labelled at that moment; none while it waits. */
  readonly labels: readonly string[];
};

/** The instant at which the engagement's last day is over. */
export function engagementEnd(engagement: Pick<Engagement, 'lastDay' | 'timeZone'>): Date {
  const day = DateTime.fromISO(engagement.lastDay, { zone: engagement.timeZone });
  if (!day.isValid)
    throw new RangeError(`engagement has no valid last day: ${engagement.lastDay} ${engagement.timeZone}`);
  return day.plus({ days: 1 }).startOf('day').toJSDate();
}

export const isOver = (engagement: Pick<Engagement, 'lastDay' | 'timeZone'>, now: Date): boolean =>
  now >= engagementEnd(engagement);

/** Whether somebody works in it: a member who has not left its channel. */
export const isMember = ({ memberIds, leftIds }: Engagement, person: PersonId): boolean =>
  memberIds.includes(person) && !leftIds.includes(person);

/**
 * Why access in it rests at this moment, or null. Members who leave the channel lose access, so nobody has any while Slack has not said
 * for longer than `doubtSeconds` who is in there.
 */
export const whyItRests = (
  { name, channelReadAt: since }: Pick<Engagement, 'name' | 'channelReadAt'>,
  now: Date,
  doubtSeconds: number,
): RejectionOf<'channel_unread'> | null =>
  isTooLongAgo(since, now, doubtSeconds * 1000) ? { code: 'channel_unread', engagement: name, since } : null;
