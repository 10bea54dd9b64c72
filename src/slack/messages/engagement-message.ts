import type { Actor } from '../../access/audit-event.ts';
import { type Engagement, engagementBegin, engagementEnd, isOver } from '../../access/engagement.ts';
import { hoursText } from '../../access/hours-text.ts';
import type { PersonId } from '../../access/ids.ts';
import { findScope, type Scope, type ScopeName } from '../../access/scopes/scope.ts';
import type { EngagementView } from '../../use-cases/views/engagement-view.ts';
import { accessLine } from '../words/access-line.ts';
import { ACTION } from '../words/action-ids.ts';
import {
  actions,
  type Block,
  bullets,
  button,
  context,
  header,
  LIMITS,
  rich,
  section,
  textLength,
} from '../words/blocks.ts';
import { type Line, line, listed, mono, own, strong, toNotification, value } from '../words/line.ts';
import { count, day } from '../words/units.ts';

type Names = ReadonlyMap<PersonId, string>;
type Message = { readonly text: string; readonly blocks: Block[] };
const NAME_MAX = 80;
const PEOPLE_MAX = 40;
const SCOPES_MAX = 20;

export const nameOf = (names: Names, person: PersonId): Line => strong(names.get(person) ?? 'somebody', NAME_MAX);

/** Who did something: a person, an operator (by their account on the host), or Daypass itself. */
export function doerOf(names: Names, by: Actor): Line {
  if (by.kind === 'person') return nameOf(names, by.id);
  if (by.kind === 'daypass') return own('Daypass');
  return by.account === '' ? own('an operator') : line`an operator (${value(by.account, 60)})`;
}

const people = (names: Names, ids: readonly PersonId[]): Line => {
  if (ids.length === 0) return own('nobody any more');
  const shown = listed(ids.slice(0, PEOPLE_MAX).map((id) => value(names.get(id) ?? 'somebody', NAME_MAX)));
  const rest = ids.length - PEOPLE_MAX;
  return rest > 0 ? line`${shown} (${rest} more)` : shown;
};

const GRANTS_MAX = 10;

/** The root of the engagement's thread: what holds, and how it stands at this moment. */
export function engagementMessage(view: EngagementView, scopes: readonly Scope[], now: Date): Message {
  const { engagement, names } = view;
  const { id, lastDay } = engagement;
  if (engagement.closedAt) return closedMessage(engagement, engagement.closedAt, names, scopes);
  const isEnded = isOver(engagement, now);
  const until = isEnded ? line`ended on ${day(lastDay)}` : line`is open until ${day(lastDay)}`;
  return {
    text: toNotification(
      line`Engagement ${titleOf(engagement)} ${until}.${isEnded ? [] : line` Request access with the button.`}`,
    ),
    blocks: [
      ...facts(isEnded ? 'Engagement, over' : 'Engagement', engagement, names, scopes),
      ...standing(view, now),
      ...(isEnded
        ? []
        : [
            actions('engagement', [
              button({ action: ACTION.openRequest, label: 'Request access', value: id, style: 'primary' }),
              button({ action: ACTION.showKey, label: 'Register a key' }),
              button({ action: ACTION.showList, label: 'My access' }),
            ]),
          ]),
      actions('engagement_more', [
        button({ action: ACTION.showPeople, label: 'People', value: id }),
        button({ action: ACTION.showSessions, label: 'Sessions', value: id }),
        ...(isEnded
          ? []
          : [
              button({ action: ACTION.changeEngagement, label: 'Change…', value: id }),
              button({ action: ACTION.closeEngagement, label: 'Close…', value: id }),
            ]),
      ]),
      context(line`Everything about this engagement happens in this thread. Sessions through Daypass are recorded.`),
    ],
  };
}

/** Who has access at this moment, who is connected, and what comes next. */
function standing({ engagement, grants, live, pending, names }: EngagementView, now: Date): Block[] {
  if (isOver(engagement, now) && grants.length === 0 && live.length === 0) return [];
  const shown = grants
    .slice(0, GRANTS_MAX)
    .map(
      ({ terms }) => line`${nameOf(names, terms.personId)} on ${accessLine(terms)}, until ${new Date(terms.notAfter)}`,
    );
  const rest = grants.length - shown.length;
  const connected = new Set(live.map(({ personId }) => personId)).size;
  const who = line`:large_green_circle: ${own(count(live.length, 'live session'))}, ${own(connected === 1 ? '1 person' : `${connected} people`)}`;
  const next = context(nextLine(engagement, pending, now));
  if (grants.length + live.length === 0)
    return [section(line`*Access now*`, line`Nobody has access at the moment`), next];
  return [
    section(line`*Access now*`, live.length === 0 ? line`Nobody is connected` : who),
    ...(grants.length === 0 ? [] : [rich(bullets(rest > 0 ? [...shown, line`and ${rest} more`] : shown))]),
    next,
  ];
}

