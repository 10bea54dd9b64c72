import { headText } from '../../access/audit-head.ts';
import { hasExpired, isActive } from '../../access/grant.ts';
import { EngagementId, PersonId } from '../../access/ids.ts';
import { hasAnswered, isExpired } from '../../access/request.ts';
import type { Notice } from '../../use-cases/notice.ts';
import type { Clock } from '../../use-cases/ports/clock.ts';
import type { Inventory } from '../../use-cases/ports/inventory.ts';
import type { Store } from '../../use-cases/ports/store.ts';
import { type RequestView, viewBurst, viewGrant, viewRequest, viewSession } from '../../use-cases/views/views.ts';
import type { Security } from '../edge.ts';
import type { Block } from '../words/blocks.ts';
import type { GatewayFacts } from '../words/gateway-facts.ts';
import type { AccessFile } from './access-files.ts';
import { requestCommented } from './comments.ts';
import { configurationMended, configurationRefused } from './configuration-messages.ts';
import { deliveryMessage, type HeldPlace } from './delivery-message.ts';
import { type Destination, inbox, inboxOf, threadOf } from './destination.ts';
import { freeSpaceMessage } from './free-space-message.ts';
import { grantAnnounced, grantEnded, hostKeyMismatch } from './grant-messages.ts';
import { grantIssuedTooLate, grantOver, grantRevoked } from './over-messages.ts';
import {
  channelReadAgainMessage,
  channelRefusedMessage,
  channelsInDoubtMessage,
  peopleInDoubtMessage,
  personGoneMessage,
  reviewerKeyMessage,
} from './people-messages.ts';
import {
  grantFiles,
  grantIssued,
  keyRegistered,
  keyRetired,
  requestClosed,
  requestReceived,
} from './personal-messages.ts';
import { grantsSuspendedMessage, recordChangedMessage } from './record-messages.ts';
import { endingNotice, receiptNotice } from './render-ending.ts';
import { changeNotice, engagementConfirm, engagementRoot } from './render-engagement.ts';
import { offboardingNotice, personReadmitted } from './render-offboarding.ts';
import { reviewCard, reviewReminder } from './review-card.ts';
import { headsOf, sessionDetail, sessionLine } from './session-messages.ts';

export type Rendered = {
  readonly to: Destination;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** Present where the message is the comment of uploaded files. */
  readonly files?: readonly AccessFile[];
  /** Digests that the message vouches for, whole: they go into its metadata, which the text does not show. */
  readonly facts?: Readonly<Record<string, string>>;
  /** Nothing is posted where the message is not there yet. */
  readonly onlyUpdate?: boolean;
};

export type RenderDeps = {
  readonly store: Store;
  readonly clock: Clock;
  readonly inventory: Pick<Inventory, 'find' | 'scopes' | 'policy' | 'targets'>;
  readonly gateway: GatewayFacts;
  readonly security: Pick<Security, 'securityChannel'>;
  /** How long recordings are kept, as an ISO 8601 duration; null until somebody erases them. */
  readonly retention: string | null;
};

const STALE_GRANTS_MAX = 20;

