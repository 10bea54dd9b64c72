import { askable } from '../../access/askable.ts';
import type { RequestId } from '../../access/ids.ts';
import { RULE_BREAK } from '../../access/request.ts';
import { secretIn } from '../../access/secret.ts';
import { parseTypedAsk, type Speakable, type TypedAsk } from '../../access/typed-ask.ts';
import { requestAccess } from '../../use-cases/requests/request-access.ts';
import { type AskFormView, viewAskForm } from '../../use-cases/views/ask-form.ts';
import { viewRequest } from '../../use-cases/views/views.ts';
import { type Asker, type Edge, namesFor } from '../edge.ts';
import { readChannelAtClick } from '../readings/channel-reading.ts';
import { accessLine, askedLine } from '../words/access-line.ts';
import { ACTION } from '../words/action-ids.ts';
import { actions, button, context, section, type View } from '../words/blocks.ts';
import { waitingButtons } from '../words/buttons.ts';
import { doubtLines } from '../words/doubts.ts';
import { type Line, line, listed, own, strong, toNotification, value } from '../words/line.ts';
import { refusalLine } from '../words/refusals.ts';
import { count, duration } from '../words/units.ts';
import { type Answer, refusal } from './answer.ts';
import { EMPTY, type Filled, inputOf, NEW } from './filled.ts';
import { requestView } from './request.ts';
import { noEngagementView, noKeyView } from './request-form.ts';

/** What became of a request that was typed as one line. */
type Typed =
  | { readonly kind: 'filed'; readonly answer: Answer }
  /** Nothing was filed: this has to be cleared up first. */
  | { readonly kind: 'doubtful'; readonly ask: TypedAsk; readonly notes: readonly Line[] }
  | { readonly kind: 'refused'; readonly answer: Answer }
  /** There is nothing to ask with, or for. */
  | { readonly kind: 'window'; readonly view: View };

/** With a command: an answer, or the form filled in with what was understood. */
export async function typedRequest(
  edge: Edge,
  asker: Asker,
  text: string,
): Promise<{ readonly open: View } | { readonly answer: Answer }> {
  const typed = await take(edge, asker, text);
  if (typed.kind === 'window') return { open: typed.view };
  if (typed.kind !== 'doubtful') return { answer: typed.answer };
  return { open: await formFor(edge, asker, typed.ask, typed.notes) };
}

/** A button holds so much; of a longer line only the form opens. */
const HELD_MAX = 1_900;

/** In a message, where no form can open: an answer, with a button to the form filled in with what was understood. */
export async function typedAnswer(edge: Edge, asker: Asker, text: string): Promise<Answer> {
  const typed = await take(edge, asker, text);
  if (typed.kind === 'filed' || typed.kind === 'refused') return typed.answer;
  const held = text.length <= HELD_MAX ? text : '';
  const notes = typed.kind === 'doubtful' ? [line`*Nothing was sent yet.*`, ...typed.notes] : [];
  return {
    text: toNotification(line`Nothing was sent yet. Press the button to open the form.`),
    blocks: [
      section(...notes, line`Press the button to open the form.`),
      actions('typed', [button({ action: ACTION.openTyped, label: 'Request access', value: held, style: 'primary' })]),
    ],
  };
}

/** The form for a line that was typed before; nothing is filed. */
export async function typedForm(edge: Edge, asker: Asker, text: string): Promise<View> {
  const about = await viewAskForm(edge)({ personId: asker.person.id, wanted: null });
  if (!about || text === '') return requestView(edge, asker, null);
  const ask = parseTypedAsk(text, speakable(edge, about));
  return formFor(edge, asker, ask, doubtLines(ask.doubts));
}

async function take(edge: Edge, asker: Asker, text: string): Promise<Typed> {
  const about = await viewAskForm(edge)({ personId: asker.person.id, wanted: null });
  if (!about || about.keys.length === 0) return { kind: 'window', view: noKeyView() };
  if (about.engagements.length === 0) return { kind: 'window', view: noEngagementView() };
  // Before a word of it is repeated anywhere.
  const secret = secretIn(text);
  if (secret) {
    return { kind: 'refused', answer: await refusal(edge, { code: 'secret_found', what: secret, field: 'reason' }) };
  }
  const ask = parseTypedAsk(text, speakable(edge, about));
  if (ask.doubts.length > 0 || !ask.engagementId) return { kind: 'doubtful', ask, notes: doubtLines(ask.doubts) };
  await readChannelAtClick(edge, ask.engagementId);
  const filed = await requestAccess(edge)(inputOf(asker.person.id, ask.engagementId, filledOf(ask)));
  if (filed.ok) return { kind: 'filed', answer: await filedAnswer(edge, filed.value.id) };
  const notes = [refusalLine(filed.rejection, await namesFor(edge, filed.rejection))];
  return { kind: 'doubtful', ask, notes };
}

const speakable = ({ inventory, clock }: Edge, { person, engagements }: AskFormView): Speakable => ({
  engagements: engagements.map((engagement) => ({
    ...{ id: engagement.id, name: engagement.name },
    can: askable(inventory, { requester: person, engagement }, clock.now()),
  })),
  ticketPatterns: inventory.policy.rules.flatMap(({ ticket }) => (typeof ticket === 'object' ? ticket.pattern : [])),
});

const filledOf = ({ engagementId: _, doubts: __, ...ask }: TypedAsk): Filled => ({ ...EMPTY, ...ask });

const formFor = (edge: Edge, asker: Asker, ask: TypedAsk, notes: readonly Line[]): Promise<View> =>
  requestView(edge, asker, ask.engagementId, { ...NEW, filled: filledOf(ask), notes });

/** Who was asked, and by which rule. */
async function filedAnswer(edge: Edge, requestId: RequestId): Promise<Answer> {
  const view = await viewRequest(edge)({ requestId });
  if (!view) throw new Error('a request that was filed is gone');
  const { request, engagement, asked, names } = view;
  const rules = request.rule.split(RULE_BREAK).map((rule) => line`“${value(rule, 100)}”`);
  const said = line`Your request was sent: ${accessLine(request.ask)}, for ${own(duration(request.ask.durationSeconds))}, in ${strong(engagement.name, 80)}`;
  return {
    text: toNotification(said),
    blocks: [
      section(said),
      context(
        askedLine(asked, names),
        line`Needs ${own(count(request.approvals, 'approval'))} by ${own(rules.length === 1 ? 'the rule' : 'the rules')} ${listed(rules)}`,
      ),
      actions('filed', [
        ...waitingButtons(request.id),
        button({ action: ACTION.showList, label: 'My access and requests' }),
      ]),
    ],
  };
}
