import { isChangeExpired } from '../../access/engagement-change.ts';
import type { Notice } from '../../use-cases/notice.ts';
import { viewChange, viewEngagement } from '../../use-cases/views/engagement-view.ts';
import { changeCard } from './change-card.ts';
import { inbox, inboxOf, threadOf } from './destination.ts';
import { engagementConfirmCard, engagementMessage } from './engagement-message.ts';
import type { RenderDeps, Rendered } from './render.ts';

type Of<Kind extends Notice['kind']> = Extract<Notice, { kind: Kind }>;

/** The root of the engagement's thread, as things stand. */
export async function engagementRoot(
  deps: RenderDeps,
  notice: Of<'engagement_opened'> | Of<'engagement_updated'>,
): Promise<Rendered | null> {
  const view = await viewEngagement(deps)({ engagementId: notice.engagementId });
  if (!view) return null;
  const message = engagementMessage(view, deps.inventory.scopes, deps.clock.now());
  const to = { kind: 'channel', channelId: view.engagement.channelId } as const;
  return { to, ...message, onlyUpdate: notice.kind === 'engagement_updated' };
}

/** A change to an engagement: to a reviewer, or to the thread. */
export async function changeNotice(
  deps: RenderDeps,
  notice: Of<'change_card'> | Of<'change_card_changed'>,
): Promise<Rendered | null> {
  const view = await viewChange(deps)({ changeId: notice.changeId });
  if (!view) return null;
  const now = deps.clock.now();
  const isWaiting = view.change.status === 'pending' && !isChangeExpired(view.change, now);
  if (notice.kind === 'change_card' && notice.to !== null && !isWaiting) return null;
  const to = notice.to === null ? threadOf(view.engagement) : await inbox(deps, notice.to);
  if (!to) return null;
  const message = changeCard(view, { audience: notice.to === null ? 'thread' : 'reviewer', now });
  return { to, ...message, onlyUpdate: notice.kind === 'change_card_changed' };
}
/** To who may confirm a first engagement on a label. */
export const engagementConfirm = (
  { store, inventory }: RenderDeps,
  notice: Of<'engagement_confirm'> | Of<'engagement_confirm_changed'>,
): Promise<Rendered | null> =>
  store.transaction(async (tx) => {
    const engagement = await tx.engagements.byId(notice.engagementId);
    const to = engagement && (await inboxOf(tx, notice.to));
    if (!engagement || !to) return null;
    const { sponsorId, memberIds, reviewerIds } = engagement;
    const names = await tx.persons.names([...new Set([sponsorId, ...memberIds, ...reviewerIds])]);
    const message = engagementConfirmCard(engagement, names, inventory.scopes);
    return { to, ...message, onlyUpdate: notice.kind === 'engagement_confirm_changed' };
  });
