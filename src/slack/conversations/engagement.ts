import type { Engagement } from '../../access/engagement.ts';
import type { PersonId } from '../../access/ids.ts';
import { engagementRules } from '../../access/policy.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { openEngagement } from '../../use-cases/engagements/open-engagement.ts';
import { type Asker, type Edge, namesFor, peopleKnown, peopleNamed, readGroups } from '../edge.ts';
import { section, textModal, type View } from '../words/blocks.ts';
import { line } from '../words/line.ts';
import { unmarked, word } from '../words/refusals.ts';
import { SlackUnavailable } from '../workspace/directory.ts';
import { faultOf } from '../workspace/fault.ts';
import { readTermFields } from './engagement-form.ts';
import { fieldsOf, type ViewPayload } from './payloads.ts';
import { errorAt } from './request-form.ts';
import type { Outcome } from './submission.ts';

const PEOPLE_MAX = 50;
const CONFIRMERS_MAX = 20;
const INVITE =
  'Daypass is not in this channel, so it cannot start the thread there. Run /invite @Daypass in the channel, then try again.';

export async function submitEngagement(edge: Edge, asker: Result<Asker>, view: ViewPayload): Promise<Outcome> {
  if (asker.ok && !(await isIn(edge, fieldsOf(view)('channel')[0])))
    return { kind: 'errors', errors: { channel: INVITE } };
  const opened = await open(edge, asker, view);
  if (opened.ok) return opened.value.confirmedAt ? { kind: 'close' } : { kind: 'show', view: waitsView() };
  const sentence = word(opened.rejection, unmarked(await namesFor(edge, opened.rejection)));
  return { kind: 'errors', errors: errorAt(view, opened.rejection, sentence) };
}

const waitsView = (): View =>
  textModal('One more step', [
    section(
      line`This is the first engagement with these targets’ labels, so a second person has to confirm it. Reviewers have a card with a Confirm button in their direct messages. The engagement’s thread starts when one of them presses it.`,
    ),
  ]);

async function open(edge: Edge, asker: Result<Asker>, view: ViewPayload): Promise<Result<Engagement>> {
  if (!asker.ok) return asker;
  const { person, timeZone } = asker.value;
  if (person.standing !== 'member') return refuse({ code: 'may_not_open_engagement' });
  const field = fieldsOf(view);
  const people = await peopleIn(edge, view);
  if (!people.ok) return people;
  await readGroups(edge);
  const named = engagementRules(edge.inventory.policy).reviewers.people;
  const confirmers = named === 'any' ? [] : named.slice(0, CONFIRMERS_MAX);
  const opened = await openEngagement(edge)({
    by: person.id,
    ...readTermFields(view),
    ...people.value,
    vendor: field('vendor')[0] ?? '',
    channelId: field('channel')[0] ?? '',
    confirmerIds: await peopleKnown(edge, confirmers),
    timeZone,
  });
  return opened.ok ? ok(opened.value) : opened;
}

/** The people that a form of an engagement names, as Slack says they are. */
export async function peopleIn(
  edge: Edge,
  view: ViewPayload,
): Promise<Result<{ readonly memberIds: readonly PersonId[]; readonly reviewerIds: readonly PersonId[] }>> {
  const field = fieldsOf(view);
  const memberIds = await peopleNamed(edge, field('members').slice(0, PEOPLE_MAX));
  if (!memberIds) return refuse({ code: 'unknown_person', field: 'members' });
  const reviewerIds = await peopleNamed(edge, field('reviewers').slice(0, PEOPLE_MAX));
  if (!reviewerIds) return refuse({ code: 'unknown_person', field: 'reviewers' });
  return ok({ memberIds, reviewerIds });
}

/** Whether the bot is a member of the channel; without it no message of the engagement could arrive. */
async function isIn(edge: Edge, channel: string | undefined): Promise<boolean> {
  if (channel === undefined) return false;
  try {
    const answer = await edge.web.conversations.info({ channel });
    return answer.channel?.is_member ?? false;
  } catch (error) {
    if (faultOf(error).kind === 'place') return false;
    throw new SlackUnavailable(error);
  }
}
