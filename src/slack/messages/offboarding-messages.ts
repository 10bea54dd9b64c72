import type { EngagementId } from '../../access/ids.ts';
import { isProved, type LeftOver, type Offboarding, totalOf } from '../../access/offboarding.ts';
import type { Notice } from '../../use-cases/notice.ts';
import type { OffboardingView } from '../../use-cases/views/offboarding.ts';
import { ACTION } from '../words/action-ids.ts';
import {
  actions,
  type Block,
  button,
  context,
  header,
  LIMITS,
  paragraph,
  quoted,
  rich,
  section,
} from '../words/blocks.ts';
import { type Line, line, listed, mono, own, strong, tag, toNotification, value } from '../words/line.ts';
import { count } from '../words/units.ts';
import { doerOf, nameOf } from './engagement-message.ts';

type Message = { readonly text: string; readonly blocks: Block[] };

const NAME_MAX = 80;
const ENGAGEMENTS_SHOWN = 10;
const ITEM_MAX = 220;
/** Of a note and a reason in the checklist, whose message has room for so much of each. */
const NOTE_SHOWN = 150;
const REASON_SHOWN = 600;

/** What it is about: `Casey Lind was offboarded`, `The engagement was closed`. */
function whatHappened({ offboarding: { personId, why }, names }: OffboardingView): Line {
  if (why === 'last_day') return own('The engagement’s last day is over');
  return personId ? line`${nameOf(names, personId)} was offboarded` : own('The engagement was closed');
}

type Ended = ReturnType<typeof totalOf>;

const whatEnded = ({ grants, requests, sessions }: Ended): Line =>
  own(
    [
      `${count(grants, 'grant')} ended`,
      ...(requests > 0 ? [`${count(requests, 'request')} withdrawn`] : []),
      `${count(sessions, 'session')} ended`,
    ].join(', '),
  );

const askedOf = ({ answered, workers }: LeftOver): string => `asked of ${answered} of ${count(workers, 'gateway')}`;

const nothingLeft = (left: LeftOver): string =>
  `${count(left.sessions, 'live session')} and ${count(left.grants, 'active grant')} left (${askedOf(left)})`;

/** For a thread, whose vendor learns nothing here of other engagements. */
function proofLine(offboarding: Offboarding): Line {
  const { left } = offboarding;
  if (left && isProved(offboarding)) return own(nothingLeft(left));
  const asked = left ? ` (${askedOf(left)})` : '';
  return own(`not proved yet that nothing is left${asked}; Daypass keeps asking`);
}

/** To an engagement's thread: what ended in it, and whether it is proved that nothing is left. */
export function offboardingLine(view: OffboardingView, engagementId: EngagementId): Message {
  const { offboarding, names } = view;
  const ended = totalOf(offboarding.parts.filter((part) => part.engagementId === engagementId));
  const said = line`${whatHappened(view)}: ${whatEnded(ended)}, ${proofLine(offboarding)}`;
  return {
    text: toNotification(said),
    blocks: [
      section(line`:no_entry_sign: ${said}`),
      context(line`By ${doerOf(names, offboarding.by)}, ${offboarding.at}`),
    ],
  };
}

/** To the thread, once people have done their part too. */
export function offboardingDone(view: OffboardingView): Message {
  const { items } = view.offboarding;
  const said = line`:checkered_flag: ${whatHappened(view)}, and all of it is done: ${own(`${items.length} of ${count(items.length, 'check')} ticked`)}`;
  return { text: toNotification(said), blocks: [section(said)] };
}

/** To security's channel: all of it, with a checklist of what only people can do. */
export function offboardingCard(view: OffboardingView): Message {
  const { offboarding } = view;
  const { items, completed } = offboarding;
  const open = items.filter(({ tick }) => tick === null).length;
  return {
    text: toNotification(
      line`${whatHappened(view)}${whereOf(view)}: ${whatEnded(totalOf(offboarding.parts))}; ${own(`${items.length - open} of ${count(items.length, 'check')} ticked`)}`,
    ),
    blocks: [
      header(offboarding.personId ? 'Offboarding' : 'Engagement closed'),
      ...factBlocks(view, REASON_SHOWN),
      ...(items.length > 0 ? [section(line`*What people have to do*`)] : []),
      ...items.flatMap((_, index) => itemBlocks(view, index, NOTE_SHOWN)),
      ...(completed
        ? [context(line`Complete ${completed.at}`)]
        : [
            context(
              line`Security and the person who opened the engagement can tick these. Notes are kept as evidence.`,
            ),
          ]),
    ],
  };
}

