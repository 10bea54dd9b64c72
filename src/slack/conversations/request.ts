import { isMember, isOver } from '../../access/engagement.ts';
import { EngagementId, GrantId } from '../../access/ids.ts';
import type { AccessRequest } from '../../access/request.ts';
import { ok, type Result } from '../../access/result.ts';
import { requestAccess } from '../../use-cases/requests/request-access.ts';
import { listAccess } from '../../use-cases/views/access-list.ts';
import { viewGrant } from '../../use-cases/views/views.ts';
import { type Asker, type Edge, namesFor } from '../edge.ts';
import { readChannelAtClick } from '../readings/channel-reading.ts';
import { TARGETS_MENU } from '../words/action-ids.ts';
import type { View } from '../words/blocks.ts';
import { unmarked, word } from '../words/refusals.ts';
import type { ViewPayload } from './payloads.ts';
import {
  errorAt,
  matchingTargets,
  noEngagementView,
  noKeyView,
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
  like?: AccessRequest['ask'],
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

/** The form, filled in like access that one has. Null where one does not have it. */
export async function extensionView(edge: Edge, asker: Asker, grantId: string | undefined): Promise<View | null> {
  const id = GrantId.safeParse(grantId);
  const view = id.success ? await viewGrant(edge)({ grantId: id.data }) : null;
  if (view?.grant.terms.personId !== asker.person.id) return null;
  return requestView(edge, asker, view.engagement.id, view.request.ask);
}

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
