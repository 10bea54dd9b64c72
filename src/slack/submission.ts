import { notice, section, type View } from './blocks.ts';
import type { Boundary } from './boundary.ts';
import type { Edge } from './edge.ts';
import { value } from './line.ts';

/** What a form becomes when it is sent off. */
export type Outcome =
  | { readonly kind: 'close' }
  /** Sentences by block id, in plain text. */
  | { readonly kind: 'errors'; readonly errors: Readonly<Record<string, string>> }
  | { readonly kind: 'show'; readonly view: View };

/** Bolt's acknowledgement of a `view_submission`. */
export type AckView = (
  response?:
    | { response_action: 'errors'; errors: Record<string, string> }
    | { response_action: 'update'; view: View }
    | { response_action: 'clear' },
) => Promise<void>;

/** Slack waits three seconds for the acknowledgement, which for a form carries its outcome. */
const ACK_WITHIN_MS = 2_000;

const told = (title: string, text: string): View => notice(title, [section(value(text, 2_900))]);
const WORKING = told('Daypass', 'Daypass is still working on it. This window changes when it is done.');

/** Handles a form once, and always answers in it: with its outcome in time, or with an update of it afterwards. */
export async function submission(
  edge: Edge,
  boundary: Boundary,
  form: { readonly kind: string; readonly viewId: string; readonly triggerId: string; readonly ack: AckView },
  work: () => Promise<Outcome>,
): Promise<void> {
  let answered = false;
  const show = async (outcome: Outcome): Promise<void> => {
    if (answered) {
      await edge.web.views.update({ view_id: form.viewId, view: afterwards(outcome) });
      return;
    }
    answered = true;
    await form.ack(inTime(outcome));
  };
  const slow = setTimeout(() => {
    show({ kind: 'show', view: WORKING }).catch((error: unknown) =>
      edge.log.warn({ err: error, interaction: form.kind }, 'a slow form could not be acknowledged'),
    );
  }, ACK_WITHIN_MS);
  const tell = (sentence: string): Promise<void> => {
    clearTimeout(slow);
    return show({ kind: 'show', view: told('Daypass', sentence) });
  };
  await boundary.run({ kind: form.kind, key: form.triggerId }, tell, async () => {
    const outcome = await work().finally(() => clearTimeout(slow));
    await show(outcome);
  });
  clearTimeout(slow);
  // A replay did nothing, and is still owed its acknowledgement.
  if (!answered) await form.ack();
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

function afterwards(outcome: Outcome): View {
  switch (outcome.kind) {
    case 'close':
      return told('Daypass', 'Done. The rest comes as a message.');
    case 'errors':
      return told('Not done', Object.values(outcome.errors).join(' '));
    case 'show':
      return outcome.view;
    default:
      return outcome satisfies never;
  }
}