function nextLine(engagement: Engagement, pending: number, now: Date): Line {
  const begins = engagementBegin(engagement);
  const waiting =
    pending > 0 ? line`${own(count(pending, 'request'))} ${own(pending === 1 ? 'waits' : 'wait')} for review. ` : [];
  if (begins && now < begins) return line`${waiting}Begins ${begins}`;
  return line`${waiting}Ends ${engagementEnd(engagement)}, with all access in it`;
}

/** The same once it is closed: nothing can be had in it. */
function closedMessage(engagement: Engagement, at: Date, names: Names, scopes: readonly Scope[]): Message {
  const { closedBy } = engagement;
  const isAfterwards = at >= engagementEnd(engagement);
  const who = closedBy
    ? line` by ${nameOf(names, closedBy)}`
    : own(isAfterwards ? ' after its last day' : ' by an operator');
  return {
    text: toNotification(line`Engagement ${titleOf(engagement)} is closed`),
    blocks: [
      ...facts('Engagement', engagement, names, scopes),
      section(line`:checkered_flag: *Closed*${who}, ${at}. Nothing can be requested in it any more.`),
    ],
  };
}

const titleOf = ({ name, vendor }: Engagement): Line =>
  line`${strong(name, NAME_MAX)} with ${strong(vendor, NAME_MAX)}`;

function facts(title: string, engagement: Engagement, names: Names, scopes: readonly Scope[]): Block[] {
  const { sponsorId, reviewerIds, targetIds, logins, firstDay, lastDay, timeZone, hours, reference, offboardedIds } =
    engagement;
  const memberIds = engagement.memberIds.filter((id) => !offboardedIds.includes(id));
  const from = firstDay === null ? [] : line`from ${day(firstDay)} `;
  const blocks: Block[] = [
    header(title),
    section(
      titleOf(engagement),
      line`Opened by ${nameOf(names, sponsorId)} · runs ${from}until the end of ${day(lastDay)} (${value(timeZone, 60)})`,
      ...(hours ? [line`*Hours* ${value(hoursText(hours), 300)} (${value(hours.zone, 60)})`] : []),
      ...(reference === null ? [] : [line`*Reference* ${value(reference, 200)}`]),
      line`*Members* ${people(names, memberIds)}`,
      line`*Reviewers* ${people(names, reviewerIds)}`,
    ),
    section(line`*Scopes*`),
    rich(bullets(scopeLines(engagement.scopes, scopes))),
  ];
  const named = logins ? [line`*Logins* ${listed(logins.map((login) => mono(login, 40)))}`] : [];
  const room = LIMITS.messageText - textLength(blocks) - 3_500;
  return [...blocks, section(line`*Targets* ${targets(targetIds, room)}`, ...named)];
}

/** To the people who may confirm the first engagement on a label: what is about to start, and the button while it waits. */
export function engagementConfirmCard(engagement: Engagement, names: Names, scopes: readonly Scope[]): Message {
  const { sponsorId, confirmedAt, closedAt } = engagement;
  return {
    text: toNotification(
      line`Confirm the new engagement ${titleOf(engagement)}, opened by ${nameOf(names, sponsorId)}`,
    ),
    blocks: [
      ...facts('New engagement to confirm', engagement, names, scopes),
      ...(closedAt ? [section(line`:checkered_flag: *Closed* ${closedAt}, before anybody confirmed it`)] : []),
      ...(closedAt
        ? []
        : confirmedAt === null
          ? [
              context(
                line`This is the first engagement with these targets’ labels, so a second person has to confirm it before it starts.`,
              ),
              actions('confirm', [
                button({ action: ACTION.confirmEngagement, label: 'Confirm', value: engagement.id, style: 'primary' }),
              ]),
            ]
          : [section(line`:white_check_mark: *Confirmed* ${confirmedAt}`)]),
    ],
  };
}

/** As many as fit, and how many more there are. */
function targets(ids: readonly string[], room: number): Line {
  let left = room;
  const shown = ids.slice(0, 100).filter((id) => {
    left -= id.length + 2;
    return left > 0;
  });
  const rest = ids.length - shown.length;
  const all = listed(shown.map((id) => mono(id, 70)));
  return rest > 0 ? line`${all} (${rest} more)` : all;
}

function scopeLines(names: readonly ScopeName[], scopes: readonly Scope[]): Line[] {
  const lines = names.slice(0, SCOPES_MAX).map((name) => {
    const words = findScope(scopes, name)?.words;
    return words === undefined
      ? line`${mono(name, 60)} is no longer defined`
      : line`${mono(name, 60)} ${value(words, 130)}`;
  });
  const rest = names.length - lines.length;
  return rest > 0 ? [...lines, line`and ${rest} more`] : lines;
}
