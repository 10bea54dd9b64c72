import type { AuditEventType } from '../../access/audit-event.ts';
import type { DeliveryState, OutboxItem } from '../../use-cases/notice.ts';
import { SECURITY_LANE } from '../../use-cases/notice.ts';
import type { Tx } from '../../use-cases/ports/store.ts';

/** Notices to security have their own lane, next to the lanes that they are about. */
const NEWS_LANE = 'deliveries';
const TOLD_MAX = 5;
const KEYS_MAX = 20;
/** After this time, messages that Slack does not accept are given up. */
const GIVE_UP_MS = 14 * 24 * 3_600_000;

const EVENT: Readonly<Record<DeliveryState, AuditEventType>> = {
  held: 'messages_held',
  resumed: 'messages_resumed',
  given_up: 'messages_given_up',
};

type About = {
  readonly item: OutboxItem;
  readonly error: string;
  readonly now: Date;
  readonly securityUsers: readonly string[];
};

/** The destination of a message is rejected: its lane waits, security is notified once, and in the end it is given up. */
export async function holdOrGiveUp(tx: Tx, about: About): Promise<'held' | 'given_up'> {
  const { item, error, now } = about;
  if (item.heldSince === null) {
    await tx.outbox.hold(item.id, now);
    await tell(tx, about, 'held', []);
    return 'held';
  }
  const before = new Date(now.getTime() - GIVE_UP_MS);
  if (item.heldSince >= before) return 'held';
  await tell(tx, about, 'given_up', await tx.outbox.giveUp(item.lane, before, error));
  return 'given_up';
}

/** Slack will never accept this one message. */
export async function giveUpOne(tx: Tx, about: About): Promise<void> {
  await tx.outbox.bury(about.item.id, about.error);
  await tell(tx, about, 'given_up', [about.item.key]);
}

/** A message that had waited for its place has arrived. */
export const resumed = (tx: Tx, about: About): Promise<void> => tell(tx, about, 'resumed', []);

async function tell(tx: Tx, about: About, state: DeliveryState, keys: readonly string[]): Promise<void> {
  const { item, error, now, securityUsers } = about;
  const facts = { lane: item.lane, error, count: keys.length, messages: keys.slice(0, KEYS_MAX) };
  await tx.audit.append({ type: EVENT[state], at: now, actor: { kind: 'daypass' }, facts });
  // A notice that cannot be delivered causes no further notices.
  if (item.notice.kind === 'delivery') return;
  const notice = {
    kind: 'delivery',
    state,
    lane: item.lane,
    at: now.toISOString(),
    error,
    count: keys.length,
  } as const;
  if (item.lane !== SECURITY_LANE) {
    await tx.outbox.enqueue({ ...notice, to: null }, NEWS_LANE);
    return;
  }
  for (const to of securityUsers.slice(0, TOLD_MAX)) await tx.outbox.enqueue({ ...notice, to }, `${NEWS_LANE}:${to}`);
}
