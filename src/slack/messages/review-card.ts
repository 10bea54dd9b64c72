import { COMMENT_LIMITS } from '../../access/comment.ts';
import { engagementEnd } from '../../access/engagement.ts';
import { type PersonId, short } from '../../access/ids.ts';
import { demandOf } from '../../access/key-demand.ts';
import type { RegisteredKey } from '../../access/person.ts';
import { type AccessRequest, ASK_LIMITS, approves, isExpired, RULE_BREAK } from '../../access/request.ts';
import type { Inventory } from '../../use-cases/ports/inventory.ts';
import type { RequestView } from '../../use-cases/views/views.ts';
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
  paragraph,
  quoted,
  rich,
  section,
  textLength,
} from '../words/blocks.ts';
import { commentButton, detailsButton } from '../words/buttons.ts';
import type { GatewayFacts } from '../words/gateway-facts.ts';
import {
  account,
  type Line,
  line,
  listed,
  mono,
  own,
  stacked,
  strong,
  tag,
  toNotification,
  toPlain,
  value,
} from '../words/line.ts';
import { FINGERPRINT_SHOWN, loginTakes, needsSignature, signedWith, signingBlocks } from '../words/signing.ts';
import { count, duration, minutes, roughly } from '../words/units.ts';
import { commentBlocks } from './comments.ts';
import { nameOf } from './engagement-message.ts';

export type CardAudience = 'reviewer' | 'thread';
type Message = { readonly text: string; readonly blocks: Block[] };
type CardContext = {
  readonly inventory: Pick<Inventory, 'find'>;
  readonly audience: CardAudience;
  readonly now: Date;
  /** The requester's Slack account, or null. */
  readonly userId: string | null;
  /** The reviewer whose copy it is; null for the thread's. */
  readonly reader: PersonId | null;
  readonly gateway: GatewayFacts;
};

const REASON_MAX = 2_500;
const KEYS_MAX = 10;
const RULES_MAX = 10;
const NEW_KEY_HOURS = 24;

/** Facts for a decision, with buttons while it is pending; afterwards the outcome, by whom and when. */
export function reviewCard(view: RequestView, card: CardContext): Message {
  const { request, engagement, names } = view;
  const { ask } = request;
  const name = nameOf(names, ask.personId);
  const who = card.userId === null ? name : line`${name} (${account(card.userId)})`;
  const lasts = own(duration(ask.durationSeconds));
  const before: Block[] = [
    header('Access request'),
    section(
      line`${who}, who works for ${strong(engagement.vendor, 100)}, requests access in ${strong(engagement.name, 100)}`,
    ),
    section(line`*Targets (${ask.targets.length})*`),
  ];
  const after: Block[] = [
    section(
      line`*Login* ${mono(ask.login, 40)}`,
      line`*Scope* ${mono(ask.scope.name, 60)} ${value(ask.scope.words, 200)}`,
      line`*Duration* ${lasts}, starting at approval`,
      ...cutShortLines(view),
      ...extensionLines(view, card.now),
      line`*Ticket* ${ask.ticket === null ? own('none') : mono(ask.ticket, ASK_LIMITS.ticket)}`,
    ),
    rich(paragraph(line`*Why*`), quoted(ask.reason, REASON_MAX)),
    // The thread is read by the vendor.
    ...(card.audience === 'reviewer' ? commentBlocks(view) : []),
    context(stacked(keyLines(view.keys, request))),
    context(
      line`${ruleWords(request.rule)} ${own(count(request.approvals, 'approval'))}`,
      ...needsSignature(request),
      ...loginTakes(demandOf(ask)),
      line`Requested ${request.requestedAt} · request ${tag(short(request.id))}`,
    ),
    ...outcome(view, card),
  ];
  const room = LIMITS.messageText - textLength(before) - textLength(after) - 100;
  return {
    text: toNotification(
      line`Access request: ${name} from ${strong(engagement.vendor, 100)} requests ${accessLine(ask)}, for ${lasts}`,
    ),
    blocks: [...before, ...pages(targetLines(request, card, room)), ...after],
  };
}

const cutShortLines = ({ cutShort }: RequestView): Line[] =>
  cutShort === null
    ? []
    : [
        line`:hourglass_flowing_sand: If approved at once, it ends ${cutShort} at the latest, because the allowed hours or the engagement end then`,
      ];

/** More time is another thing to decide than new access: how long it has been, and how long it becomes. */
function extensionLines({ request, engagement, extension, cutShort }: RequestView, now: Date): Line[] {
  if (!extension) return [];
  const begins = 'decidedAt' in request ? request.decidedAt : now;
  const latest = cutShort ?? engagementEnd(engagement);
  const ends = Math.min(begins.getTime() + request.ask.durationSeconds * 1_000, latest.getTime());
  const all = own(minutes(ends - extension.since.getTime()));
  return [
    line`*Extension* more time on what they have until ${extension.until}. That makes ${all} in all, since ${extension.since}`,
  ];
}

/** To a reviewer who has said nothing yet. It is decided on the card, which has all facts. */
export function reviewReminder({ request, engagement, names }: RequestView, now: Date): Message {
  const { ask } = request;
  const waited = own(roughly(now.getTime() - request.requestedAt.getTime()));
  const what = line`${nameOf(names, ask.personId)} requests ${accessLine(ask)}, for ${own(duration(ask.durationSeconds))}, in ${strong(engagement.name, 80)}`;
  return {
    text: toNotification(line`A request has waited ${waited} for your review: ${what}`),
    blocks: [
      section(line`:alarm_clock: *A request has waited ${waited} for your review*`, what),
      context(line`Expires ${request.expiresAt} · its card is above, in your direct messages with Daypass`),
      actions('reminder', [
        button({ action: ACTION.showList, label: 'What waits for me', style: 'primary' }),
        commentButton(request.id),
      ]),
    ],
  };
}

