import type { Edge } from '../edge.ts';
import { section, textModal, type View } from '../words/blocks.ts';
import { value } from '../words/line.ts';
import { escapeText } from '../words/text.ts';
import { faultOf } from '../workspace/fault.ts';
import type { Boundary } from './boundary.ts';

/** What a form becomes when it is submitted. */
export type Outcome =
  | { readonly kind: 'close' }
  /** Sentences by block id, in plain text. */
  | { readonly kind: 'errors'; readonly errors: Readonly<Record<string, string>> }
  | { readonly kind: 'show'; readonly view: View };

/** Bolt's acknowledgement of a `view_submission`. */
export type AckView = (
  response?:
    | { response_action: 'errors'; errors: Record<string, string> }
    | { response_action: 'update' | 'push'; view: View }
    | { response_action: 'clear' },
) => Promise<void>;

export type Form = {
  readonly kind: string;
  readonly viewId: string;
  readonly triggerId: string;
  readonly userId: string;
  /** Block ids of its fields; a sentence about the whole form goes to the last of them. */
  readonly fields: readonly string[];
  readonly ack: AckView;
};

/** Slack waits three seconds for the acknowledgement, which for a form carries its outcome. */
const ACK_WITHIN_MS = 2_000;
const BEHIND = 'What you entered is still in the form behind this window. Close this window to go back to it.';

const told = (title: string, text: string): View => textModal(title, [section(value(text, 2_900))]);

/**
 * Handles a form once and always answers in it: with the outcome in time, or in a window over it that shows the outcome later. A form
 * closes only when it succeeded, so people can submit what they typed again.
 */
export async function submission(
  edge: Edge,
  boundary: Boundary,
  form: Form,
  work: () => Promise<Outcome>,
): Promise<void> {
  const over = `daypass-${form.viewId}-${form.triggerId}`.slice(0, 255);
  let answered = false;
  const show = async (outcome: Outcome): Promise<void> => {
    if (answered) return showOver(edge, form, over, afterwards(outcome));
    answered = true;
    await form.ack(inTime(outcome));
  };
  const slow = setTimeout(() => {
    answered = true;
    const view = {
      ...told('Daypass', 'Daypass is still working on it. This window updates when it is done.'),
      external_id: over,
    };
    form.ack({ response_action: 'push', view }).catch((error: unknown) => {
      edge.log.warn({ err: error, interaction: form.kind }, 'a slow form could not be acknowledged');
    });
  }, ACK_WITHIN_MS);
  const tell = (sentence: string): Promise<void> => {
    clearTimeout(slow);
    const last = form.fields.at(-1);
    return show(
      last === undefined
        ? { kind: 'show', view: told('Daypass', sentence) }
        : { kind: 'errors', errors: { [last]: sentence } },
    );
  };
  await boundary.run({ kind: form.kind, key: form.triggerId }, tell, async () => {
    const outcome = await work().finally(() => clearTimeout(slow));
    await show(outcome);
  });
  clearTimeout(slow);
  // A replay did nothing, and is still owed its acknowledgement.
  if (!answered) await form.ack();
}

/** Updates the window over a form. If the person has closed it, they get the same text as a message. */
async function showOver(edge: Edge, form: Form, over: string, { view, sentence }: Afterwards): Promise<void> {
  try {
    await edge.web.views.update({ external_id: over, view: { ...view, external_id: over } });
  } catch (error) {
    if (faultOf(error).error !== 'not_found') throw error;
    if (sentence !== null) await edge.web.chat.postMessage({ channel: form.userId, text: escapeText(sentence, 2_900) });
  }
}

function inTime(outcome: Outcome): Parameters<AckView>[0] {
  switch (outcome.kind) {
    case 'close':
      return { response_action: 'clear' };
    case 'errors':
      return { response_action: 'errors', errors: { ...outcome.errors } };
    case 'show':
      return { response_action: 'update', view: outcome.view };
    default:
      return outcome satisfies never;
  }
}

/** `sentence` is what to send when the window has been closed. */
type Afterwards = { readonly view: View; readonly sentence: string | null };

function afterwards(outcome: Outcome): Afterwards {
  switch (outcome.kind) {
    case 'close':
      return {
        view: { ...told('Daypass', 'Done. Daypass will send you the rest as a message.'), clear_on_close: true },
        sentence: null,
      };
    case 'errors': {
      const sentence = Object.values(outcome.errors).join(' ');
      return {
        view: told('Not done', `${sentence} ${BEHIND}`),
        sentence: `The form you submitted was not processed. ${sentence}`,
      };
    }
    case 'show':
      return { view: outcome.view, sentence: null };
    default:
      return outcome satisfies never;
  }
}
