import { DateTime } from 'luxon';
import type { Engagement } from '../../access/engagement.ts';
import { hoursText } from '../../access/hours-text.ts';
import type { PersonId } from '../../access/ids.ts';
import { findScope } from '../../access/scopes/scope.ts';
import type { Inventory } from '../../use-cases/ports/inventory.ts';
import type { Asker, Edge } from '../edge.ts';
import { CALLBACK, TARGETS_MENU } from '../words/action-ids.ts';
import { type Block, input, LIMITS, option, plainText, section, type View } from '../words/blocks.ts';
import { line } from '../words/line.ts';
import { fieldsOf, type ViewPayload } from './payloads.ts';
import { targetsElement } from './request-form.ts';

const NAME_MAX = 80;
const PEOPLE_MAX = 50;
const HOURS_MAX = 300;
const REFERENCE_MAX = 200;

/** An engagement as a form shows it, with the Slack user ids of its people. */
export type ShownEngagement = {
  readonly engagement: Engagement;
  readonly userIds: ReadonlyMap<PersonId, string>;
};

/** The form of a new engagement. */
export function engagementForm(edge: Pick<Edge, 'inventory' | 'clock'>, asker: Pick<Asker, 'timeZone'>): View {
  const month = DateTime.fromJSDate(edge.clock.now(), { zone: asker.timeZone }).plus({ months: 1 }).toISODate() ?? '';
  return {
    type: 'modal',
    callback_id: CALLBACK.engagement,
    title: plainText('New engagement', LIMITS.viewTitle),
    submit: plainText('Open', LIMITS.viewTitle),
    close: plainText('Cancel', LIMITS.viewTitle),
    blocks: [
      nameInput(null),
      input({
        field: 'vendor',
        label: 'Vendor',
        hint: 'Who the members work for. People from the same vendor cannot review each other.',
        element: textInput('vendor', NAME_MAX, null),
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
      ...termInputs(edge.inventory, month, null),
    ],
  };
}

/** The form that changes one, filled in as it is. */
export function changeForm({ inventory }: Pick<Edge, 'inventory'>, shown: ShownEngagement): View {
  const { engagement } = shown;
  return {
    type: 'modal',
    callback_id: CALLBACK.change,
    private_metadata: engagement.id,
    title: plainText('Change engagement', LIMITS.viewTitle),
    submit: plainText('Change', LIMITS.viewTitle),
    close: plainText('Cancel', LIMITS.viewTitle),
    blocks: [
      section(
        line`What you take away ends at once, with all access that depends on it. What you add waits until the engagement’s reviewers approve it.`,
      ),
      nameInput(engagement.name),
      ...termInputs(inventory, engagement.lastDay, shown),
    ],
  };
}

const nameInput = (name: string | null): Block =>
  input({ field: 'name', label: 'Name', element: textInput('name', NAME_MAX, name) });

const textInput = (action: string, longest: number, initial: string | null) =>
  ({
    type: 'plain_text_input',
    action_id: action,
    max_length: longest,
    ...(initial ? { initial_value: initial.slice(0, longest) } : {}),
  }) as const;

/** What both forms ask for. */
function termInputs(inventory: Inventory, lastDay: string, shown: ShownEngagement | null): Block[] {
  const engagement = shown?.engagement;
  const users = (action: string, placeholder: string, people: readonly PersonId[] = []) =>
    ({
      type: 'multi_users_select',
      action_id: action,
      max_selected_items: PEOPLE_MAX,
      placeholder: plainText(placeholder, 150),
      ...initial(
        'initial_users',
        people.flatMap((id) => shown?.userIds.get(id) ?? []),
      ),
    }) as const;
  const scopes = inventory.scopes
    .slice(0, LIMITS.options)
    .map((scope) => option(`${scope.name}: ${scope.words}`, scope.name));
  const kept = (engagement?.scopes ?? []).flatMap((name) => findScope(inventory.scopes, name)?.name ?? []);
  const logins = [...new Set(inventory.targets.flatMap((target) => target.logins))]
    .sort()
    .slice(0, LIMITS.options)
    .map((login) => option(login, login));
  const chosen = inventory.targets.filter((target) => engagement?.targetIds.includes(target.id));
  return [
    input({
      field: 'members',
      label: 'Members',
      element: users(
        'members',
        'Who gets access',
        engagement?.memberIds.filter((id) => !engagement.offboardedIds.includes(id)),
      ),
    }),
    input({ field: 'targets', label: 'Targets', element: targetsElement(inventory.targets, TARGETS_MENU, chosen) }),
    input({
      field: 'scopes',
      label: 'Scopes',
      element: {
        type: 'multi_static_select',
        action_id: 'scopes',
        options: scopes,
        ...initial(
          'initial_options',
          scopes.filter(({ value }) => kept.some((name) => name === value)),
        ),
      },
    }),
    input({
      field: 'logins',
      label: 'Logins',
      hint: 'If you choose none, members can ask for every login of these targets.',
      optional: true,
      element: {
        type: 'multi_static_select',
        action_id: 'logins',
        options: logins,
        ...initial(
          'initial_options',
          logins.filter(({ value }) => engagement?.logins?.some((login) => login === value)),
        ),
      },
    }),
    input({
      field: 'reviewers',
      label: 'Reviewers',
      element: users('reviewers', 'Who reviews requests', engagement?.reviewerIds),
    }),
    ...dayInputs(lastDay, engagement),
  ];
}

/** Slack takes no empty list. */
const initial = <Key extends string, T>(key: Key, items: readonly T[]) =>
  (items.length === 0 ? {} : { [key]: [...items] }) as { [K in Key]?: T[] };

function dayInputs(lastDay: string, engagement: Engagement | undefined): Block[] {
  const zone = engagement?.timeZone ?? 'your time zone';
  const first = engagement?.firstDay;
  return [
    input({
      field: 'first_day',
      label: 'First day',
      hint: `In ${zone}. If you choose none, it begins at once.`,
      optional: true,
      element: { type: 'datepicker', action_id: 'first_day', ...(first ? { initial_date: first } : {}) },
    }),
    input({
      field: 'last_day',
      label: 'Last day',
      hint: `In ${zone}. No access lasts beyond this day.`,
      element: { type: 'datepicker', action_id: 'last_day', initial_date: lastDay },
    }),
    input({
      field: 'hours',
      label: 'Allowed hours',
      hint: `In ${zone}, like “Mon-Fri 09:00-17:30, Sat 10:00-14:00”. If left empty, at any time.`,
      optional: true,
      element: textInput('hours', HOURS_MAX, engagement?.hours ? hoursText(engagement.hours) : null),
    }),
    input({
      field: 'reference',
      label: 'Ticket or statement of work',
      optional: true,
      element: textInput('reference', REFERENCE_MAX, engagement?.reference ?? null),
    }),
  ];
}

/** What both forms say, but for people. */
export function readTermFields(view: ViewPayload) {
  const field = fieldsOf(view);
  return {
    name: field('name')[0] ?? '',
    targetIds: field('targets'),
    scopes: field('scopes'),
    logins: field('logins'),
    firstDay: field('first_day')[0] ?? null,
    lastDay: field('last_day')[0] ?? '',
    hours: field('hours')[0] ?? null,
    reference: field('reference')[0] ?? null,
  };
}
