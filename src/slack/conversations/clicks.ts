import { EngagementId, GrantId, RequestId, SessionId } from '../../access/ids.ts';
import { confirmEngagement } from '../../use-cases/engagements/confirm-engagement.ts';
import { sendFiles } from '../../use-cases/grants/send-files.ts';
import { withdrawRequest } from '../../use-cases/requests/withdraw-request.ts';
import { endSession } from '../../use-cases/sessions/end-session.ts';
import type { EngagementView } from '../../use-cases/views/engagement-view.ts';
import { type Asker, type Edge, readGroups } from '../edge.ts';
import { ACTION } from '../words/action-ids.ts';
import { textModal, type View } from '../words/blocks.ts';
import { type Answer, refusal, say, whisper } from './answer.ts';
import { commentView } from './comment.ts';
import { detailsView } from './details.ts';
import { approveChange, changeView, denyChangeView, engagementFor } from './engagement-change.ts';
import { peopleWindow, sessionsWindow } from './engagement-windows.ts';
import { helpAnswer } from './help.ts';
import { publishHome } from './home.ts';
import { keyAnswer } from './key.ts';
import { keysAnswer, retireAnswer } from './keys.ts';
import { endAnswer, listAnswer } from './list.ts';
import { closeButtonReaction, noteView, tick } from './offboard.ts';
import { type ActionPayload, messageKeyIn } from './payloads.ts';
import { editView, extensionView, requestView } from './request.ts';
import { approve, type Card, denyView, unsignedAnswer } from './review.ts';
import { revokeView } from './revoke.ts';
import { typedForm } from './typed-request.ts';

/** A button that was pressed, by whom, and where. */
export type Click = {
  readonly edge: Edge;
  readonly asker: Asker;
  readonly payload: ActionPayload;
  readonly value: string | undefined;
};

/** What each button does, by the part of its action id before a colon. */
export const CLICKS: ReadonlyMap<string, (click: Click) => Promise<void>> = new Map([
  [ACTION.openRequest, async (click) => show(click, await requestView(click.edge, click.asker, click.value || null))],
  [ACTION.openTyped, async (click) => show(click, await typedForm(click.edge, click.asker, click.value ?? ''))],
  [ACTION.extendGrant, pressExtend],
  [ACTION.showKey, showKey],
  [ACTION.showKeys, async (click) => show(click, inWindow('SSH keys', await keysAnswer(click.edge, click.asker)))],
  [ACTION.retireKey, pressRetire],
  [ACTION.showList, showList],
  [ACTION.showHelp, (click) => show(click, inWindow('How to use Daypass', helpAnswer(null, click.edge.gateway)))],
  [ACTION.confirmEngagement, pressConfirm],
  [ACTION.changeEngagement, pressChange],
  [ACTION.closeEngagement, pressClose],
  [ACTION.showPeople, showPeople],
  [ACTION.showSessions, showSessions],
  [ACTION.approveChange, pressApproveChange],
  [ACTION.denyChange, pressDenyChange],
  [ACTION.approve, pressApprove],
  [ACTION.deny, pressDeny],
  [ACTION.commentRequest, pressComment],
  [ACTION.editRequest, pressEdit],
  [ACTION.withdraw, withdraw],
  [ACTION.endGrant, pressEndGrant],
  [ACTION.revokeGrant, pressRevoke],
  [ACTION.endSession, pressEndSession],
  [ACTION.showDetails, showDetails],
  [ACTION.sendFiles, pressSendFiles],
  [ACTION.tickItem, pressTick],
  [ACTION.noteItem, pressNote],
]);

const inWindow = (title: string, answer: Answer): View => textModal(title, answer.blocks);
const isModal = ({ payload }: Click): boolean => payload.view?.type === 'modal';
const isHome = ({ payload }: Click): boolean => payload.view?.type === 'home';

/** A window changes in place; from anywhere else one opens. */
async function show(click: Click, view: View): Promise<void> {
  const { edge, payload } = click;
  if (isModal(click) && payload.view) {
    await edge.web.views.update({ view_id: payload.view.id, view });
    return;
  }
  await edge.web.views.open({ trigger_id: payload.trigger_id, view });
}

/** Tells the person where they pressed. */
export async function tellAt(edge: Edge, payload: ActionPayload, answer: Answer): Promise<void> {
  const channelId = payload.container?.channel_id ?? payload.channel?.id;
  if (payload.view?.type === 'modal' || channelId === undefined) return tellInWindow(edge, payload, answer);
  const threadTs = payload.message?.thread_ts ?? null;
  await whisper(
    edge,
    { channelId, threadTs, userId: payload.user.id, responseUrl: payload.response_url ?? null },
    answer,
  );
}