/** The current message for a notice. Null if its subject is gone, it has no recipient, or there is nothing left to report. */
export async function render(deps: RenderDeps, notice: Notice): Promise<Rendered | null> {
  switch (notice.kind) {
    case 'engagement_opened':
    case 'engagement_updated':
      return engagementRoot(deps, notice);
    case 'change_card':
    case 'change_card_changed':
      return changeNotice(deps, notice);
    case 'engagement_confirm':
    case 'engagement_confirm_changed':
      return engagementConfirm(deps, notice);
    case 'key_registered':
    case 'key_retired':
      return keyNotice(deps, notice);
    case 'reviewer_key_registered':
      return reviewerKey(deps, notice);
    case 'review_card':
    case 'review_card_changed':
      return card(deps, notice);
    case 'review_reminder':
      return reminder(deps, notice);
    case 'request_received':
    case 'request_closed':
      return requestNotice(deps, notice);
    case 'request_commented':
      return commentNotice(deps, notice);
    case 'grant_issued':
    case 'grant_issued_changed':
    case 'grant_revoked':
    case 'grant_files':
      return issued(deps, notice);
    case 'grant_announced':
    case 'grant_announced_changed':
    case 'grant_ended':
      return grantNotice(deps, notice);
    case 'grant_ending':
    case 'grant_ending_changed':
    case 'grant_ending_line':
      return endingNotice(deps, notice);
    case 'session_line': {
      const view = await viewBurst(deps)({ burstId: notice.burstId });
      return view && { to: threadOf(view.engagement), ...sessionLine(view), facts: headsOf(view) };
    }
    case 'session_receipt':
      return receiptNotice(deps, notice);
    case 'session_detail': {
      const view = await viewSession(deps)({ sessionId: notice.sessionId });
      const to = { kind: 'channel', channelId: deps.security.securityChannel } as const;
      return view && { to, ...sessionDetail(view), facts: headsOf(view) };
    }
    case 'host_key_mismatch': {
      const view = await viewSession(deps)({ sessionId: notice.sessionId });
      return view && { to: threadOf(view.engagement), ...hostKeyMismatch(view, notice.targetId) };
    }
    case 'offboarding_line':
    case 'offboarding_card':
    case 'offboarding_done':
    case 'offboarding_result':
      return offboardingNotice(deps, notice);
    case 'person_readmitted':
      return personReadmitted(deps, notice);
    case 'person_gone':
      return personGone(deps, notice);
    case 'people_in_doubt': {
      const names = await deps.store.transaction((tx) => tx.persons.names(notice.personIds));
      return {
        to: { kind: 'channel', channelId: deps.security.securityChannel },
        ...peopleInDoubtMessage(notice, names),
      };
    }
    case 'channel_refused':
    case 'channels_in_doubt':
    case 'channel_read_again':
      return channelNotice(deps, notice);
    case 'free_space':
      return { to: { kind: 'channel', channelId: deps.security.securityChannel }, ...freeSpaceMessage(notice) };
    case 'record_changed':
      return { to: { kind: 'channel', channelId: deps.security.securityChannel }, ...recordChangedMessage(notice) };
    case 'configuration_refused':
      return { to: { kind: 'channel', channelId: deps.security.securityChannel }, ...configurationRefused(notice) };
    case 'configuration_mended':
      return { to: { kind: 'channel', channelId: deps.security.securityChannel }, ...configurationMended() };
    case 'grants_suspended':
      return { to: { kind: 'channel', channelId: deps.security.securityChannel }, ...grantsSuspendedMessage(notice) };
    case 'delivery':
      return deliveryNotice(deps, notice);
    default:
      return notice satisfies never;
  }
}

/** To whom a lane belongs, by the name that people know. */
const deliveryNotice = (
  { store, security: { securityChannel } }: RenderDeps,
  notice: Of<'delivery'>,
): Promise<Rendered> =>
  store.transaction(async (tx) => {
    const [kind, id] = notice.lane.split(':');
    const engagementId = EngagementId.safeParse(id);
    const personId = PersonId.safeParse(id);
    const engagement = kind === 'thread' && engagementId.success ? await tx.engagements.byId(engagementId.data) : null;
    const person = kind === 'dm' && personId.success ? await tx.persons.name(personId.data) : null;
    const place: HeldPlace = engagement
      ? { kind: 'thread', engagement: engagement.name }
      : person !== null
        ? { kind: 'person', name: person }
        : { kind: 'security' };
    const to: Destination =
      notice.to === null
        ? { kind: 'channel', channelId: securityChannel }
        : { kind: 'person', teamId: '', userId: notice.to };
    return { to, ...deliveryMessage(notice, place, await tx.outbox.waiting(notice.lane)) };
  });

type Of<Kind extends Notice['kind']> = Extract<Notice, { kind: Kind }>;

const personGone = (
  { store, security: { securityChannel } }: RenderDeps,
  notice: Of<'person_gone'>,
): Promise<Rendered> =>
  store.transaction(async (tx) => {
    const engagement = notice.engagementId && (await tx.engagements.byId(notice.engagementId));
    const message = personGoneMessage(notice, await tx.persons.name(notice.personId), engagement?.name ?? null);
    return { to: { kind: 'channel', channelId: securityChannel }, ...message };
  });

const channelNotice = (
  { store, security: { securityChannel } }: RenderDeps,
  notice: Of<'channel_refused'> | Of<'channels_in_doubt'> | Of<'channel_read_again'>,
): Promise<Rendered> =>
  store.transaction(async (tx) => {
    const names = (await tx.engagements.byIds(notice.engagementIds)).map(({ name }) => name);
    const message =
      notice.kind === 'channel_refused'
        ? channelRefusedMessage(notice, names)
        : notice.kind === 'channels_in_doubt'
          ? channelsInDoubtMessage(notice, names)
          : channelReadAgainMessage(notice, names);
    return { to: { kind: 'channel', channelId: securityChannel }, ...message };
  });

const keyNotice = ({ store }: RenderDeps, notice: Of<'key_registered'> | Of<'key_retired'>): Promise<Rendered | null> =>
  store.transaction(async (tx) => {
    const key = await tx.keys.byFingerprint(notice.fingerprint);
    const to = key && (await inboxOf(tx, notice.to));
    if (!key || !to) return null;
    if (notice.kind === 'key_retired') return { to, ...keyRetired(key) };
    return { to, ...keyRegistered(key, await tx.persons.name(key.personId), notice.to) };
  });

