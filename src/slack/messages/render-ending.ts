import { messageKey, type Notice } from '../../use-cases/notice.ts';
import { viewBurst, viewEnding } from '../../use-cases/views/views.ts';
import { inbox, inboxOf, threadOf } from './destination.ts';
import { grantEnding, grantEndingLine } from './ending-messages.ts';
import { sessionReceipt } from './receipt.ts';
import type { RenderDeps, Rendered } from './render.ts';
import { headsOf } from './session-messages.ts';

type Of<Kind extends Notice['kind']> = Extract<Notice, { kind: Kind }>;

/** What is said before access ends: to its holder, and in a line of the thread. */
export async function endingNotice(
  deps: RenderDeps,
  notice: Of<'grant_ending'> | Of<'grant_ending_changed'> | Of<'grant_ending_line'>,
): Promise<Rendered | null> {
  const view = await viewEnding(deps)({ grantId: notice.grantId });
  if (!view) return null;
  const now = deps.clock.now();
  if (notice.kind === 'grant_ending_line')
    return { to: threadOf(view.engagement), ...grantEndingLine(view, now), onlyUpdate: view.due === null };
  const to = await inbox(deps, view.grant.terms.personId);
  if (!to) return null;
  if (notice.kind === 'grant_ending_changed') return { to, ...grantEnding(view, now), onlyUpdate: true };
  // Slack was away for so long that another is due, or there is nothing to tell any more.
  if (view.due === null || view.due < notice.minutes) return null;
  return { to, ...grantEnding(view, now) };
}

/** What the sessions of a burst were, to whose they were. */
export async function receiptNotice(deps: RenderDeps, notice: Of<'session_receipt'>): Promise<Rendered | null> {
  const view = await viewBurst(deps)(notice);
  const message = view && sessionReceipt(view, deps.retention);
  const [session] = view?.sessions ?? [];
  if (!view || !message || !session) return null;
  return deps.store.transaction(async (tx) => {
    // A deactivated account reads nothing.
    const to = (await tx.persons.byId(session.personId))?.active ? await inboxOf(tx, session.personId) : null;
    // One that was taken away is not posted again: nobody is to hear of it twice.
    const isPosted = (await tx.messages.get(messageKey(notice))) !== null;
    return to && { to, ...message, facts: headsOf(view), onlyUpdate: isPosted };
  });
}