/** Over a form, so that its entries stay. By direct message where it is too late for a window. */
async function tellInWindow(edge: Edge, payload: ActionPayload, answer: Answer): Promise<void> {
  const { view: shown, trigger_id, user } = payload;
  const view = textModal('Daypass', answer.blocks);
  const isForm = Object.keys(shown?.state?.values ?? {}).length > 0;
  try {
    if (shown?.type !== 'modal') await edge.web.views.open({ trigger_id, view });
    else if (isForm) await edge.web.views.push({ trigger_id, view });
    else await edge.web.views.update({ view_id: shown.id, view });
  } catch (error) {
    edge.log.info({ err: error }, 'no window could be opened: the answer is sent as a message');
    await edge.web.chat.postMessage({ channel: user.id, text: answer.text, blocks: [...answer.blocks] });
  }
}

async function pressExtend(click: Click): Promise<void> {
  const reaction = await extensionView(click.edge, click.asker, click.value);
  if ('open' in reaction) return show(click, reaction.open);
  await tellAt(click.edge, click.payload, reaction.answer);
}

async function pressComment(click: Click): Promise<void> {
  const view = commentView(click.value);
  if (view) return show(click, view);
  await tellAt(click.edge, click.payload, await refusal(click.edge, { code: 'unknown_request' }));
}

async function pressEdit(click: Click): Promise<void> {
  const { edge, asker, payload, value } = click;
  const view = await editView(edge, asker, value);
  if (view.ok) return show(click, view.value);
  await tellAt(edge, payload, await refusal(edge, view.rejection));
}

async function showKey(click: Click): Promise<void> {
  const answer = await keyAnswer(click.edge, click.asker);
  if (!answer.ok) return tellAt(click.edge, click.payload, await refusal(click.edge, answer.rejection));
  await show(click, inWindow('Register your SSH key', answer.value));
}

async function showList(click: Click): Promise<void> {
  if (isHome(click)) return publishHome(click.edge, click.asker);
  await show(click, inWindow('Your access', await listAnswer(click.edge, click.asker)));
}

const cardOf = ({ edge, payload }: Click): Card | null => {
  const channelId = payload.container?.channel_id ?? payload.channel?.id;
  const ts = payload.container?.message_ts;
  const ours = payload.message?.user === edge.own.botUserId;
  const key = ours ? messageKeyIn(payload.message?.metadata) : null;
  return channelId !== undefined && ts !== undefined ? { channelId, ts, key } : null;
};

/** The card itself shows what an approval did. A refusal is reported separately, and what is still to be signed as well. */
async function pressApprove(click: Click): Promise<void> {
  const { edge, asker, payload, value } = click;
  const card = cardOf(click);
  if (!card) return tellAt(edge, payload, await refusal(edge, { code: 'unknown_card' }));
  const reviewed = await approve(edge, asker, value, card);
  if (!reviewed.ok) return tellAt(edge, payload, await refusal(edge, reviewed.rejection));
  const unsigned = unsignedAnswer(edge, asker, reviewed.value);
  if (unsigned) await tellAt(edge, payload, unsigned);
}

/** The card itself shows that it is confirmed. Only a refusal is reported separately. */
async function pressConfirm({ edge, asker, payload, value }: Click): Promise<void> {
  const id = EngagementId.safeParse(value);
  await readGroups(edge);
  const confirmed = id.success
    ? await confirmEngagement(edge)({ by: asker.person.id, engagementId: id.data })
    : ({ ok: false, rejection: { code: 'unknown_engagement', field: 'engagement' } } as const);
  if (!confirmed.ok) await tellAt(edge, payload, await refusal(edge, confirmed.rejection));
}

async function pressChange(click: Click): Promise<void> {
  const view = await changeView(click.edge, click.asker, click.value);
  if (view) return show(click, view);
  await tellAt(click.edge, click.payload, await refusal(click.edge, { code: 'may_not_change_engagement' }));
}

async function pressClose(click: Click): Promise<void> {
  const reaction = await closeButtonReaction(click.edge, click.asker, click.value);
  if ('open' in reaction) return show(click, reaction.open);
  await tellAt(click.edge, click.payload, reaction.answer);
}

const NOT_YOURS = 'Only people who work in this engagement or look after it can see this.';

async function showPeople(click: Click): Promise<void> {
  const view = await engagementFor(click.edge, click.asker, click.value);
  if (!view) return tellAt(click.edge, click.payload, say(NOT_YOURS));
  await show(click, peopleWindow(view, looksAfter(click.asker, view)));
}

async function showSessions(click: Click): Promise<void> {
  const view = await engagementFor(click.edge, click.asker, click.value);
  if (!view) return tellAt(click.edge, click.payload, say(NOT_YOURS));
  await show(click, await sessionsWindow(click.edge, view, looksAfter(click.asker, view)));
}

const looksAfter = ({ person, isSecurity }: Asker, { engagement }: EngagementView): boolean =>
  isSecurity || engagement.sponsorId === person.id || engagement.reviewerIds.includes(person.id);

