import { type Engagement, engagementBegin, isOver } from '../../access/engagement.ts';
import type { AccessList } from '../../use-cases/views/access-list.ts';
import type { Asker, Edge } from '../edge.ts';
import { ACTION } from '../words/action-ids.ts';
import { actions, type Block, button, context, divider, header, LIMITS, section } from '../words/blocks.ts';
import { endSessionButton } from '../words/buttons.ts';
import { type Line, line, mono, own, strong } from '../words/line.ts';
import { count, day } from '../words/units.ts';
import { cardLinks, fitting, isOnlyManaging, type Links, ownBlocks, readList, reviewBlocks } from './list.ts';

const ENGAGEMENTS_MAX = 5;
const SESSIONS_MAX = 3;

/** The Home tab: requests to review, engagements one is responsible for, one's own access with the time left, and the buttons. */
export async function publishHome(edge: Edge, asker: Asker): Promise<void> {
  const list = await readList(edge, asker);
  const cards = await cardLinks(edge, asker, list);
  await edge.web.views.publish({
    user_id: asker.userId,
    view: { type: 'home', blocks: homeBlocks(list, edge.clock.now(), cards) },
  });
}

export function homeBlocks(list: AccessList, now: Date, cards?: Links): Block[] {
  const above = top(list);
  return [
    ...above,
    ...fitting({ room: LIMITS.homeBlocks - above.length }, (each) => [
      ...reviewBlocks(list, each, cards),
      ...governedBlocks(list),
      ...ownBlocks(list, now, each),
      ...workBlocks(list, now, each),
    ]),
  ];
}

const top = (list: AccessList): Block[] => [
  header('Daypass'),
  actions('home', [
    ...(isOnlyManaging(list)
      ? []
      : [
          // The green button is the next step: without a key, nothing can be requested.
          button({
            ...{ action: ACTION.openRequest, label: 'Request access', value: '' },
            ...(list.keys.length > 0 && { style: 'primary' as const }),
          }),
          button({
            ...{ action: ACTION.showKey, label: 'Register a key' },
            ...(list.keys.length === 0 && { style: 'primary' as const }),
          }),
          button({ action: ACTION.showKeys, label: 'My keys' }),
        ]),
    button({ action: ACTION.showList, label: 'Refresh' }),
    button({ action: ACTION.showHelp, label: 'Help' }),
  ]),
  context(line`Temporary SSH access, requested and approved in Slack. Sessions are recorded.`),
];

/** Engagements that this person works in, each with a button to ask in it. */
function workBlocks({ engagements }: AccessList, now: Date, each: number): Block[] {
  const open = engagements.filter((engagement) => !isOver(engagement, now));
  if (open.length === 0) return [];
  const rest = open.length - each;
  return [
    divider(),
    section(line`*Engagements you work in*`),
    ...open.slice(-each).flatMap((engagement) => workIn(engagement, now)),
    ...(rest > 0 ? [context(line`and ${rest} more; *Request access* at the top has them all`)] : []),
  ];
}

function workIn(engagement: Engagement, now: Date): Block[] {
  const { id, name, lastDay } = engagement;
  const begins = engagementBegin(engagement);
  if (begins && now < begins) return [section(line`${strong(name, 80)}, begins ${begins}`)];
  return [
    section(line`${strong(name, 80)}, until the end of ${own(day(lastDay))}`),
    actions(`work_${id}`, [button({ action: `${ACTION.openRequest}:${id}`, label: 'Request access', value: id })]),
  ];
}

/** Engagements that this person opened or reviews for, and who is connected in them at this moment. */
export function governedBlocks({ governed, names }: AccessList): Block[] {
  if (governed.length === 0) return [];
  const busiest = [...governed].sort((one, other) => other.live.length - one.live.length);
  const rest = governed.length - ENGAGEMENTS_MAX;
  return [
    section(line`*Engagements you look after*`),
    ...busiest
      .slice(0, ENGAGEMENTS_MAX)
      .flatMap(({ engagement, live }) => [
        section(about(engagement.name, engagement.vendor, engagement.lastDay, live.length)),
        ...live
          .slice(0, SESSIONS_MAX)
          .flatMap((session) => [
            section(
              line`:large_green_circle: ${strong(names.get(session.personId) ?? 'somebody', 80)} on ${mono(`${session.login}@${session.targetId}`, 110)}, since ${session.startedAt}`,
            ),
            actions(`session_${session.id}`, [endSessionButton(session.id, true)]),
          ]),
        ...(live.length > SESSIONS_MAX ? [context(line`and ${live.length - SESSIONS_MAX} more in the thread`)] : []),
      ]),
    ...(rest > 0 ? [context(line`and ${own(count(rest, 'more engagement'))}`)] : []),
    divider(),
  ];
}

const about = (name: string, vendor: string, lastDay: string, live: number): Line =>
  line`${strong(name, 80)} with ${strong(vendor, 80)}, until the end of ${own(day(lastDay))} · ${own(live === 0 ? 'nobody is connected' : count(live, 'live session'))}`;
