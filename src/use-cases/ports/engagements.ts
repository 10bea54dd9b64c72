import type { Engagement } from '../../access/engagement.ts';
import type { EngagementTerms } from '../../access/engagement-change.ts';
import type { EngagementId, PersonId } from '../../access/ids.ts';

export type Engagements = {
  byId(id: EngagementId): Promise<Engagement | null>;
  /** `select … for no key update`: what closes it, and what gives access in it, take turns. */
  lock(id: EngagementId): Promise<Engagement | null>;
  byIds(ids: readonly EngagementId[]): Promise<readonly Engagement[]>;
  insert(engagement: Engagement): Promise<void>;
  /** Puts other terms in the place of those it had. Members and reviewers who stay keep what is known of them. */
  change(id: EngagementId, terms: EngagementTerms, labels: readonly string[]): Promise<void>;
  /** Also those whose channel the member has left. */
  ofMember(id: PersonId): Promise<readonly Engagement[]>;
  /** False where somebody has. */
  confirm(
    id: EngagementId,
    confirmed: { readonly by: PersonId; readonly at: Date; readonly labels: readonly string[] },
  ): Promise<boolean>;
  /** Nothing can be had in it from now on. `by` is null where that was no person. */
  close(id: EngagementId, closed: { readonly by: PersonId | null; readonly at: Date }): Promise<void>;
  /** Those that are not closed, but for those that had ended before engagements were closed. */
  unclosed(): Promise<readonly Engagement[]>;
  /** A member works in it no more, until they are readmitted. */
  offboard(id: EngagementId, person: PersonId, at: Date): Promise<void>;
  readmit(id: EngagementId, person: PersonId, at: Date): Promise<void>;
  askToConfirm(id: EngagementId, people: readonly PersonId[]): Promise<void>;
  /** Who was asked to confirm it. */
  confirmers(id: EngagementId): Promise<readonly PersonId[]>;
  inChannel(channelId: string): Promise<readonly Engagement[]>;
  /**
   * Writes down that Slack, asked at `at`, said who is in its channel: `outdated`, and nothing written, where it said so of a later
   * moment already; `read_again` where security had been told that it did not.
   */
  channelRead(id: EngagementId, at: Date, now: Date): Promise<'read' | 'read_again' | 'outdated'>;
  /** Slack names the channel of these as what it cannot show. Whether that is news: it was said of none of them since it was read. */
  channelRefused(ids: readonly EngagementId[], error: string): Promise<boolean>;
  /** Writes down that security is told that access in these rests; returns those of which it had not been told. */
  toldOfUnread(ids: readonly EngagementId[], at: Date): Promise<readonly EngagementId[]>;
  /** These members were in the channel just now. */
  seenIn(id: EngagementId, people: readonly PersonId[], at: Date): Promise<void>;
  leftFrom(id: EngagementId, people: readonly PersonId[], at: Date): Promise<void>;
  /** Members who were in the channel at some time. */
  everSeenIn(id: EngagementId): Promise<readonly PersonId[]>;
  all(): Promise<readonly Engagement[]>;
};