/** The card itself shows what an approval did. Only a refusal is reported separately. */
async function pressApproveChange(click: Click): Promise<void> {
  const { edge, asker, payload, value } = click;
  const card = cardOf(click);
  const reviewed = card
    ? await approveChange(edge, asker, value, card)
    : ({ ok: false, rejection: { code: 'unknown_card' } } as const);
  if (!reviewed.ok) await tellAt(edge, payload, await refusal(edge, reviewed.rejection));
}

async function pressDenyChange(click: Click): Promise<void> {
  const card = cardOf(click);
  const view = card && denyChangeView(click.value, card);
  if (!view) return tellAt(click.edge, click.payload, await refusal(click.edge, { code: 'unknown_card' }));
  await show(click, view);
}

/** The checklist itself shows what is ticked. Only a refusal is reported separately. */
async function pressTick({ edge, asker, payload, value }: Click): Promise<void> {
  const done = await tick(edge, asker, value, null);
  if (!done.ok) await tellAt(edge, payload, await refusal(edge, done.rejection));
}

async function pressNote(click: Click): Promise<void> {
  const view = noteView(click.value);
  if (view) return show(click, view);
  await tellAt(click.edge, click.payload, await refusal(click.edge, { code: 'unknown_offboarding' }));
}

async function pressDeny(click: Click): Promise<void> {
  const card = cardOf(click);
  const view = card && denyView(click.value, card);
  if (!view) return tellAt(click.edge, click.payload, await refusal(click.edge, { code: 'unknown_card' }));
  await show(click, view);
}

async function withdraw(click: Click): Promise<void> {
  const { edge, asker } = click;
  const requestId = RequestId.safeParse(click.value);
  const withdrawn = requestId.success
    ? await withdrawRequest(edge)({ by: asker.person.id, requestId: requestId.data })
    : ({ ok: false, rejection: { code: 'unknown_request' } } as const);
  await afterChange(
    click,
    withdrawn.ok ? say('Your request was withdrawn.') : await refusal(edge, withdrawn.rejection),
  );
}

async function pressEndGrant(click: Click): Promise<void> {
  const ended = await endAnswer(click.edge, click.asker, click.value, null);
  await afterChange(click, ended.ok ? ended.value : await refusal(click.edge, ended.rejection));
}

async function pressRevoke(click: Click): Promise<void> {
  const from = isHome(click) ? 'home' : isModal(click) ? 'list' : 'message';
  const view = await revokeView(click.edge, click.asker, click.value, from);
  if (view.ok) return show(click, view.value);
  await tellAt(click.edge, click.payload, await refusal(click.edge, view.rejection));
}

async function pressRetire(click: Click): Promise<void> {
  const { edge, asker, payload, value } = click;
  const answer = await retireAnswer(edge, asker, value);
  if (!isModal(click)) return tellAt(edge, payload, answer);
  const keys = await keysAnswer(edge, asker);
  await show(click, inWindow('SSH keys', { text: keys.text, blocks: [...answer.blocks, ...keys.blocks] }));
}

/** The Home tab and a window show the change in their updated list. Elsewhere the person gets a message. */
async function afterChange(click: Click, answer: Answer): Promise<void> {
  const { edge, asker, payload } = click;
  if (isHome(click)) await publishHome(edge, asker);
  if (!isModal(click)) return tellAt(edge, payload, answer);
  const list = await listAnswer(edge, asker);
  await show(click, textModal('Your access', [...answer.blocks, ...list.blocks]));
}

async function pressEndSession(click: Click): Promise<void> {
  const { edge, asker, payload } = click;
  const sessionId = SessionId.safeParse(click.value);
  const by = { by: asker.person.id, isSecurity: asker.isSecurity };
  const ended = sessionId.success
    ? await endSession(edge)({ ...by, sessionId: sessionId.data })
    : ({ ok: false, rejection: { code: 'unknown_session' } } as const);
  if (!ended.ok) return tellAt(edge, payload, await refusal(edge, ended.rejection));
  await tellAt(edge, payload, say('The session is being terminated. The thread shows when it has ended.'));
}

async function showDetails(click: Click): Promise<void> {
  const { edge, asker, payload, value } = click;
  const channelId = payload.container?.channel_id ?? payload.channel?.id;
  const view = await detailsView(edge, asker, value, channelId);
  if (view) return show(click, view);
  await tellAt(edge, payload, say('There is nothing to show: it no longer exists, or you may not see it.'));
}

async function pressSendFiles(click: Click): Promise<void> {
  const { edge, asker, payload } = click;
  const grantId = GrantId.safeParse(click.value);
  const sent = grantId.success
    ? await sendFiles(edge)({ by: asker.person.id, grantId: grantId.data })
    : ({ ok: false, rejection: { code: 'unknown_grant' } } as const);
  if (!sent.ok) return tellAt(edge, payload, await refusal(edge, sent.rejection));
  if (!sent.value)
    await tellAt(edge, payload, say('The files were already sent. They are in your direct messages with Daypass.'));
}
