import { type Engagement, isOver } from '../../access/engagement.ts';
import type { PersonId } from '../../access/ids.ts';
import { endAccessIn, type GoneParts } from '../people/person-gone.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { tellReadAgain } from './channel-in-doubt.ts';

type Deps = { readonly store: Store<GoneParts>; readonly clock: Clock };

export type SeenChannel = {
  readonly channelId: string;
  /** When Slack was asked. */
  readonly at: Date;
  /** Slack's user ids of everybody who is in it. */
  readonly userIds: ReadonlySet<string>;
  /** Of whom Slack said that they left: they had been there. */
  readonly leftUserIds: ReadonlySet<string>;
};

/**
 * Writes down who of an engagement's members is in its channel. Who was there and is gone works in it no more: their access in it ends.
 * Coming back makes them members again; access has to be asked for anew.
 */
export const seeChannel =
  (deps: Deps) =>
  ({ channelId, at, userIds, leftUserIds }: SeenChannel): Promise<void> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const readAgain: Engagement[] = [];
      for (const engagement of await tx.engagements.inChannel(channelId)) {
        if (isOver(engagement, now)) continue;
        const reading = await tx.engagements.channelRead(engagement.id, at, now);
        if (reading === 'outdated') continue;
        if (reading === 'read_again') readAgain.push(engagement);
        const members = await tx.persons.byIds(engagement.memberIds);
        const before = new Set(await tx.engagements.everSeenIn(engagement.id));
        const has = (users: ReadonlySet<string>, id: PersonId): boolean =>
          members.some((member) => member.id === id && member.accounts.some((account) => users.has(account.userId)));
        const present = engagement.memberIds.filter((id) => has(userIds, id));
        const left = engagement.memberIds.filter(
          (id) => !present.includes(id) && !engagement.leftIds.includes(id) && (before.has(id) || has(leftUserIds, id)),
        );
        await tx.engagements.seenIn(engagement.id, present, now);
        await tx.engagements.leftFrom(engagement.id, left, now);
        const event = (type: 'member_left' | 'member_returned', person: PersonId) =>
          tx.audit.append({
            ...{ type, at: now, actor: { kind: 'daypass' } },
            facts: { engagement: engagement.id, person },
          });
        for (const id of present.filter((each) => engagement.leftIds.includes(each)))
          await event('member_returned', id);
        for (const personId of left) {
          await event('member_left', personId);
          await endAccessIn(tx, { personId, why: 'left_channel', engagementId: engagement.id }, now);
        }
      }
      if (readAgain.length > 0) await tellReadAgain(tx, readAgain, now);
    });