const reviewerKey = (
  { store, security: { securityChannel } }: RenderDeps,
  { fingerprint }: Of<'reviewer_key_registered'>,
): Promise<Rendered | null> =>
  store.transaction(async (tx) => {
    const key = await tx.keys.byFingerprint(fingerprint);
    const message = key && reviewerKeyMessage(key, await tx.persons.name(key.personId));
    return message && { to: { kind: 'channel', channelId: securityChannel }, ...message };
  });

const isOpen = ({ request }: RequestView, now: Date): boolean =>
  request.status === 'pending' && !isExpired(request, now);

async function card(deps: RenderDeps, notice: Of<'review_card'> | Of<'review_card_changed'>): Promise<Rendered | null> {
  const view = await viewRequest(deps)({ requestId: notice.requestId });
  if (!view) return null;
  // A card in somebody's inbox asks them to decide; the thread's is the record, however it ended.
  if (notice.kind === 'review_card' && notice.to !== null && !isOpen(view, deps.clock.now())) return null;
  const to = notice.to === null ? threadOf(view.engagement) : await inbox(deps, notice.to);
  if (!to) return null;
  const requester = await inbox(deps, view.request.ask.personId);
  const message = reviewCard(view, {
    inventory: deps.inventory,
    audience: notice.to === null ? 'thread' : 'reviewer',
    now: deps.clock.now(),
    userId: requester?.userId ?? null,
    reader: notice.to,
    gateway: deps.gateway,
  });
  return { to, ...message, onlyUpdate: notice.kind === 'review_card_changed' };
}

async function requestNotice(
  deps: RenderDeps,
  notice: Of<'request_received'> | Of<'request_closed'>,
): Promise<Rendered | null> {
  const view = await viewRequest(deps)({ requestId: notice.requestId });
  const to = view && (await inbox(deps, view.request.ask.personId));
  if (!view || !to) return null;
  // Another message reports what became of it.
  if (notice.kind === 'request_received' && !isOpen(view, deps.clock.now())) return null;
  return { to, ...(notice.kind === 'request_received' ? requestReceived(view) : requestClosed(view)) };
}

async function reminder(deps: RenderDeps, notice: Of<'review_reminder'>): Promise<Rendered | null> {
  const view = await viewRequest(deps)({ requestId: notice.requestId });
  const to = view && (await inbox(deps, notice.to));
  const now = deps.clock.now();
  const isDue = view !== null && isOpen(view, now) && view.asked.includes(notice.to);
  if (!to || !isDue || hasAnswered(view.request, notice.to)) return null;
  return { to, ...reviewReminder(view, now) };
}

async function commentNotice(deps: RenderDeps, notice: Of<'request_commented'>): Promise<Rendered | null> {
  const view = await viewRequest(deps)({ requestId: notice.requestId });
  const to = view && (await inbox(deps, notice.to));
  const message = view && requestCommented(view, notice.ordinal, isOpen(view, deps.clock.now()));
  return to && message ? { to, ...message } : null;
}

type ToHolder = Of<'grant_issued'> | Of<'grant_issued_changed'> | Of<'grant_revoked'> | Of<'grant_files'>;

async function issued(deps: RenderDeps, notice: ToHolder): Promise<Rendered | null> {
  const view = await viewGrant(deps)({ grantId: notice.grantId });
  const to = view && (await inbox(deps, view.grant.terms.personId));
  if (!view || !to) return null;
  const now = deps.clock.now();
  const isOver = view.grant.end !== null || hasExpired(view.grant, now);
  if (notice.kind === 'grant_revoked') return { to, ...grantRevoked(view) };
  if (notice.kind === 'grant_issued_changed') return isOver ? { to, ...grantOver(view), onlyUpdate: true } : null;
  if (isOver) return { to, ...grantIssuedTooLate(view) };
  if (notice.kind === 'grant_issued') return { to, ...grantIssued(view, deps.gateway) };
  const all = await deps.store.transaction((tx) => tx.grants.ofPerson(view.grant.terms.personId));
  const over = all.filter((grant) => grant.id !== view.grant.id && !isActive(grant, now)).slice(-STALE_GRANTS_MAX);
  return { to, blocks: [], ...grantFiles(view, over, deps.gateway) };
}

async function grantNotice(
  deps: RenderDeps,
  notice: Of<'grant_announced'> | Of<'grant_announced_changed'> | Of<'grant_ended'>,
): Promise<Rendered | null> {
  const view = await viewGrant(deps)({ grantId: notice.grantId });
  if (!view) return null;
  const { grant, heads } = view;
  const isEnd = notice.kind === 'grant_ended';
  const message = isEnd ? grantEnded(view) : grantAnnounced(view, deps.clock.now());
  const onlyUpdate = notice.kind === 'grant_announced_changed';
  const head = isEnd ? heads.latest : heads.created;
  const facts = { digest: grant.digest, ...(head && { audit_head: headText(head) }) };
  return { to: threadOf(view.engagement), ...message, facts, onlyUpdate };
}