/** Where targets have different rules, each is named. The strictest counts. */
function ruleWords(rule: string): Line {
  const names = rule.split(RULE_BREAK).map((name) => line`“${value(name, 100)}”`);
  if (names.length === 1) return line`Rule ${listed(names)} requires`;
  const rest = names.length - RULES_MAX;
  return line`Rules ${listed(names.slice(0, RULES_MAX))}${rest > 0 ? line` and ${rest} more` : []} together require`;
}

/** Every target has its line with its whole id; names and addresses get what room is left. */
function targetLines(request: AccessRequest, { inventory, audience }: CardContext, room: number): Line[] {
  const { targets } = request.ask;
  const each = Math.floor((room - targets.length) / Math.max(1, targets.length));
  return targets.map((target) => {
    const id = mono(target.id, 70);
    const name = inventory.find(target.id)?.name;
    const left = each - target.id.length - 1;
    const named = name === undefined || left < 8 ? id : line`${id} ${strong(name, Math.min(left, 100))}`;
    const address = `${target.address}:${target.port}`;
    const fits = each - toPlain(named).length > address.length + 1;
    return audience === 'reviewer' && fits ? line`${named} ${mono(address, address.length)}` : named;
  });
}

/** Lists of bullets, none longer than one block may be. */
function pages(lines: readonly Line[]): Block[] {
  const all: Line[][] = [[]];
  let length = 0;
  for (const each of lines) {
    const own = toPlain(each).length;
    if (length + own > LIMITS.sectionText) {
      all.push([]);
      length = 0;
    }
    all.at(-1)?.push(each);
    length += own;
  }
  return all.filter((page) => page.length > 0).map((page) => rich(bullets(page)));
}

function keyLines(keys: readonly RegisteredKey[], request: AccessRequest): Line[] {
  const shown = keys.slice(0, KEYS_MAX).map((key) => {
    const age = request.requestedAt.getTime() - key.registeredAt.getTime();
    const isNew = age < NEW_KEY_HOURS * 3_600_000;
    const fingerprint = tag(key.fingerprint.slice(0, FINGERPRINT_SHOWN));
    return line`${isNew ? line`:warning: New key` : line`Key`} ${fingerprint}, registered ${key.registeredAt}, ${own(roughly(age))} before this request`;
  });
  const rest = keys.length - shown.length;
  if (keys.length === 0) return [line`None of the keys in this request is registered any more`];
  return rest === 0 ? shown : [...shown, line`and ${own(count(rest, 'more key'))}`];
}

function outcome({ request, names }: RequestView, card: CardContext): Block[] {
  const { audience, now } = card;
  const approved = request.reviews.filter((review) => approves(review, request));
  const by = (ids: readonly PersonId[]): Line => listed(ids.map((id) => nameOf(names, id)));
  const approvers = listed(approved.map((review) => line`${nameOf(names, review.reviewerId)}${signedWith(review)}`));
  const details = actions('decided', [detailsButton('request', request.id)]);
  if (isExpired(request, now)) {
    const at = request.status === 'pending' ? request.expiresAt : request.decidedAt;
    return [section(line`:hourglass: *Expired* ${at}: nobody reviewed it in time`), details];
  }
  switch (request.status) {
    case 'pending': {
      const left = request.approvals - approved.length;
      const progress = approved.length === 0 ? [] : [section(line`Approved by ${approvers}, ${left} more needed`)];
      return [...progress, ...signingBlocks(request, card), decisionButtons(request, audience)];
    }
    case 'approved':
      return [section(line`:white_check_mark: *Approved* by ${approvers}, ${request.decidedAt}`), details];
    case 'denied': {
      const denial = request.reviews.findLast((review) => review.verdict === 'deny');
      const who = denial ? line` by ${by([denial.reviewerId])}` : [];
      const said = paragraph(line`:no_entry: *Denied*${who}, ${request.decidedAt}`);
      // Remarks of reviewers are not for the thread, which the vendor reads.
      const remark = audience === 'reviewer' && denial?.comment ? [quoted(denial.comment, COMMENT_LIMITS.length)] : [];
      return [rich(said, ...remark), details];
    }
    case 'withdrawn':
      if (request.replacedBy) {
        const by = tag(short(request.replacedBy));
        const said = line`:arrows_counterclockwise: *Replaced* by the requester, ${request.decidedAt}. Request ${by} took its place, and reviews of this one no longer count`;
        return [section(said), details];
      }
      return [section(line`:leftwards_arrow_with_hook: *Withdrawn* by the requester, ${request.decidedAt}`), details];
    case 'expired':
      return [section(line`:hourglass: *Expired* ${request.decidedAt}`), details];
    default:
      return request satisfies never;
  }
}

const decisionButtons = (request: AccessRequest, audience: CardAudience): Block => {
  const value = `${request.id}:${request.digest}`;
  return actions('decision', [
    button({ action: ACTION.approve, label: 'Approve', value, style: 'primary' }),
    button({ action: ACTION.deny, label: 'Deny…', value, style: 'danger' }),
    ...(audience === 'reviewer' ? [commentButton(request.id)] : []),
    detailsButton('request', request.id),
  ]);
};
