import { COMMENT_LIMITS } from '../../access/comment.ts';
import {
  type EngagementChange,
  type EngagementTerms,
  isChangeExpired,
  listDifference,
} from '../../access/engagement-change.ts';
import { hoursText } from '../../access/hours-text.ts';
import { type PersonId, short } from '../../access/ids.ts';
import type { ChangeView } from '../../use-cases/views/engagement-view.ts';
import { ACTION } from '../words/action-ids.ts';
import {
  actions,
  type Block,
  bullets,
  button,
  context,
  header,
  paragraph,
  quoted,
  rich,
  section,
} from '../words/blocks.ts';
import { type Line, line, listed, mono, own, strong, tag, toNotification, value } from '../words/line.ts';
import { count, day } from '../words/units.ts';
import { nameOf } from './engagement-message.ts';

const SHOWN_MAX = 20;

type CardContext = { readonly audience: 'reviewer' | 'thread'; readonly now: Date };

/** What a change adds and takes away, with buttons while it waits; afterwards the outcome, by whom and when. */
export function changeCard(view: ChangeView, { audience, now }: CardContext): { text: string; blocks: Block[] } {
  const { change, engagement, names } = view;
  const who = nameOf(names, change.proposedBy);
  const name = strong(engagement.name, 80);
  // What only takes away needed nobody's review.
  const said = change.approvals === 0 ? line`${who} changed ${name}` : line`${who} wants to change ${name}`;
  return {
    text: toNotification(said),
    blocks: [
      header(change.approvals === 0 ? 'Engagement changed' : 'Change to an engagement'),
      section(said),
      rich(bullets(differences(change, names))),
      ...(change.approvals === 0 ? [] : outcome(view, audience, now)),
      context(
        line`Proposed ${change.proposedAt} · change ${tag(short(change.id))} · digest ${tag(short(change.digest))}`,
      ),
    ],
  };
}

type Names = ChangeView['names'];

/** A line for each thing that is different. */
function differences({ from, to }: Pick<EngagementChange, 'from' | 'to'>, names: Names): Line[] {
  const person = (id: PersonId): Line => strong(names.get(id) ?? 'somebody', 80);
  const lists = [
    ['Members', listDifference('memberIds', from, to), person],
    ['Targets', listDifference('targetIds', from, to), (id: string) => mono(id, 70)],
    ['Scopes', listDifference('scopes', from, to), (name: string) => mono(name, 60)],
    ['Reviewers', listDifference('reviewerIds', from, to), person],
  ] as const;
  return [
    ...lists.flatMap(([label, { added, removed }, shown]) => [
      ...listLine(own(`*${label} added:*`), added, shown as (item: string) => Line),
      ...listLine(own(`*${label} removed:*`), removed, shown as (item: string) => Line),
    ]),
    ...valueLine('Logins', loginsOf(from), loginsOf(to)),
    ...valueLine('First day', dayOf(from.firstDay), dayOf(to.firstDay)),
    ...valueLine('Last day', day(from.lastDay), day(to.lastDay)),
    ...valueLine('Hours', hoursOf(from), hoursOf(to)),
    ...valueLine('Name', from.name, to.name),
    ...valueLine('Reference', from.reference ?? 'none', to.reference ?? 'none'),
  ];
}

function listLine(label: Line, items: readonly string[], shown: (item: string) => Line): Line[] {
  if (items.length === 0) return [];
  const rest = items.length - SHOWN_MAX;
  const all = listed(items.slice(0, SHOWN_MAX).map(shown));
  return [line`${label} ${all}${rest > 0 ? line` and ${rest} more` : []}`];
}

const valueLine = (label: string, before: string, after: string): Line[] =>
  before === after ? [] : [line`${own(`*${label}:*`)} ${value(before, 200)} → ${strong(after, 200)}`];

const loginsOf = ({ logins }: EngagementTerms): string => logins?.join(', ') ?? 'every login';
const dayOf = (isoDate: string | null): string => (isoDate === null ? 'at once' : day(isoDate));
const hoursOf = ({ hours }: EngagementTerms): string => (hours ? `${hoursText(hours)} ${hours.zone}` : 'at any time');

function outcome({ change, names }: ChangeView, audience: CardContext['audience'], now: Date): Block[] {
  const approved = change.reviews.filter(({ verdict }) => verdict === 'approve');
  const by = listed(approved.map(({ reviewerId }) => nameOf(names, reviewerId)));
  const at = change.decidedAt ?? change.expiresAt;
  if (isChangeExpired(change, now)) return [section(line`:hourglass: *Expired* ${at}: nobody reviewed it in time`)];
  switch (change.status) {
    case 'pending': {
      const left = own(count(change.approvals - approved.length, 'approval'));
      const progress = approved.length === 0 ? line`Needs ${left}` : line`Approved by ${by}, ${left} more needed`;
      return [section(progress), decisionButtons(change)];
    }
    case 'approved':
      return [section(line`:white_check_mark: *Approved* by ${by}, ${at}. It is in force.`)];
    case 'denied': {
      const denial = change.reviews.findLast(({ verdict }) => verdict === 'deny');
      const said = paragraph(
        line`:no_entry: *Denied*${denial ? line` by ${nameOf(names, denial.reviewerId)}` : []}, ${at}`,
      );
      // Remarks of reviewers are not for the thread, which the vendor reads.
      const remark = audience === 'reviewer' && denial?.comment ? [quoted(denial.comment, COMMENT_LIMITS.length)] : [];
      return [rich(said, ...remark)];
    }
    case 'withdrawn':
      return [section(line`:leftwards_arrow_with_hook: *Withdrawn* ${at}: another change took its place`)];
    case 'expired':
      return [section(line`:hourglass: *Expired* ${at}`)];
    default:
      return change.status satisfies never;
  }
}

function decisionButtons({ id, digest }: EngagementChange): Block {
  const pressed = `${id}:${digest}`;
  return actions('change_decision', [
    button({ action: ACTION.approveChange, label: 'Approve', value: pressed, style: 'primary' }),
    button({ action: ACTION.denyChange, label: 'Deny…', value: pressed, style: 'danger' }),
  ]);
}
