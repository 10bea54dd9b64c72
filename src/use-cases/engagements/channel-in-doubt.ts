import { type Engagement, isOver, whyItRests } from '../../access/engagement.ts';
import { SECURITY_LANE } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { Store, Tx } from '../ports/store.ts';

type Deps<Part extends keyof Tx> = {
  readonly store: Store<Part>;
  readonly clock: Clock;
  readonly inventory: Pick<Inventory, 'policy'>;
};

const NAMED_MAX = 20;
const GRANTS_MAX = 10_000;
const DAYPASS = { kind: 'daypass' } as const;

const named = (engagements: readonly Engagement[]) => ({
  engagementIds: engagements.slice(0, NAMED_MAX).map(({ id }) => id),
  count: engagements.length,
});

/** Slack names a channel as what it cannot show, as after Daypass was removed from it: security is told at once, once until it is read again. */
export const missChannel =
  (deps: Deps<'engagements' | 'audit' | 'outbox'>) =>
  ({ channelId, error }: { readonly channelId: string; readonly error: string }): Promise<void> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const open = (await tx.engagements.inChannel(channelId)).filter((each) => !isOver(each, now));
      const ids = open.map(({ id }) => id);
      if (!(await tx.engagements.channelRefused(ids, error))) return;
      const lastRead = Math.min(...open.map((each) => each.channelReadAt.getTime()));
      const restsAt = new Date(lastRead + deps.inventory.policy.doubt * 1000).toISOString();
      await tx.audit.append({ type: 'channel_refused', at: now, actor: DAYPASS, facts: { engagements: ids, error } });
      await tx.outbox.enqueue(
        { kind: 'channel_refused', at: now.toISOString(), error, restsAt, ...named(open) },
        SECURITY_LANE,
      );
    });

/** Tells security, once for each doubt, in which engagements access rests because Slack has not said who is in their channel. */
export const tellOfUnreadChannels =
  (deps: Deps<'engagements' | 'grants' | 'sessions' | 'audit' | 'outbox'>) => (): Promise<number> =>
    deps.store.transaction(async (tx) => {
      const now = deps.clock.now();
      const { doubt: doubtSeconds } = deps.inventory.policy;
      const sessions = await tx.sessions.live();
      const grants = await tx.grants.list({ activeAt: now, limit: GRANTS_MAX });
      const used = [...grants.map(({ terms }) => terms.engagementId), ...sessions.map((each) => each.engagementId)];
      const all = await tx.engagements.byIds([...new Set(used)]);
      const resting = all.filter((each) => whyItRests(each, now, doubtSeconds)?.code === 'channel_unread');
      const told = await tx.engagements.toldOfUnread(
        resting.map(({ id }) => id),
        now,
      );
      if (told.length === 0) return 0;
      const engagements = resting.filter(({ id }) => told.includes(id));
      const ended = sessions.filter((each) => told.includes(each.engagementId)).length;
      await tx.audit.append({
        ...{ type: 'channels_in_doubt', at: now, actor: DAYPASS },
        facts: { engagements: told, sessions: ended, seconds: doubtSeconds },
      });
      const facts = { ...named(engagements), sessions: ended, doubtSeconds };
      await tx.outbox.enqueue({ kind: 'channels_in_doubt', at: now.toISOString(), ...facts }, SECURITY_LANE);
      return told.length;
    });

/** Security had been told that a channel was not read. */
export async function tellReadAgain(
  tx: Tx<'audit' | 'outbox'>,
  engagements: readonly Engagement[],
  now: Date,
): Promise<void> {
  const ids = engagements.map(({ id }) => id);
  await tx.audit.append({ type: 'channel_read_again', at: now, actor: DAYPASS, facts: { engagements: ids } });
  await tx.outbox.enqueue({ kind: 'channel_read_again', at: now.toISOString(), ...named(engagements) }, SECURITY_LANE);
}
