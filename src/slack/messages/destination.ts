import type { Engagement } from '../../access/engagement.ts';
import type { PersonId } from '../../access/ids.ts';
import type { Notice } from '../../use-cases/notice.ts';
import type { Store, Tx } from '../../use-cases/ports/store.ts';

/** Where a message goes. */
export type Destination =
  | { readonly kind: 'channel'; readonly channelId: string }
  /** A reply to the message that this notice is. */
  | { readonly kind: 'thread'; readonly root: Notice }
  | { readonly kind: 'person'; readonly teamId: string; readonly userId: string };

export const threadOf = (engagement: Engagement): Destination => ({
  kind: 'thread',
  root: { kind: 'engagement_opened', engagementId: engagement.id },
});

type Inbox = Extract<Destination, { kind: 'person' }>;

/** The first of a person's accounts is where they are written to. */
export async function inboxOf(tx: Tx<'persons'>, id: PersonId): Promise<Inbox | null> {
  const [account] = (await tx.persons.byId(id))?.accounts ?? [];
  return account ? { kind: 'person', teamId: account.teamId, userId: account.userId } : null;
}

export const inbox = ({ store }: { readonly store: Store<'persons'> }, id: PersonId): Promise<Inbox | null> =>
  store.transaction((tx) => inboxOf(tx, id));
