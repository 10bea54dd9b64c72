import { DateTime } from 'luxon';
import type { Engagement } from '../../access/engagement.ts';
import { engagementRules } from '../../access/policy.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { openEngagement } from '../../use-cases/engagements/open-engagement.ts';
import { type Asker, type Edge, namesFor, peopleKnown, peopleNamed, readGroups } from '../edge.ts';
import { CALLBACK, TARGETS_MENU } from '../words/action-ids.ts';
import { input, LIMITS, option, plainText, section, textModal, type View } from '../words/blocks.ts';
import { line } from '../words/line.ts';
import { unmarked, word } from '../words/refusals.ts';
import { SlackUnavailable } from '../workspace/directory.ts';
import { faultOf } from '../workspace/fault.ts';
import { fieldsOf, type ViewPayload } from './payloads.ts';
import { errorAt, targetsElement } from './request-form.ts';
import type { Outcome } from './submission.ts';

const NAME_MAX = 80;
const PEOPLE_MAX = 50;
const CONFIRMERS_MAX = 20;
const INVITE =
  'Daypass is not in this channel, so it cannot start the thread there. Run /invite @Daypass in the channel, then try again.';

/** The form of a new engagement. */
export function engagementForm(edge: Pick<Edge, 'inventory' | 'clock'>, asker: Pick<Asker, 'timeZone'>): View {
  const month = DateTime.fromJSDate(edge.clock.now(), { zone: asker.timeZone }).plus({ months: 1 }).toISODate() ?? '';
  const scopes = edge.inventory.scopes
    .slice(0, LIMITS.options)
    .map((scope) => option(`${scope.name}: ${scope.words}`, scope.name));
  const text = (action: string) => ({ type: 'plain_text_input', action_id: action, max_length: NAME_MAX }) as const;
  const users = (action: string, placeholder: string) =>
    ({
      type: 'multi_users_select',
      action_id: action,
      max_selected_items: PEOPLE_MAX,
      placeholder: plainText(placeholder, 150),
    }) as const;
  return {
    type: 'modal',
    callback_id: CALLBACK.engagement,
    title: plainText('New engagement', LIMITS.viewTitle),
    submit: plainText('Open', LIMITS.viewTitle),
    close: plainText('Cancel', LIMITS.viewTitle),
    blocks: [
      input({ field: 'name', label: 'Name', element: text('name') }),
      input({
        field: 'vendor',
        label: 'Vendor',
        hint: 'Who the members work for. People from the same vendor cannot review each other.',
        element: text('vendor'),
      }),
      input({
        field: 'channel',
        label: 'Channel',
        hint: 'The engagement’s thread goes here. Daypass must be in the channel.',
        element: {
          type: 'conversations_select',
          action_id: 'channel',
          default_to_current_conversation: true,
          filter: { include: ['public', 'private'], exclude_bot_users: true },
        },
      }),
      input({ field: 'members', label: 'Members', element: users('members', 'Who gets access') }),
      input({ field: 'targets', label: 'Targets', element: targetsElement(edge.inventory.targets, TARGETS_MENU) }),
      input({
        field: 'scopes',
        label: 'Scopes',
        element: { type: 'multi_static_select', action_id: 'scopes', options: scopes },
      }),
      input({ field: 'reviewers', label: 'Reviewers', element: users('reviewers', 'Who reviews requests') }),
      input({
        field: 'last_day',
        label: 'Last day',
        hint: 'In your time zone. No access lasts beyond this day.',
        element: { type: 'datepicker', action_id: 'last_day', initial_date: month },
      }),
    ],
  };
}

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
  const memberIds = await peopleNamed(edge, field('members').slice(0, PEOPLE_MAX));
  if (!memberIds) return refuse({ code: 'unknown_person', field: 'members' });
  const reviewerIds = await peopleNamed(edge, field('reviewers').slice(0, PEOPLE_MAX));
  if (!reviewerIds) return refuse({ code: 'unknown_person', field: 'reviewers' });
  await readGroups(edge);
  const { people } = engagementRules(edge.inventory.policy).reviewers;
  const confirmers = people === 'any' ? [] : people.slice(0, CONFIRMERS_MAX);
  const opened = await openEngagement(edge)({
    by: person.id,
    name: field('name')[0] ?? '',
    vendor: field('vendor')[0] ?? '',
    channelId: field('channel')[0] ?? '',
    memberIds,
    targetIds: field('targets'),
    scopes: field('scopes'),
    reviewerIds,
    confirmerIds: await peopleKnown(edge, confirmers),
    lastDay: field('last_day')[0] ?? '',
    timeZone,
  });
  return opened.ok ? ok(opened.value) : opened;
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
