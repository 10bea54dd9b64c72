import { askable } from '../../access/askable.ts';
import { isMember, whyItRests } from '../../access/engagement.ts';
import type { NoExtension } from '../../access/extension.ts';
import { isActive } from '../../access/grant.ts';
import { EngagementId, GrantId, type PersonId, RequestId } from '../../access/ids.ts';
import type { Person } from '../../access/person.ts';
import { transition } from '../../access/request.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { requestAccess } from '../../use-cases/requests/request-access.ts';
import { type AskFormView, viewAskForm } from '../../use-cases/views/ask-form.ts';
import { type EndingView, viewEnding } from '../../use-cases/views/views.ts';
import { type Asker, type Edge, namesFor } from '../edge.ts';
import { readChannelAtClick } from '../readings/channel-reading.ts';
import { TARGETS_MENU } from '../words/action-ids.ts';
import type { View } from '../words/blocks.ts';
import { unmarked, word } from '../words/refusals.ts';
import { type Answer, refusal, say } from './answer.ts';
import { type Begun, filledLike, inputOf, NEW, readRequest, standing, suggested, within } from './filled.ts';
import type { ViewPayload } from './payloads.ts';
import { previewBlocks, restBlocks } from './preview.ts';
import { errorAt, matchingTargets, noEngagementView, noKeyView, requestForm, targetOption } from './request-form.ts';
import type { Outcome } from './submission.ts';

/** The form as this person gets it, with an engagement chosen where it is clear which. */
export async function requestView(
  edge: Edge,
  { person }: Asker,
  wanted: string | null,
  begun: Begun = NEW,
): Promise<View> {
  const about = await viewAskForm(edge)({ personId: person.id, wanted });
  if (!about || about.keys.length === 0) return noKeyView();
  return about.engagements.length === 0 ? noEngagementView() : formOf(edge, about, begun);
}

/** The form as it stands, with what is said of it now. Null where this person has nothing to choose any more. */
export async function changedView(edge: Edge, person: Person, view: ViewPayload): Promise<View | null> {
  const { wanted, ...begun } = standing(view);
  const about = await viewAskForm(edge)({ personId: person.id, wanted });
  return about && about.engagements.length > 0 ? formOf(edge, about, begun) : null;
}

async function formOf(edge: Edge, about: AskFormView, begun: Begun): Promise<View> {
  const { engagements, keys, chosen: engagement, person } = about;
  const { purpose, replaces, notes, filled: given } = begun;
  const form = { purpose, replaces, notes, engagements, keys };
  if (!engagement) return requestForm({ ...form, chosen: null });
  const now = edge.clock.now();
  const can = askable(edge.inventory, { requester: person, engagement }, now);
  const rests = whyItRests(engagement, now, edge.inventory.policy.doubt);
  const filled = within(can, given ?? suggested(about.last));
  const input = inputOf(person.id, engagement.id, filled);
  const chosen = {
    ...{ engagement, can, filled, opener: about.names.get(engagement.sponsorId) ?? 'somebody' },
    preview: rests ? restBlocks(rests) : can.targets.length === 0 ? [] : await previewBlocks(edge, input),
  };
  return requestForm({ ...form, chosen });
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
  const begun: Begun = {
    ...{ ...NEW, purpose: isActive(view.grant, now) ? 'extend' : 'request' },
    filled: { ...filledLike(view.request.ask), durationSeconds: null },
  };
  return { open: await requestView(edge, asker, view.engagement.id, begun) };
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

/** The form, filled in like a request of one's own that waits. */
export async function editView(edge: Edge, asker: Asker, requestId: string | undefined): Promise<Result<View>> {
  const id = RequestId.safeParse(requestId);
  const request = id.success ? await edge.store.transaction((tx) => tx.requests.byId(id.data)) : null;
  if (!request) return refuse({ code: 'unknown_request' });
  // Asked of the request itself: whose it is, and whether it still waits.
  const taken = transition(request, { kind: 'withdraw', by: asker.person.id }, edge.clock.now());
  if (!taken.ok) return taken;
  const begun: Begun = { ...NEW, purpose: 'edit', replaces: request.id, filled: filledLike(request.ask) };
  return ok(await requestView(edge, asker, request.ask.engagementId, begun));
}

/** Slack shows a menu's options while somebody types: targets that they may ask for in an engagement that they work in, nothing else. */
export async function suggestTargets(edge: Edge, asker: Asker, actionId: string, typed: string) {
  const engagementId = EngagementId.safeParse(actionId.slice(TARGETS_MENU.length + 1));
  if (!engagementId.success) {
    const whole = asker.person.standing === 'member' ? edge.inventory.targets : [];
    return matchingTargets(whole, typed).map(targetOption);
  }
  const engagement = await edge.store.transaction((tx) => tx.engagements.byId(engagementId.data));
  if (!engagement || !isMember(engagement, asker.person.id)) return [];
  const { targets } = askable(edge.inventory, { requester: asker.person, engagement }, edge.clock.now());
  return matchingTargets(targets, typed).map(targetOption);
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
