import { z } from 'zod';
import { COMMENT_LIMITS } from '../../access/comment.ts';
import type { EngagementChange } from '../../access/engagement-change.ts';
import { Digest, EngagementChangeId, EngagementId, type PersonId } from '../../access/ids.ts';
import { type Result, refuse } from '../../access/result.ts';
import { type Proposed, proposeChange } from '../../use-cases/engagements/propose-change.ts';
import { type ReviewChangeInput, reviewChange } from '../../use-cases/engagements/review-change.ts';
import { type EngagementView, viewEngagement } from '../../use-cases/views/engagement-view.ts';
import { type Asker, type Edge, namesFor, readGroups } from '../edge.ts';
import { CALLBACK } from '../words/action-ids.ts';
import { input, LIMITS, plainText, section, textModal, type View } from '../words/blocks.ts';
import { type Line, line, own } from '../words/line.ts';
import { unmarked, word } from '../words/refusals.ts';
import { count } from '../words/units.ts';
import { peopleIn } from './engagement.ts';
import { changeForm, readTermFields } from './engagement-form.ts';
import type { ViewPayload } from './payloads.ts';
import { errorAt } from './request-form.ts';
import type { Outcome } from './submission.ts';

/** An engagement and how it stands, for whoever is a part of it and for security; null for others. */
export async function engagementFor(
  edge: Edge,
  asker: Asker,
  value: string | undefined,
): Promise<EngagementView | null> {
  const id = EngagementId.safeParse(value);
  const view = id.success ? await viewEngagement(edge)({ engagementId: id.data }) : null;
  if (!view) return null;
  const { sponsorId, memberIds, reviewerIds } = view.engagement;
  return asker.isSecurity || [sponsorId, ...memberIds, ...reviewerIds].includes(asker.person.id) ? view : null;
}

/** The form, filled in. Whether somebody may change it is decided when they send it. */
export async function changeView(edge: Edge, asker: Asker, value: string | undefined): Promise<View | null> {
  const id = EngagementId.safeParse(value);
  const view =
    id.success && asker.person.standing === 'member' ? await viewEngagement(edge)({ engagementId: id.data }) : null;
  if (!view) return null;
  const { engagement, members } = view;
  const reviewers = await edge.store.transaction((tx) => tx.persons.byIds(engagement.reviewerIds));
  const userIds = new Map<PersonId, string>();
  for (const { id: person, accounts } of [...members, ...reviewers]) {
    const [account] = accounts;
    if (account) userIds.set(person, account.userId);
  }
  return changeForm(edge, { engagement, userIds });
}

export async function submitChange(edge: Edge, asker: Result<Asker>, view: ViewPayload): Promise<Outcome> {
  const proposed = await propose(edge, asker, view);
  if (proposed.ok) return { kind: 'show', view: textModal('Engagement', [section(...proposedLines(proposed.value))]) };
  const sentence = word(proposed.rejection, unmarked(await namesFor(edge, proposed.rejection)));
  return { kind: 'errors', errors: errorAt(view, proposed.rejection, sentence) };
}

const proposedLines = ({ applied, waiting }: Proposed): Line[] => [
  ...(applied ? [line`:white_check_mark: What needs no review is in force. The engagement’s thread shows it.`] : []),
  ...(waiting
    ? [
        line`:hourglass: What gives more than before needs ${own(count(waiting.approvals, 'approval'))}. Its reviewers have a card in their direct messages, and the thread has the same card.`,
      ]
    : []),
];

async function propose(edge: Edge, asker: Result<Asker>, view: ViewPayload): Promise<Result<Proposed>> {
  if (!asker.ok) return asker;
  const { person, isSecurity } = asker.value;
  const engagementId = EngagementId.safeParse(view.private_metadata);
  if (!engagementId.success) return refuse({ code: 'unknown_engagement', field: 'engagement' });
  const people = await peopleIn(edge, view);
  if (!people.ok) return people;
  await readGroups(edge);
  const terms = { ...readTermFields(view), ...people.value };
  return proposeChange(edge)({ by: person.id, isSecurity, engagementId: engagementId.data, ...terms });
}

const Pressed = z.tuple([EngagementChangeId, Digest]);

/** `<change id>:<digest>`, the value of both buttons. */
function pressedButton(value: string | undefined): (Pick<ReviewChangeInput, 'changeId'> & { digest: Digest }) | null {
  const pressed = Pressed.safeParse(value?.split(':'));
  return pressed.success ? { changeId: pressed.data[0], digest: pressed.data[1] } : null;
}

export async function approveChange(
  edge: Edge,
  asker: Asker,
  value: string | undefined,
  card: ReviewChangeInput['card'],
): Promise<Result<EngagementChange>> {
  const pressed = pressedButton(value);
  if (!pressed) return refuse({ code: 'unknown_change' });
  await readGroups(edge);
  return review(edge, { by: asker.person.id, ...pressed, card, verdict: 'approve', comment: null });
}

/** Slack may show a card before we have stored where it is. */
async function review(edge: Edge, input: ReviewChangeInput): Promise<Result<EngagementChange>> {
  const reviewed = await reviewChange(edge)(input);
  if (reviewed.ok || reviewed.rejection.code !== 'unknown_card') return reviewed;
  await edge.settled();
  return reviewChange(edge)(input);
}

const Denial = z.object({
  changeId: EngagementChangeId,
  digest: Digest,
  card: z.object({ channelId: z.string(), ts: z.string(), key: z.string().nullish() }),
});

/** Deny asks what to tell the proposer. Null where the button is not one of ours. */
export function denyChangeView(value: string | undefined, card: ReviewChangeInput['card']): View | null {
  const pressed = pressedButton(value);
  if (!pressed) return null;
  return {
    type: 'modal',
    callback_id: CALLBACK.denyChange,
    private_metadata: JSON.stringify({ ...pressed, card } satisfies z.input<typeof Denial>),
    title: plainText('Deny this change', LIMITS.viewTitle),
    submit: plainText('Deny', LIMITS.viewTitle),
    close: plainText('Cancel', LIMITS.viewTitle),
    blocks: [
      section(
        line`The engagement stays as it is. What you write here goes to its other reviewers, but not to the thread.`,
      ),
      input({
        field: 'comment',
        label: 'Why, and what to propose instead',
        optional: true,
        element: { type: 'plain_text_input', action_id: 'comment', multiline: true, max_length: COMMENT_LIMITS.length },
      }),
    ],
  };
}

export async function submitChangeDenial(
  edge: Edge,
  asker: Result<Asker>,
  view: ViewPayload,
  comment: string | null,
): Promise<Outcome> {
  const about = Denial.safeParse(parsedJson(view.private_metadata));
  const result = !asker.ok
    ? asker
    : !about.success
      ? refuse({ code: 'unknown_change' } as const)
      : await review(edge, { by: asker.value.person.id, ...about.data, verdict: 'deny', comment });
  if (result.ok) return { kind: 'close' };
  const sentence = word(result.rejection, unmarked(await namesFor(edge, result.rejection)));
  return { kind: 'errors', errors: errorAt(view, result.rejection, sentence) };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
