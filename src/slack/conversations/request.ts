import { isMember, isOver } from '../../access/engagement.ts';
import type { NoExtension } from '../../access/extension.ts';
import { isActive } from '../../access/grant.ts';
import { EngagementId, GrantId, type PersonId } from '../../access/ids.ts';
import { ok, type Result } from '../../access/result.ts';
import { requestAccess } from '../../use-cases/requests/request-access.ts';
import { listAccess } from '../../use-cases/views/access-list.ts';
import { type EndingView, viewEnding } from '../../use-cases/views/views.ts';
import { type Asker, type Edge, namesFor } from '../edge.ts';
import { readChannelAtClick } from '../readings/channel-reading.ts';
import { TARGETS_MENU } from '../words/action-ids.ts';
import type { View } from '../words/blocks.ts';
import { unmarked, word } from '../words/refusals.ts';
import { type Answer, refusal, say } from './answer.ts';
import type { ViewPayload } from './payloads.ts';
import {
  errorAt,
  matchingTargets,
  noEngagementView,
  noKeyView,
  type RequestForm,
  readRequest,
  requestForm,
  targetOption,
  targetsOf,
} from './request-form.ts';
import type { Outcome } from './submission.ts';

/** The form as this person gets it, with an engagement chosen where it is clear which. */
export async function requestView(
  edge: Edge,
  asker: Asker,
  wanted: string | null,
  like?: RequestForm['like'],
): Promise<View> {
  const list = await listAccess(edge)({ personId: asker.person.id, isSecurity: false });
  if (list.keys.length === 0) return noKeyView();
  const now = edge.clock.now();
  const engagements = list.engagements.filter((engagement) => !isOver(engagement, now));
  const [first, ...others] = engagements;
  if (!first) return noEngagementView();
  const chosen = engagements.find((engagement) => engagement.id === wanted) ?? (others.length === 0 ? first : null);
  return requestForm({
    engagements,
    chosen,
    keys: list.keys,
    inventory: edge.inventory,
    like: chosen ? like : undefined,
  });
}

/** The form, filled in like access that one has; or, as an answer, why there is no more time to ask for. */
export async function extensionView(
  edge: Edge,
  asker: Asker,
  grantId: string | undefined,
): Promise<{ readonly open: View } | { readonly answer: Answer }> {
  const id = GrantId.safeParse(grantId);
  const view = id.success ? await viewEnding(edge)({ grantId: id.data }) : null;
  if (!view) return { answer: await refusal(edge, { code: 'unknown_grant' }) };
  const now = edge.clock.now();
  const why = whyNotExtended(view, asker.person.id, now);
  if (why !== null) return { answer: say(why) };
  const like = { ask: view.request.ask, isLive: isActive(view.grant, now) };
  return { open: await requestView(edge, asker, view.engagement.id, like) };
}

/** A sentence; null where the form opens. Access that is over can be asked for again like any other. */
export function whyNotExtended(
  { grant, engagement, noExtension }: Pick<EndingView, 'grant' | 'engagement' | 'noExtension'>,
  by: PersonId,
  now: Date,
): string | null {
  if (grant.terms.personId !== by) return NOT_THEIRS;
  return noExtension && isActive(grant, now) ? NO_EXTENSION[noExtension](engagement.name) : null;
}

const NOT_THEIRS =
  'Only the person who has this access can extend it. To get access yourself, press “Request access” below the engagement’s message.';

const NO_EXTENSION: Readonly<Record<NoExtension, (engagement: string) => string>> = {
  engagement: (name) =>
    `This cannot be extended: ${name} ends then, and all access in it. Ask the person who opened it.`,
  hours: () => 'This cannot be extended: the allowed hours are over then. Request access again when they begin.',
  policy: () =>
    'This cannot be extended: policy no longer allows this access. Request other access, or ask in the engagement’s thread.',
};

/** Slack shows a menu's options while somebody types: targets of an engagement that they work in, nothing else. */
export async function suggestTargets(edge: Edge, asker: Asker, actionId: string, typed: string) {
  const engagementId = EngagementId.safeParse(actionId.slice(TARGETS_MENU.length + 1));
  if (!engagementId.success) {
    const whole = asker.person.standing === 'member' ? edge.inventory.targets : [];
    return matchingTargets(whole, typed).map(targetOption);
  }
  const engagement = await edge.store.transaction((tx) => tx.engagements.byId(engagementId.data));
  if (!engagement || !isMember(engagement, asker.person.id)) return [];
  return matchingTargets(targetsOf(engagement, edge.inventory), typed).map(targetOption);
}

export async function submitRequest(edge: Edge, asker: Result<Asker>, view: ViewPayload): Promise<Outcome> {
  const result = await ask(edge, asker, view);
  if (result.ok) return { kind: 'close' };
  if (result.rejection.code === 'no_registered_key') return { kind: 'show', view: noKeyView() };
  const sentence = word(result.rejection, unmarked(await namesFor(edge, result.rejection)));
  return { kind: 'errors', errors: errorAt(view, result.rejection, sentence) };
}

async function ask(edge: Edge, asker: Result<Asker>, view: ViewPayload): Promise<Result<null>> {
  if (!asker.ok) return asker;
  const form = readRequest(view);
  if (!form) return { ok: false, rejection: { code: 'unknown_engagement', field: 'engagement' } };
  await readChannelAtClick(edge, form.engagementId);
  const requested = await requestAccess(edge)({ by: asker.value.person.id, ...form });
  return requested.ok ? ok(null) : requested;
}