/** To security's channel, once: the evidence. */
export function offboardingResult(view: OffboardingView): Message {
  const { items, completed, id } = view.offboarding;
  const ticked = own(`${items.length} of ${count(items.length, 'check')} ticked`);
  const facts = factBlocks(view, REASON_SHOWN);
  // All notes share what one message can hold.
  const room = Math.floor((LIMITS.messageText - 4_000 - items.length * ITEM_MAX) / Math.max(1, items.length));
  return {
    text: toNotification(line`Complete: ${whatHappened(view)}${whereOf(view)}, ${ticked}`),
    blocks: [
      section(line`:checkered_flag: *Complete*: ${ticked}`),
      ...facts,
      ...items.flatMap((_, index) => itemBlocks(view, index, room)),
      context(
        line`Evidence ${tag(completed?.digest ?? '')}. To print all of it: ${mono(`daypass offboard show ${id} --json`, 80)}`,
      ),
    ],
  };
}

function whereOf({ offboarding, engagements }: OffboardingView): Line {
  const { engagementIds } = offboarding;
  if (!engagementIds) return own(' everywhere');
  const from = own(offboarding.personId ? ' from ' : ': ');
  const meant = engagements.filter(({ id }) => engagementIds.includes(id));
  const named = listed(meant.slice(0, ENGAGEMENTS_SHOWN).map(({ name }) => strong(name, NAME_MAX)));
  const rest = engagementIds.length - Math.min(meant.length, ENGAGEMENTS_SHOWN);
  return line`${from}${named}${rest > 0 ? own(` and ${rest} more`) : []}`;
}

function factBlocks(view: OffboardingView, reasonMax: number): Block[] {
  const { offboarding, names } = view;
  const { keys, reason, left, by, at, parts } = offboarding;
  const retired = keys > 0 ? own(`, ${count(keys, 'key')} retired`) : [];
  const lines = [
    line`${whatHappened(view)}${whereOf(view)}, by ${doerOf(names, by)}, ${at}`,
    line`${whatEnded(totalOf(parts))}${retired}`,
    isProved(offboarding) && left
      ? line`:white_check_mark: *Proved* ${left.at}: ${own(nothingLeft(left))}`
      : line`:hourglass: *Not proved yet*: ${own(left ? nothingLeft(left) : 'no gateway was asked yet')}. Daypass asks again every second.`,
  ];
  return reason ? [rich(paragraph(...lines), quoted(reason, reasonMax))] : [section(...lines)];
}

function itemBlocks({ offboarding, names }: OffboardingView, index: number, noteMax: number): Block[] {
  const item = offboarding.items[index];
  if (!item) return [];
  const { text, tick } = item;
  const what = value(text, ITEM_MAX);
  if (!tick) {
    const of = `${offboarding.id}:${index}`;
    return [
      section(what),
      actions(`check_${index}`, [
        button({ action: `${ACTION.tickItem}:${index}`, label: 'Done', value: of }),
        button({ action: `${ACTION.noteItem}:${index}`, label: 'Done, with a note', value: of }),
      ]),
    ];
  }
  const said = line`:white_check_mark: ${what} · ${nameOf(names, tick.by)}, ${tick.at}`;
  return [tick.note ? rich(paragraph(said), quoted(tick.note, noteMax)) : section(said)];
}

/** To security's channel: somebody is let back in, and has nothing by that. */
export function personReadmittedMessage(
  { account }: Extract<Notice, { kind: 'person_readmitted' }>,
  name: string,
  engagement: string | null,
): Message {
  const where = engagement === null ? [] : line` to ${strong(engagement, NAME_MAX)}`;
  const by = doerOf(new Map(), { kind: 'operator', account });
  const said = line`:warning: *${strong(name, NAME_MAX)} was readmitted*${where} by ${by}`;
  return {
    text: toNotification(said),
    blocks: [
      section(said),
      context(line`This gives them no access. They need to register a key and request access again.`),
    ],
  };
}
