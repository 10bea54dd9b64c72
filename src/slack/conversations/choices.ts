import { type Claim, type Edge, knownPerson } from '../edge.ts';
import { ACTION, CALLBACK, TARGETS_MENU } from '../words/action-ids.ts';
import { faultOf } from '../workspace/fault.ts';
import type { ActionPayload } from './payloads.ts';
import { changedView } from './request.ts';

/** A choice in a menu of the request form, by whom. */
type Choice = { readonly edge: Edge; readonly claim: Claim; readonly payload: ActionPayload };

/** Menus whose choice changes the form around them, by the part of their action id before a colon. */
const CHOICES: ReadonlySet<string> = new Set([
  ACTION.pickEngagement,
  TARGETS_MENU,
  ACTION.pickLogin,
  ACTION.pickScope,
  ACTION.pickDuration,
  ACTION.pickKey,
]);

export const isChoice = (name: string, { view }: ActionPayload): boolean =>
  CHOICES.has(name) && view?.callback_id === CALLBACK.request;

/** Nothing is decided here, so who chooses is read from the store: people choose faster than Slack answers about them. */
export async function changeChoice({ edge, claim, payload }: Choice): Promise<void> {
  const { view } = payload;
  if (!view) return;
  // Without the hash: it would refuse the second of two quick choices, which is the one that counts.
  await edge.formTurns.take(view.id, Number(payload.actions[0]?.action_ts ?? 0), async () => {
    const person = await knownPerson(edge, claim);
    const changed = person && (await changedView(edge, person, view));
    if (!changed) return;
    await edge.web.views.update({ view_id: view.id, view: changed }).catch((error: unknown) => {
      if (faultOf(error).error !== 'not_found') throw error;
    });
  });
}
