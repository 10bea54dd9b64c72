import type { PersonId } from '../access/ids.ts';
import { short } from '../access/ids.ts';
import type { RegisteredKey } from '../access/person.ts';
import { type AccessRequest, isExpired } from '../access/request.ts';
import type { Inventory } from '../use-cases/ports.ts';
import type { RequestView } from '../use-cases/views.ts';
import { ACTION } from './action-ids.ts';
import { actions, type Block, button, context, header, LIMITS, section, sections, textLength } from './blocks.ts';
import { nameOf } from './engagement-message.ts';
import { bold, code, escapeText, quote } from './text.ts';
import { count, duration, roughly, when } from './words.ts';

export type CardAudience = 'reviewer' | 'thread';
type CardContext = {
  readonly inventory: Pick<Inventory, 'find'>;
  readonly audience: CardAudience;
  readonly now: Date;
  /** `<@…>` of the requester's Slack account, or null. */
  readonly mention: string | null;
};

const REASON_MAX = 2_500;
const TICKET_MAX = 400;
const COMMENT_MAX = 1_000;
const KEYS_MAX = 10;
const NEW_KEY_HOURS = 24;

/** Facts for a decision, with buttons while it is pending; afterwards the outcome, by whom and when. */
export function reviewCard(view: RequestView, card: CardContext): { text: string; blocks: Block[] } {
  const { request, engagement, names } = view;
  const { ask } = request;
  const who = `${nameOf(names, ask.personId)}${card.mention ? ` (${card.mention})` : ''}`;
  const before: Block[] = [
    header('Access request'),
    section(`${who} asks for access in ${bold(engagement.name, 100)}, working for ${bold(engagement.vendor, 100)}`),
  ];
  const after: Block[] = [
    section(
      [
        `*Login* ${code(ask.login, 40)}`,
        `*Scope* ${code(ask.scope.name, 60)}: ${escapeText(ask.scope.words, 200)}`,
        `*How long* ${duration(ask.durationSeconds)}, from the approval on`,
        `*Ticket* ${ask.ticket === null ? 'none' : escapeText(ask.ticket, TICKET_MAX)}`,
      ].join('\n'),
    ),
    section(`*Why*\n${quote(ask.reason, REASON_MAX)}`),
    context(keyLines(view.keys, request).join('\n')),
    context(
      `Rule “${escapeText(request.rule, 100)}” asks for ${count(request.approvals, 'approval')} · asked ${when(request.requestedAt)} · digest ${code(short(request.digest), 12)}`,
    ),
    ...outcome(view, card),
  ];
  const room = LIMITS.messageText - textLength(before) - textLength(after);
  return {
    text: `Access request: ${escapeText(names.get(ask.personId) ?? 'somebody', 80)} asks for ${count(ask.targets.length, 'target')}`,
    blocks: [...before, ...sections(targetLines(request, card, room)), ...after],
  };
}

/** Every target has its line with its whole id; names and addresses get what room is left. */
function targetLines(request: AccessRequest, { inventory, audience }: CardContext, room: number): string[] {
  const { targets } = request.ask;
  const title = `*Targets (${targets.length})*`;
  const each = Math.floor((room - title.length - 2 * targets.length) / Math.max(1, targets.length));
  const lines = targets.map((target) => {
    const id = `• ${code(target.id, 70)}`;
    const name = inventory.find(target.id)?.name;
    const left = each - id.length - 1;
    const named = name === undefined || left < 8 ? id : `${id} ${bold(name, Math.min(left, 100))}`;
    const address = `${target.address}:${target.port}`;
    const fits = each - named.length > address.length + 3;
    return audience === 'reviewer' && fits ? `${named} ${code(address, address.length + 2)}` : named;
  });
  return [title, ...lines];
}

function keyLines(keys: readonly RegisteredKey[], request: AccessRequest): string[] {
  const shown = keys.slice(0, KEYS_MAX).map((key) => {
    const age = request.requestedAt.getTime() - key.registeredAt.getTime();
    const fresh = age < NEW_KEY_HOURS * 3_600_000 ? ':warning: *new* ' : '';
    const type = key.publicKey.split(' ')[0] ?? '';
    return `${fresh}Key ${code(key.fingerprint, 70)} (${escapeText(type, 50)}), registered ${when(key.registeredAt)}, ${roughly(age)} before this request`;
  });
  const rest = keys.length - shown.length;
  if (keys.length === 0) return ['No registered key is left of those that were asked for'];
  return rest === 0 ? shown : [...shown, `and ${count(rest, 'more key')}`];
}

function outcome({ request, names }: RequestView, { audience, now }: CardContext): Block[] {
  const approved = request.reviews.filter((review) => review.verdict === 'approve');
  const by = (ids: readonly PersonId[]): string => ids.map((id) => nameOf(names, id)).join(' and ');
  const reviewers = approved.map((review) => review.reviewerId);
  if (isExpired(request, now)) {
    const at = request.status === 'pending' ? request.expiresAt : request.decidedAt;
    return [section(`:hourglass: *Expired* ${when(at)}: nobody decided in time`)];
  }
  switch (request.status) {
    case 'pending': {
      const left = request.approvals - reviewers.length;
      const progress = reviewers.length === 0 ? [] : [section(`Approved by ${by(reviewers)}; ${left} more needed`)];
      return [...progress, decisionButtons(request)];
    }
    case 'approved':
      return [section(`:white_check_mark: *Approved* by ${by(reviewers)} · ${when(request.decidedAt)}`)];
    case 'denied': {
      const denial = request.reviews.findLast((review) => review.verdict === 'deny');
      const line = `:no_entry: *Denied*${denial ? ` by ${by([denial.reviewerId])}` : ''} · ${when(request.decidedAt)}`;
      // Remarks of reviewers are not for the thread, which the vendor reads.
      const remark = audience === 'reviewer' && denial?.comment ? `\n${quote(denial.comment, COMMENT_MAX)}` : '';
      return [section(line + remark)];
    }
    case 'withdrawn':
      return [section(`:leftwards_arrow_with_hook: *Withdrawn* by the requester · ${when(request.decidedAt)}`)];
    case 'expired':
      return [section(`:hourglass: *Expired* ${when(request.decidedAt)}`)];
    default:
      return request satisfies never;
  }
}

const decisionButtons = (request: AccessRequest): Block => {
  const value = `${request.id}:${request.digest}`;
  return actions('decision', [
    button({ action: ACTION.approve, label: 'Approve', value, style: 'primary' }),
    button({ action: ACTION.deny, label: 'Deny…', value, style: 'danger' }),
  ]);
};
